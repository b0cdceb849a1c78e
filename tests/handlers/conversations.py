"""Short ways to say what a test needs: a turn of this text, in that state."""

from datetime import datetime
from typing import Any

from bot.channels.plain import text_of
from handlers.router import build_turn, decide
from handlers.turn import Attachment, Conversation, Inbound, Kind, Outcome, Turn
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot
from tests.conftest import MONDAY

OFFICE = Hours("Mo-Fr 08:00-16:00; PH off")
GREETED = Conversation(lang="uk", greeted=True)


def inbound(kind: Kind = Kind.TEXT, text: str = "", **more: Any) -> Inbound:
    """Something a person sent."""
    return Inbound("telegram", "1", "7", kind, MONDAY, text=text, **more)


def turn_of(
    sent: Inbound,
    knowledge: Snapshot,
    conversation: Conversation = GREETED,
    now: datetime = MONDAY,
) -> Turn:
    """The turn of an inbound."""
    return build_turn(sent, conversation, now, knowledge, OFFICE, kept_messages=3)


def answered(
    sent: Inbound,
    knowledge: Snapshot,
    conversation: Conversation = GREETED,
    now: datetime = MONDAY,
) -> Outcome:
    """What is decided about an inbound."""
    return decide(turn_of(sent, knowledge, conversation, now))


def said(outcome: Outcome) -> str:
    """Everything an outcome says, as plain text."""
    return "\n\n".join(text_of(reply.blocks) for reply in outcome.replies)


def actions(outcome: Outcome) -> list[str]:
    """The actions of all buttons of the last reply."""
    return [button.action for row in outcome.replies[-1].buttons for button in row]


def sticker() -> Inbound:
    """A sticker."""
    return inbound(Kind.ATTACHMENT, attachment=Attachment("sticker", "ref"))


def photo(album: str = "") -> Inbound:
    """A photo without words."""
    return inbound(Kind.ATTACHMENT, attachment=Attachment("photo", "ref", album=album))
