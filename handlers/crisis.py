"""A person in danger hears at once whom to call. First in every state, before everything else.

The curated phrases decide alone; what the search says is only asked when they are silent.
"""

from handlers import menu, texts
from handlers.action import Action, Name
from handlers.entry import call_block
from handlers.reply import AnyBlock, Button, Heading, Listing, Paragraph, Reply
from handlers.turn import Outcome, RecordCrisis, Turn, Verdict
from knowledge.entries import CrisisKind
from knowledge.search.engine import FindingKind

ALARMS: frozenset[str] = frozenset({"🆘", "sos", "s.o.s", "сос", "ratunku", "рятуйте", "спасите"})
"""Cries for help without a word of what happens: then it is asked, under 112."""


def crisis(turn: Turn) -> Outcome | None:
    """The card of the crisis a message holds or a button names."""
    if turn.pressed(Name.CRISIS):
        return _by_button(turn)
    if not turn.words:
        return None
    if turn.words.strip(" !.").casefold() in ALARMS:
        return Outcome(turn.conversation, (_which(turn),), verdict=Verdict("crisis", (), 1.0))
    kind = turn.knowledge.crisis.find(turn.words)
    if kind is not None:
        return _outcome(turn, kind, score=1.0)
    finding = turn.finding()
    if finding.kind is FindingKind.CRISIS:
        kind = turn.knowledge.card_of_topic(finding.topics[0])
        return _outcome(turn, kind, finding.score) if kind else None
    return None


def _by_button(turn: Turn) -> Outcome:
    assert turn.action is not None
    kind = next((kind for kind in turn.knowledge.cards if kind == turn.action.value), None)
    if kind is not None:
        return _outcome(turn, kind, score=1.0)
    return Outcome(turn.conversation, (_which(turn),))


def _which(turn: Turn) -> Reply:
    blocks = [Paragraph(texts.crisis_which(turn.t))]
    buttons = tuple(
        (Button.of(texts.crisis_name(turn.t, kind), Action(Name.CRISIS, kind)),)
        for kind in turn.knowledge.cards
    )
    person = (menu.person_button(turn.t),)
    return Reply(tuple(blocks), turn.lang, (*buttons, person), urgent=True)


def _outcome(turn: Turn, kind: CrisisKind, score: float) -> Outcome:
    topic = turn.knowledge.cards[kind].topic
    return Outcome(
        turn.conversation.but(topic=topic, unsure=0, offered=()),
        (card(turn, kind),),
        (RecordCrisis(kind),),
        Verdict("crisis", (topic,), score),
    )


def card(turn: Turn, kind: CrisisKind) -> Reply:
    """What is said at once: the first sentence, the lines with those open now, what to do."""
    chosen = turn.knowledge.cards[kind]
    calls = [call_block(turn, contact) for contact in turn.knowledge.contacts(chosen.contacts)]
    blocks: tuple[AnyBlock, ...] = (
        Heading(chosen.first[turn.lang]),
        *calls,
        Listing(chosen.advice[turn.lang]),
        Paragraph(texts.crisis_person(turn.t)),
    )
    buttons: list[tuple[Button, ...]] = [(menu.person_button(turn.t),)]
    if turn.knowledge.entry(chosen.topic, turn.today):
        more = Button.of(texts.button_more(turn.t), Action(Name.TOPIC, chosen.topic))
        buttons.append((more,))
    return Reply(blocks, turn.lang, tuple(buttons), entry=chosen.topic, urgent=True)
