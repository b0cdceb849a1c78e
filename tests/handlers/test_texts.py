"""The sentences of the bot, complete and right in every language."""

import re
import string
from datetime import date, datetime

import pytest
from babel.messages.pofile import read_po

from bot.web.chat_texts import page_words
from handlers import texts
from handlers.action import CALLBACK_LIMIT, Action, Name
from handlers.translate import CATALOGUES, missing_messages, translator
from knowledge.entries import THEMES
from knowledge.languages import LANGS, Lang
from knowledge.places.hours import POLAND, Hours

OFFICE = Hours("Mo-Fr 08:00-16:00; PH off")


@pytest.mark.parametrize("lang", LANGS)
def test_every_sentence_is_translated(lang: Lang) -> None:
    """No catalogue has a gap or a doubtful entry."""
    assert missing_messages(lang) == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_catalogue_has_the_sentences_of_the_template(lang: Lang) -> None:
    """What `make messages` would extract is there, and nothing else."""
    with (CATALOGUES / "bot.pot").open("rb") as source:
        template = {(message.context, message.id) for message in read_po(source)}
    with (CATALOGUES / lang / "LC_MESSAGES" / "bot.po").open("rb") as source:
        ours = {(message.context, message.id) for message in read_po(source)}
    assert ours == template


@pytest.mark.parametrize("lang", LANGS)
def test_placeholders_are_kept(lang: Lang) -> None:
    """A translation has exactly the named places of its sentence."""
    with (CATALOGUES / lang / "LC_MESSAGES" / "bot.po").open("rb") as source:
        catalogue = read_po(source, locale=lang)
    wrong = [
        message.id
        for message in catalogue
        if message.id
        for string_ in _strings(message.string)
        if _places(string_) != _places(_strings(message.id)[0])
    ]
    assert wrong == []


def _strings(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))  # type: ignore[call-overload]


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


DAYS: dict[Lang, list[str]] = {
    "uk": ["1 день", "2 дні", "5 днів", "21 день"],
    "ru": ["1 день", "2 дня", "5 дней", "21 день"],
    "en": ["1 day", "2 days", "5 days", "21 days"],
    "pl": ["1 dzień", "2 dni", "5 dni", "21 dni"],
}


@pytest.mark.parametrize("lang", LANGS)
def test_plurals_of_1_2_5_and_21(lang: Lang) -> None:
    """Ukrainian and Russian say 21 as they say 1, Polish does not."""
    said = [texts.privacy_line(translator(lang), days) for days in (1, 2, 5, 21)]
    found = [re.findall(r"\d+ \w+", sentence)[0] for sentence in said]
    assert found == DAYS[lang]


@pytest.mark.parametrize("lang", LANGS)
def test_buttons_fit(lang: Lang) -> None:
    """Labels of themes, crises and buttons are at most 32 characters."""
    t = translator(lang)
    labels = [texts.theme_name(t, theme) for theme in THEMES]
    labels += [
        texts.crisis_name(t, kind)
        for kind in ("danger", "violence", "suicide", "child", "missing", "trafficking")
    ]
    labels += [
        said(t)
        for name, said in vars(texts).items()
        if name.startswith("button_") and callable(said)
    ]
    assert [label for label in labels if len(label) > 32] == []


def test_the_next_opening_is_said_as_people_say_it() -> None:
    """Friday evening: Monday by name; the evening before: tomorrow; in the morning: today."""
    moments = [(20, 17), (22, 17), (23, 6)]
    said = [
        texts.person_called(
            translator("en"), "en", OFFICE, datetime(2026, 11, day, hour, tzinfo=POLAND)
        )
        for day, hour in moments
    ]
    assert ["on Monday 23 November at 8:00" in said[0], "tomorrow at 8:00" in said[1]] == [
        True,
        True,
    ]
    assert "today at 8:00" in said[2]


def test_on_duty_nobody_is_promised_a_minute() -> None:
    """While the service is open the end of it is named."""
    now = datetime(2026, 11, 23, 10, 0, tzinfo=POLAND)
    assert "16:00" in texts.person_called(translator("en"), "en", OFFICE, now)


def test_dates_are_in_words() -> None:
    """Each language writes the same day its own way."""
    said = {lang: texts.day(lang, date(2026, 11, 20)) for lang in LANGS}
    assert said == {
        "uk": "20 листопада 2026\u202fр.",
        "ru": "20 ноября 2026\u202fг.",
        "en": "20 November 2026",
        "pl": "20 listopada 2026",
    }


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_has_all_its_words(lang: Lang) -> None:
    """Each language has the same keys, none empty."""
    words = page_words(translator(lang))
    assert words.keys() == page_words(translator("en")).keys()
    assert all(words.values())


def test_an_action_that_does_not_fit_is_refused() -> None:
    """64 bytes travel, not one more."""
    room = CALLBACK_LIMIT - len("t:")
    assert len(Action(Name.TOPIC, "x" * room).encode()) == CALLBACK_LIMIT
    with pytest.raises(ValueError, match="does not fit"):
        Action(Name.TOPIC, "x" * (room + 1)).encode()
