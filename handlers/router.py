"""Asks the handlers in order; the first outcome wins."""

from datetime import datetime
from functools import cache

from handlers import menu
from handlers.action import Name
from handlers.crisis import crisis
from handlers.escalation import escalation, silence
from handlers.faq import faq
from handlers.feedback import feedback
from handlers.language import language, spoken, with_switch_offered
from handlers.points import points
from handlers.privacy import privacy
from handlers.reachability import reachability
from handlers.reply import Reply
from handlers.smalltalk import smalltalk
from handlers.turn import Conversation, Handler, Inbound, Outcome, Turn
from knowledge.places.hours import Hours
from knowledge.search.engine import Finding
from knowledge.snapshot import Snapshot

HANDLERS: tuple[Handler, ...] = (
    reachability,
    crisis,
    privacy,
    language,
    feedback,
    silence,
    escalation,
    menu.menu,
    points,
    smalltalk,
    faq,
    menu.lost_button,
)


def build_turn(
    inbound: Inbound,
    conversation: Conversation,
    now: datetime,
    knowledge: Snapshot,
    service: Hours,
    *,
    kept_days: int = 30,
    kept_messages: int = 0,
    privacy_contact: str = "",
) -> Turn:
    """The turn of an inbound; the text is searched at most once, when a handler asks."""
    lang = spoken(inbound, conversation, knowledge.search.language_id)

    @cache
    def finding() -> Finding:
        return knowledge.search.ask(inbound.text, lang)

    return Turn(
        inbound,
        conversation,
        now,
        knowledge,
        service,
        lang,
        finding,
        kept_days=kept_days,
        kept_messages=kept_messages,
        privacy_contact=privacy_contact,
    )


def decide(turn: Turn) -> Outcome:
    """What the help line does about a turn."""
    found = (handler(turn) for handler in HANDLERS)
    outcome = next((outcome for outcome in found if outcome is not None), None)
    if outcome is None:
        return Outcome(turn.conversation)
    return with_switch_offered(turn, _with_greeting(turn, outcome))


def _with_greeting(turn: Turn, outcome: Outcome) -> Outcome:
    """Introduce ourselves before the first answer; a person in danger hears the card first."""
    if turn.conversation.greeted or outcome.conversation.greeted or not outcome.replies:
        return outcome
    if turn.inbound.group or _asks_language(outcome):
        return outcome
    greeted = outcome.conversation.but(greeted=True, lang=outcome.conversation.lang or turn.lang)
    hello = Reply(menu.greeting_blocks(turn), turn.lang)
    if outcome.replies[0].urgent:
        return outcome.but(conversation=greeted)
    return outcome.but(conversation=greeted, replies=(hello, *outcome.replies))


def _asks_language(outcome: Outcome) -> bool:
    """Whether the person is being asked for a language: the greeting follows the answer."""
    rows = outcome.replies[-1].buttons
    return bool(rows) and all(button.action.startswith(f"{Name.LANGUAGE}:") for button in rows[0])
