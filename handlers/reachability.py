"""What a channel tells of the contact itself: blocked, unblocked, moved, a group."""

from handlers import texts
from handlers.reply import Paragraph, Reply
from handlers.turn import Kind, MoveContact, Outcome, SetReachable, Turn


def reachability(turn: Turn) -> Outcome | None:
    """No conversation follows from these; in a group only commands are answered, with one line."""
    inbound = turn.inbound
    if inbound.kind in (Kind.BLOCKED, Kind.UNBLOCKED):
        effect = SetReachable(inbound.kind is Kind.UNBLOCKED)
        return Outcome(turn.conversation, effects=(effect,))
    if inbound.kind is Kind.MOVED:
        return Outcome(turn.conversation, effects=(MoveContact(inbound.argument),))
    if not inbound.group:
        return None
    if inbound.kind is not Kind.COMMAND:
        return Outcome(turn.conversation)
    said = Reply((Paragraph(texts.only_private(turn.t)),), turn.lang)
    return Outcome(turn.conversation, (said,))
