"""From a message to a finding: words, languages, layouts, and the file the search is kept in."""

import shutil
from pathlib import Path

import pytest

from knowledge.files import read_content
from knowledge.languages import Lang
from knowledge.search.build import fingerprint, load, load_or_build
from knowledge.search.engine import FindingKind
from knowledge.search.normalise import other_layouts, skeleton
from knowledge.snapshot import Snapshot
from tests.conftest import CACHE

SAME = [
    ("песель", "pesel"),
    ("хочу", "hochu"),
    ("możecie", "mozecie"),
    ("ужонд", "uzhond"),
    ("дев'ять", "девять"),
    ("Łódź", "lodz"),
    ("ещё", "еще"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_word_is_one_in_every_alphabet(one: str, other: str) -> None:
    """However it was typed."""
    assert skeleton(one.replace("'", "")) == skeleton(other)


def test_the_other_keyboard_layout_is_tried() -> None:
    """«lsz gk» is «дія пл» typed with the wrong layout."""
    assert "дія пл" in other_layouts("lsz gk")
    assert "hello" in other_layouts("руддщ")


@pytest.mark.parametrize(
    ("text", "prior", "lang"),
    [
        ("як знайти роботу в Кракові", "ru", "uk"),
        ("где найти работу и кто поможет", "uk", "ru"),
        ("where can I look for a job in Kraków", "uk", "en"),
        ("gdzie szukać pracy w Krakowie i kto pomoże", "uk", "pl"),
        ("yak znaity robotu v krakovi bez dosvidu", "uk", "uk"),
        ("ok", "ru", "ru"),
        ("PESEL", "uk", "uk"),
        ("112", "pl", "pl"),
    ],
)
def test_the_language_is_that_of_the_message(
    text: str, prior: Lang, lang: Lang, knowledge: Snapshot
) -> None:
    """A clear message overturns the language chosen before, a short one does not."""
    assert knowledge.search.language_id.detect(text, prior) == lang


def test_without_letters_and_without_a_choice_nothing_is_guessed(knowledge: Snapshot) -> None:
    """Numbers and emoji have no language."""
    assert knowledge.search.language_id.detect("112 👍", None) is None


@pytest.mark.parametrize(
    ("text", "lang", "kind"),
    [
        ("покличте людину, хочу поговорити з оператором", "uk", FindingKind.HUMAN),
        ("please connect me to a real person", "en", FindingKind.HUMAN),
        ("dziękuję bardzo za pomoc", "pl", FindingKind.SMALLTALK),
        ("привет", "ru", FindingKind.SMALLTALK),
        ("видаліть усі мої повідомлення і дані", "uk", FindingKind.ERASE),
    ],
)
def test_what_is_no_question_is_told_apart(
    text: str, lang: Lang, kind: FindingKind, knowledge: Snapshot
) -> None:
    """A wish for a person, small talk, and the wish to be forgotten."""
    assert knowledge.search.ask(text, lang).kind is kind


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("як отримати песель зі статусом укр", "uk"),
        ("jak dostac pesel ukr i jakie dokumenty", "pl"),
        ("how do i get pesel number with ukr status", "en"),
        ("Добрий день! Підкажіть будь ласка, як отримати песель укр? Дякую", "uk"),
        ("zr jnhbvfnb gtctkm erh", "uk"),
    ],
)
def test_a_question_finds_its_topic(text: str, lang: Lang, knowledge: Snapshot) -> None:
    """Also without diacritics, behind politeness, and on the wrong layout."""
    finding = knowledge.search.ask(text, lang)
    assert finding.topics[0] == "stay.pesel-ukr"


def test_another_country_is_never_answered_at_once(knowledge: Snapshot) -> None:
    """The same question about Poland is."""
    here = knowledge.search.ask("де знайти роботу і хто допоможе з резюме", "uk")
    there = knowledge.search.ask("де знайти роботу в Німеччині і хто допоможе з резюме", "uk")
    assert (here.kind, there.kind) == (FindingKind.ANSWER, FindingKind.CHOICES)


def test_bought_papers_are_not_a_question_of_ours(knowledge: Snapshot) -> None:
    """It hears that we don't know, not how to apply."""
    assert knowledge.search.ask("продам песель укр недорого", "uk").kind is FindingKind.UNSURE


def test_a_long_message_and_an_empty_one_are_survived(knowledge: Snapshot) -> None:
    """Nothing to learn from, and no error either."""
    for text in ("", "   ", "👍👍👍", "а" * 5000, "слово " * 3000):
        assert knowledge.search.ask(text, "uk").lang == "uk"


def test_a_damaged_file_is_built_again(small_content: Path, tmp_path: Path) -> None:
    """It is never trusted."""
    content = read_content(small_content)
    name = f"search-{fingerprint(content)[:16]}.npz"
    load_or_build(content, CACHE)
    damaged = tmp_path / name
    damaged.write_bytes((CACHE / name).read_bytes()[:1000])
    engine = load_or_build(content, tmp_path)
    assert engine.ask("як отримати песель укр", "uk").topics[0] == "stay.pesel-ukr"
    assert damaged.stat().st_size == (CACHE / name).stat().st_size


def test_a_file_of_other_content_is_not_trusted(small_content: Path, tmp_path: Path) -> None:
    """The name may lie, the key inside does not."""
    content = read_content(small_content)
    key = fingerprint(content)
    load_or_build(content, CACHE)
    copy = tmp_path / "search-renamed.npz"
    shutil.copy(CACHE / f"search-{key[:16]}.npz", copy)
    assert load(copy, key, content).ranker.labels
    with pytest.raises(ValueError, match="other content"):
        load(copy, "0" * 64, content)
