"""The curated crisis phrases: what they catch, and what they must leave alone."""

import pytest

from knowledge.files import read_content
from knowledge.search.crisis import CrisisFinder
from knowledge.search.phrases import PhraseBook, PhraseError, read_phrase

FINDER = CrisisFinder(read_content().rules)

CRISES = [
    ("suicide", "я більше не хочу жити"),
    ("suicide", "ya bilshe ne hochu zhyty"),
    ("suicide", "не хачу больше жыть"),
    ("suicide", "nie chce juz zyc"),
    ("suicide", "i want to kil myself"),
    ("danger", "хтось ламає двері допоможіть"),
    ("danger", "he has a knife and is at my door"),
    ("danger", "ktos mnie sledzi i boje sie"),
    ("child", "сусіди б'ють дитину"),
    ("child", "sąsiad bije dziecko"),
    ("missing", "зникла дитина"),
    ("missing", "my daughter did not come home"),
    ("violence", "муж меня бьет"),
    ("violence", "mąż mnie bije"),
    ("violence", "cholovik mene bje"),
    ("trafficking", "забрали паспорт и не выпускают"),
]

ORDINARY = [
    "як записати дитину до школи",
    "мені нема за що жити, де взяти їжу",
    "нечем кормить детей, где помощь",
    "I can't live in this flat, it is cold",
    "moja karta pobytu zaginęła",
    "потеряла паспорт что делать",
    "husband left for Germany, how can I join him",
    "jak zabić czas w Krakowie z dziećmi",
    "хозяин выгоняет из квартиры",
    "мой работодатель не платит",
    "kiedy kończy się status UKR",
    "where can I find a doctor for my child",
]


@pytest.mark.parametrize(("kind", "text"), CRISES)
def test_a_crisis_is_recognised(kind: str, text: str) -> None:
    """In four languages, with typos, in Latin letters and without diacritics."""
    assert FINDER.find(text) == kind


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_question_is_none(text: str) -> None:
    """The card must not frighten whoever asks for a school."""
    assert FINDER.find(text) is None


def test_few_ordinary_phrasings_raise_an_alarm() -> None:
    """At most one in a hundred of the lines of topics that have nothing to do with danger."""
    quiet = ("education", "daily", "benefits", "stay", "info")
    lines = [
        line
        for topic, by_language in read_content().phrasings.items()
        if topic.split(".")[0] in quiet and topic != "daily.find-relatives"
        for texts in by_language.values()
        for line in texts[::7]
    ]
    alarms = [line for line in lines if FINDER.find(line)]
    assert len(lines) > 1000
    assert len(alarms) <= len(lines) / 100


def test_words_of_a_phrase_stand_near_each_other() -> None:
    """One word may stand between, four where the phrase allows it, no more."""
    book = PhraseBook(["want to die", "хочу .. померти"])
    assert [
        book.find(text) is not None
        for text in (
            "i want to just die",
            "i want to see the day of die",
            "хочу просто вже взяти і померти",
            "хочу щоб мій сусід по кімнаті зміг спокійно померти",
        )
    ] == [True, False, True, False]


def test_a_single_word_allows_no_typo() -> None:
    """“sprawy” is not “sprawca”."""
    book = PhraseBook(["sprawca"])
    assert book.find("to jest sprawca") is not None
    assert book.find("w mojej sprawie i sprawy") is None


def test_latin_phrases_mean_latin_words() -> None:
    """Polish «biła» is not Russian «была», though their skeletons are one."""
    book = PhraseBook(["mnie biła"])
    assert book.find("ona mnie biła") is not None
    assert book.find("она мне была") is None


@pytest.mark.parametrize("source", ["", "  ..  ", "()", "* слово"])
def test_a_phrase_without_words_is_refused(source: str) -> None:
    """The editor hears it from `helpline check`."""
    with pytest.raises(PhraseError):
        read_phrase(source)
