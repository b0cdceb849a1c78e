"""`helpline evaluate`: how well a file of labelled messages is understood, honestly by style.

A line is {"topic", "lang", "style", "text", "also"}: `topic` is a topic id, "human",
"smalltalk" or null for what belongs to none; `also` lists other topics that are right;
`hard` marks out-of-scope messages that share words with a topic.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import typer

from bot.ask import answer_line
from bot.settings import Settings
from knowledge.languages import is_lang
from knowledge.snapshot import Snapshot

FORMS = ("answer", "crisis")


@dataclass(frozen=True)
class Case:
    """One labelled message and what was made of it."""

    topic: str | None
    lang: str
    style: str
    text: str
    also: tuple[str, ...]
    hard: bool
    kind: str
    found: tuple[str, ...]
    spoken: str
    ms: float
    is_crisis: bool

    @property
    def expected(self) -> frozenset[str]:
        """All topics that are right."""
        return frozenset(filter(None, (self.topic, *self.also)))

    @property
    def is_topic(self) -> bool:
        """Whether a topic is wanted."""
        return self.topic not in (None, "human", "smalltalk")

    @property
    def is_right(self) -> bool:
        """Answered at once, and rightly."""
        return self.kind in FORMS and bool(self.found) and self.found[0] in self.expected

    @property
    def is_within(self) -> bool:
        """The right topic was answered or offered."""
        offered = self.kind == "choices" and bool(self.expected.intersection(self.found))
        return self.is_right or offered

    @property
    def is_wrong(self) -> bool:
        """A wrong answer was given as if it were right."""
        return self.kind in FORMS and not self.is_right


def read_cases(path: Path, knowledge: Snapshot, settings: Settings, now: datetime) -> list[Case]:
    """Ask every line of a file."""
    crisis = {card.topic for card in knowledge.cards.values()}
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = json.loads(line)
            text = row["text"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise typer.BadParameter(f"{path}:{number}: not a labelled message") from error
        lang = row.get("lang")
        said = answer_line(text, lang if is_lang(lang) else None, knowledge, settings, now)
        cases.append(
            Case(
                topic=row.get("topic"),
                lang=str(lang),
                style=str(row.get("style", "")),
                text=text,
                also=tuple(row.get("also") or ()),
                hard=bool(row.get("hard")),
                kind=said["kind"],
                found=tuple(said["topics"]),
                spoken=said["lang"],
                ms=said["ms"],
                is_crisis=row.get("topic") in crisis,
            )
        )
    return cases


Column = tuple[str, Callable[[Case], bool]]

TOPIC_COLUMNS: tuple[Column, ...] = (
    ("right at once", lambda case: case.is_right),
    ("right within choices", lambda case: case.is_within),
    ("wrong answer", lambda case: case.is_wrong),
    ("unsure", lambda case: case.kind == "unsure"),
)


@dataclass(frozen=True)
class Line:
    """One line of the report: shares of a group of messages."""

    name: str
    count: int
    shares: tuple[tuple[str, float], ...]


def report(cases: Sequence[Case]) -> list[Line]:
    """All lines: in all, by language, by style, and what belongs to no topic."""
    topics = [case for case in cases if case.is_topic]
    lines = [_line("in all", topics, TOPIC_COLUMNS)]
    for name in ("lang", "style"):
        groups: dict[str, list[Case]] = defaultdict(list)
        for case in topics:
            groups[getattr(case, name)].append(case)
        lines += [_line(key, groups[key], TOPIC_COLUMNS) for key in sorted(groups)]
    return [line for line in [*lines, *_others(cases)] if line.count]


def _others(cases: Sequence[Case]) -> list[Line]:
    outside = [case for case in cases if case.topic is None]
    shown: tuple[Column, ...] = (
        ("answered", lambda case: case.kind in FORMS),
        ("offered choices", lambda case: case.kind == "choices"),
        ("unsure", lambda case: case.kind in ("unsure", "smalltalk")),
    )
    human = [case for case in cases if case.topic == "human"]
    crisis = [case for case in cases if case.is_crisis]
    calm = [case for case in cases if not case.is_crisis]
    return [
        _line("out of scope", outside, shown),
        _line("… sharing words with a topic", [case for case in outside if case.hard], shown),
        _line(
            "smalltalk",
            [case for case in cases if case.topic == "smalltalk"],
            (("recognised", lambda case: case.kind in ("smalltalk", *case.also)),),
        ),
        _line("human", human, (("recognised", lambda case: case.kind == "human"),)),
        _line(
            "not human",
            [case for case in cases if case.topic != "human" and "human" not in case.also],
            (("false alarms", lambda case: case.kind == "human"),),
        ),
        _line("crisis", crisis, (("recognised", lambda case: case.kind == "crisis"),)),
        _line("no crisis", calm, (("false alarms", _is_false_alarm),)),
        _line("language", cases, (("as written", lambda case: case.spoken == case.lang),)),
    ]


def _is_false_alarm(case: Case) -> bool:
    return case.kind == "crisis" and not case.expected.intersection(case.found)


def _line(name: str, cases: Sequence[Case], columns: Iterable[Column]) -> Line:
    count = len(cases)
    shares = tuple(
        (title, sum(map(counts, cases)) / count if count else 0.0) for title, counts in columns
    )
    return Line(name, count, shares)


def confusions(cases: Sequence[Case], most: int = 15) -> list[tuple[str, str, int]]:
    """The pairs most often taken for one another: wanted, given, times."""
    pairs = Counter(
        (str(case.topic), case.found[0] if case.found else case.kind)
        for case in cases
        if case.is_topic and not case.is_right
    )
    return [(wanted, given, times) for (wanted, given), times in pairs.most_common(most)]


def print_report(cases: Sequence[Case]) -> None:
    """The report as text."""
    for line in report(cases):
        shares = "  ".join(f"{title} {share:6.1%}" for title, share in line.shares)
        typer.echo(f"{line.name:<30}{line.count:>5}  {shares}")
    times = sorted(case.ms for case in cases)
    if times:
        half, most = times[len(times) // 2], times[int(len(times) * 0.99)]
        typer.echo(f"{'time for one decision':<30}{len(times):>5}  p50 {half} ms  p99 {most} ms")
    typer.echo("\nMost confused (wanted → given):")
    for wanted, given, count in confusions(cases):
        typer.echo(f"  {count}× {wanted} → {given}")


def write_html(cases: Sequence[Case], path: Path) -> None:
    """The report as a page that needs nothing else, with a picture of the confusions."""
    rows = "".join(
        f"<tr><th>{escape(line.name)}<td>{line.count}<td>"
        + " · ".join(f"{escape(title)} {share:.1%}" for title, share in line.shares)
        for line in report(cases)
    )
    pairs = "".join(
        f"<tr><td>{escape(wanted)}<td>{escape(given)}<td>{count}"
        for wanted, given, count in confusions(cases, 40)
    )
    path.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Evaluation</title>"
        "<style>body{font:16px system-ui;margin:2rem;max-width:70rem}table{border-collapse:"
        "collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
        "</style><h1>How messages are understood</h1>"
        f"<table>{rows}</table><h2>Themes: wanted (rows) and given (columns)</h2>"
        f"{_picture(cases)}<h2>Most confused</h2><table><tr><th>wanted<th>given<th>times{pairs}"
        "</table>",
        encoding="utf-8",
    )


def _picture(cases: Sequence[Case]) -> str:
    counted = Counter(
        (_theme(case.topic), _theme(case.found[0]) if case.found else case.kind)
        for case in cases
        if case.is_topic
    )
    names = sorted({name for pair in counted for name in pair})
    size = 26
    side = size * len(names)
    parts = [
        f'<svg viewBox="-110 -90 {side + 120} {side + 100}" width="{side + 120}" role="img" '
        'aria-label="Confusion of themes">'
    ]
    for row, wanted in enumerate(names):
        total = sum(counted[wanted, given] for given in names) or 1
        middle = row * size + size * 0.65
        parts.append(f'<text x="-6" y="{middle}" text-anchor="end">{escape(wanted)}</text>')
        parts.append(
            f'<text transform="translate({middle},-6) rotate(-60)">{escape(wanted)}</text>'
        )
        for column, given in enumerate(names):
            share = counted[wanted, given] / total
            parts.append(
                f'<rect x="{column * size}" y="{row * size}" width="{size - 1}" '
                f'height="{size - 1}" fill="#0b5d66" fill-opacity="{0.04 + 0.96 * share:.2f}">'
                f"<title>{escape(wanted)} → {escape(given)}: {share:.0%}</title></rect>"
            )
    return "".join([*parts, "</svg>"])


def _theme(topic: str | None) -> str:
    return (topic or "none").split(".")[0]
