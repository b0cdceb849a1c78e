"""`helpline ask`: messages decided by the handlers a real one meets, without any channel."""

import json
import time
from datetime import datetime
from typing import Any, TextIO

import typer

from bot.channels.plain import text_of
from bot.settings import Settings
from handlers.router import build_turn, decide
from handlers.turn import Conversation, Inbound, Kind, Outcome, Turn
from knowledge.languages import Lang, is_lang
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot


def first_turn(
    text: str, lang: Lang | None, knowledge: Snapshot, settings: Settings, now: datetime
) -> Turn:
    """The turn of a first message; `lang` is what the person's device speaks."""
    inbound = Inbound("webchat", "ask", "ask", Kind.TEXT, now, text=text, device_lang=lang or "")
    return build_turn(
        inbound,
        Conversation(lang=lang),
        now,
        knowledge,
        Hours(settings.service_hours),
        kept_days=settings.kept_days,
    )


def print_answer(
    text: str,
    lang: Lang | None,
    knowledge: Snapshot,
    settings: Settings,
    now: datetime,
    *,
    explain: bool,
) -> None:
    """Print what the bot would say, its buttons in brackets."""
    turn = first_turn(text, lang, knowledge, settings, now)
    outcome = decide(turn)
    for reply in outcome.replies:
        typer.echo(text_of(reply.blocks))
        for row in reply.buttons:
            typer.echo("  " + "  ".join(f"[{button.label}]" for button in row))
        typer.echo("")
    if explain:
        _explain(turn, outcome)


def _explain(turn: Turn, outcome: Outcome) -> None:
    finding = turn.finding()
    typer.echo(f"kind: {outcome.verdict.kind if outcome.verdict else 'none'}")
    typer.echo(f"language: {turn.lang}")
    phrase = turn.knowledge.crisis.find(turn.words)
    typer.echo(f"crisis phrases: {phrase or 'none'}")
    for line in finding.evidence:
        typer.echo(f"  {line}")


def answer_lines(
    source: TextIO, target: TextIO, knowledge: Snapshot, settings: Settings, now: datetime
) -> None:
    """Answer JSON lines {"text", "lang"?} with {"kind", "topics", "lang", "score", "ms"}."""
    for number, line in enumerate(source, start=1):
        if line.strip():
            asked = _read(line, number)
            lang = asked.get("lang")
            result = answer_line(
                str(asked["text"]), lang if is_lang(lang) else None, knowledge, settings, now
            )
            target.write(json.dumps(result, ensure_ascii=False) + "\n")


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"line {number} is not JSON: {error.msg}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("text"), str):
        raise typer.BadParameter(f'line {number} has no "text"')
    return asked


def answer_line(
    text: str, lang: Lang | None, knowledge: Snapshot, settings: Settings, now: datetime
) -> dict[str, Any]:
    """One message as a JSON object; `ms` is the time of the decision in milliseconds."""
    began = time.perf_counter()
    turn = first_turn(text, lang, knowledge, settings, now)
    verdict = decide(turn).verdict
    took = (time.perf_counter() - began) * 1000
    return {
        "kind": verdict.kind if verdict else "unsure",
        "topics": list(verdict.topics) if verdict else [],
        "lang": turn.lang,
        "score": round(verdict.score, 4) if verdict else 0.0,
        "ms": round(took, 2),
    }
