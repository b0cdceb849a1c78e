"""Answers from the knowledge base: the answer, a choice, or "I don't know". Never composed."""

from handlers import menu, texts
from handlers.action import Action, Name
from handlers.entry import answer, topic_button
from handlers.language import topic_of_link
from handlers.reply import Button, Paragraph, Reply
from handlers.turn import CaseState, Kind, Outcome, Turn, Verdict
from knowledge.entries import Entry
from knowledge.search.engine import FindingKind

CHOICES = 4
"""How many topics are offered at most: more are not read on a phone."""


def faq(turn: Turn) -> Outcome | None:
    """A topic by button, deep link or number, or whatever the text is about."""
    if turn.pressed(Name.TOPIC):
        assert turn.action is not None
        return _topic(turn, turn.action.value)
    if turn.commanded("start") or turn.inbound.kind is Kind.STARTED:
        return _topic(turn, topic_of_link(turn.inbound.argument))
    if turn.pressed(Name.NOTHING_FITS):
        return _unsure(turn)
    if turn.words:
        return _picked(turn) or _found(turn)
    return None


def _topic(turn: Turn, topic: str, verdict: Verdict | None = None) -> Outcome:
    entry = turn.knowledge.entry(topic, turn.today)
    if entry is None:
        return _not_served(turn, topic)
    conversation = turn.conversation.but(topic=topic, offered=(), unsure=0)
    return Outcome(
        conversation, (answer(turn, entry),), verdict=verdict or Verdict("answer", (topic,), 1.0)
    )


def _not_served(turn: Turn, topic: str) -> Outcome:
    if topic not in turn.knowledge.content.entries:
        return Outcome(turn.conversation, (menu.themes(turn, texts.old_button(turn.t)),))
    buttons = ((menu.person_button(turn.t), menu.menu_button(turn.t)),)
    reply = Reply((Paragraph(texts.no_such_answer(turn.t)),), turn.lang, buttons)
    return Outcome(turn.conversation, (reply,), verdict=Verdict("unsure"))


def _picked(turn: Turn) -> Outcome | None:
    """One of the offered choices, typed by its number or its label (Viber shows them as text)."""
    offered = turn.conversation.offered
    typed = turn.words.strip(" .)").casefold()
    for number, topic in enumerate(offered, start=1):
        entry = turn.knowledge.entry(topic, turn.today)
        if entry and typed in (str(number), entry.texts[turn.lang].label.casefold()):
            return _topic(turn, topic)
    return None


def _found(turn: Turn) -> Outcome:
    finding = turn.finding()
    verdict = Verdict(finding.kind.value, finding.topics, finding.score)
    if finding.kind is FindingKind.ANSWER:
        return _topic(turn, finding.topics[0], verdict)
    if finding.kind is FindingKind.CHOICES:
        entries = [turn.knowledge.entry(topic, turn.today) for topic in finding.topics]
        served = [entry for entry in entries if entry][:CHOICES]
        if served:
            return _choices(turn, served, verdict)
    return _unsure(turn, Verdict("unsure", finding.topics, finding.score))


def _choices(turn: Turn, entries: list[Entry], verdict: Verdict) -> Outcome:
    rows: list[tuple[Button, ...]] = [(topic_button(turn, entry),) for entry in entries]
    nothing = Button.of(texts.button_nothing_fits(turn.t), Action(Name.NOTHING_FITS))
    reply = Reply(
        (Paragraph(texts.choices(turn.t)),),
        turn.lang,
        (*rows, (nothing, menu.person_button(turn.t))),
    )
    offered = tuple(entry.id for entry in entries)
    return Outcome(turn.conversation.but(offered=offered), (reply,), verdict=verdict)


def _unsure(turn: Turn, verdict: Verdict | None = None) -> Outcome:
    times = turn.conversation.unsure + 1
    conversation = turn.conversation.but(unsure=times, offered=())
    if turn.conversation.case is CaseState.WAITING:
        sentence = texts.unsure_waiting(turn.t)
    else:
        sentence = texts.unsure(turn.t) if times == 1 else texts.unsure_again(turn.t)
    buttons = ((menu.person_button(turn.t), menu.menu_button(turn.t)),)
    reply = Reply((Paragraph(sentence),), turn.lang, buttons)
    return Outcome(conversation, (reply,), verdict=verdict or Verdict("unsure"))
