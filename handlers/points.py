"""Where people are helped: the curated answer about the points.

Sorting the points by distance is the work of knowledge/places when it comes.
"""

from handlers import texts
from handlers.action import Name
from handlers.entry import answer
from handlers.reply import Paragraph
from handlers.turn import Kind, Outcome, Turn, Verdict

TOPIC = "info.points"


def points(turn: Turn) -> Outcome | None:
    """/points, the button, and a shared location, which is used and not kept."""
    if turn.inbound.kind is Kind.LOCATION:
        return _where(turn, Paragraph(texts.places_not_sorted(turn.t)))
    if turn.commanded("points") or turn.pressed(Name.PLACES):
        return _where(turn)
    return None


def _where(turn: Turn, *before: Paragraph) -> Outcome | None:
    entry = turn.knowledge.entry(TOPIC, turn.today)
    if entry is None:
        return None
    reply = answer(turn, entry)
    return Outcome(
        turn.conversation.but(topic=TOPIC, unsure=0),
        (reply.but(blocks=(*before, *reply.blocks)),),
        verdict=Verdict("answer", (TOPIC,), 1.0),
    )
