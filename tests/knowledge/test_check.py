"""Each rule of `helpline check` is broken once, and the real content breaks none."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.check import check_content
from knowledge.errors import ContentError
from knowledge.files import CONTENT, read_content

TODAY = date(2026, 11, 20)
ENTRY = "stay/pesel-ukr.yaml"

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two real entries with their phrasings, the contacts and the crisis cards."""
    for name in ("pesel-ukr", "travel"):
        for path in (CONTENT / "topics" / "stay").glob(f"{name}.*"):
            target = tmp_path / "topics" / "stay" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(CONTENT / "contacts.yaml", tmp_path)
    shutil.copytree(CONTENT / "crisis", tmp_path / "crisis")
    _change(tmp_path, lambda entry: entry.update(related=["stay.travel"]))
    _change(tmp_path, lambda entry: entry.update(related=["stay.pesel-ukr"]), "stay/travel.yaml")
    return tmp_path


def _change(folder: Path, change: Change, name: str = ENTRY) -> None:
    path = folder / "topics" / name
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(entry)
    path.write_text(yaml.safe_dump(entry, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _problems(folder: Path) -> list[str]:
    return [
        f"{problem.path.name}:{problem.sentence}"
        for problem in check_content(read_content(folder), TODAY)
        if not problem.warning
    ]


def test_the_real_content_is_in_order() -> None:
    """What ships has no problem that is more than a warning, on the day it was checked."""
    found = check_content(read_content(), TODAY)
    assert [str(problem) for problem in found if not problem.warning] == []


def test_the_copy_is_in_order(folder: Path) -> None:
    """So what the next tests find is what they broke."""
    assert _problems(folder) == []


BROKEN: list[tuple[str, Change, str]] = [
    ("a field in one language", lambda e: e["uk"].update(cost="0 zł"), "only one of them"),
    ("a step more", lambda e: e["ru"]["steps"].append("ещё"), "lines"),
    ("another amount", lambda e: e["pl"].update(answer=e["pl"]["answer"] + " 77"), "differ in: 77"),
    ("a link more", lambda e: e["en"].update(answer="See x.gov.pl"), "x.gov.pl"),
    ("swapped digits", lambda e: _add(e, " 12 210 02 20"), "swapped digits"),
    ("too long", lambda e: _add(e, " слово" * 300), "characters; at most"),
    ("unknown related", lambda e: e.update(related=["stay.nowhere"]), "there is no stay.nowhere"),
    ("unknown contact", lambda e: e.update(contacts=["nobody"]), "there is no nobody"),
    ("unknown service", lambda e: e.update(services=["magic"]), "there is no magic"),
    ("expired", lambda e: e.update(valid_until=date(2026, 11, 19)), "expired"),
    ("from the future", lambda e: e.update(checked_on=date(2027, 1, 1)), "day to come"),
    ("unchecked", lambda e: e.update(volatile=True, contacts=[], links=[]), "where to check"),
    ("superseded", lambda e: _add(e, " Chłopickiego 4"), "superseded"),
]


def _add(entry: dict[str, Any], words: str) -> None:
    for lang in ("uk", "ru", "en", "pl"):
        entry[lang]["answer"] += words


@pytest.mark.parametrize(("name", "change", "part"), BROKEN, ids=[item[0] for item in BROKEN])
def test_each_rule_finds_what_breaks_it(name: str, change: Change, part: str, folder: Path) -> None:
    """The sentence says what is wrong."""
    _change(folder, change)
    assert any(part in problem for problem in _problems(folder)), name


def test_a_repeated_phrasing_is_found(folder: Path) -> None:
    """The same line twice teaches the search nothing."""
    path = folder / "topics" / "stay" / "pesel-ukr.uk.txt"
    line = path.read_text(encoding="utf-8").splitlines()[0]
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert any("stands here 2 times" in problem for problem in _problems(folder))


def test_a_phrasing_of_two_topics_is_found(folder: Path) -> None:
    """It would teach the search that the two are one."""
    line = (folder / "topics" / "stay" / "travel.pl.txt").read_text(encoding="utf-8")
    with (folder / "topics" / "stay" / "pesel-ukr.pl.txt").open("a", encoding="utf-8") as file:
        file.write("\n" + line.splitlines()[0] + "\n")
    assert any("too" in problem for problem in _problems(folder))


def test_112_comes_first_on_every_card(folder: Path) -> None:
    """A card that begins with another number is refused."""
    path = folder / "crisis" / "violence.yaml"
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    card["contacts"].reverse()
    path.write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    assert any("112 must come first" in problem for problem in _problems(folder))


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("id: stay.pesel-ukr\nid: twice\n", 2, "twice"),
        ("id: [\n", 2, ""),
        ("- a list\n", 1, "keys and values"),
        ("id: stay.pesel-ukr\nchecked_on: soon\n", 2, "checked_on"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    text: str, line: int, part: str, folder: Path
) -> None:
    """The editor finds the place without searching."""
    (folder / "topics" / ENTRY).write_text(text, encoding="utf-8")
    with pytest.raises(ContentError) as raised:
        read_content(folder)
    assert any(
        problem.path.name == "pesel-ukr.yaml" and problem.line == line and part in problem.sentence
        for problem in raised.value.problems
    )


def test_fewer_languages_are_enough_when_said(folder: Path) -> None:
    """A folder in English only is read with langs=("en",) and refused with all four."""
    for name in (ENTRY, "stay/travel.yaml"):
        _change(folder, lambda entry: [entry.pop(lang) for lang in ("uk", "ru", "pl")], name)  # type: ignore[arg-type]
    assert read_content(folder, ("en",)).langs == ("en",)
    with pytest.raises(ContentError, match="uk is missing"):
        read_content(folder)
