"""What is kept about a person, said plainly, and its removal. Works in every state."""

from handlers import texts
from handlers.action import Action, Name
from handlers.reply import AnyBlock, Button, Heading, Paragraph, Reply
from handlers.turn import Erase, Outcome, Turn, Verdict
from knowledge.search.engine import FindingKind


def privacy(turn: Turn) -> Outcome | None:
    """/privacy, /delete, their buttons, and "delete my data" in words."""
    if turn.pressed(Name.ERASE) and turn.conversation.erasing:
        return _erase(turn)
    if turn.commanded("delete") or turn.pressed(Name.ERASE):
        return _ask(turn)
    if turn.pressed(Name.KEEP):
        kept = Reply((Paragraph(texts.kept(turn.t)),), turn.lang)
        return Outcome(turn.conversation.but(erasing=False), (kept,))
    if turn.pressed(Name.PRIVACY_FULL):
        return Outcome(turn.conversation, (_full(turn),))
    if turn.commanded("privacy") or turn.pressed(Name.PRIVACY):
        return Outcome(turn.conversation, (_summary(turn),))
    if turn.words and turn.finding().kind is FindingKind.ERASE:
        asked = _ask(turn)
        return asked.but(verdict=Verdict("smalltalk", (), turn.finding().score))
    return None


def _ask(turn: Turn) -> Outcome:
    buttons = (
        Button.of(texts.button_erase(turn.t), Action(Name.ERASE)),
        Button.of(texts.button_keep(turn.t), Action(Name.KEEP)),
    )
    reply = Reply((Paragraph(texts.erase_ask(turn.t)),), turn.lang, (buttons,))
    return Outcome(turn.conversation.but(erasing=True), (reply,))


def _erase(turn: Turn) -> Outcome:
    said = Reply((Paragraph(texts.erased(turn.t)),), turn.lang)
    return Outcome(turn.conversation, (said,), (Erase(),))


def _summary(turn: Turn) -> Reply:
    blocks = (
        Heading(texts.button_privacy(turn.t)),
        Paragraph(texts.privacy_summary(turn.t, turn.kept_days)),
        Paragraph(texts.privacy_counts(turn.t, turn.kept_messages)),
        Paragraph(texts.privacy_not_kept(turn.t)),
        Paragraph(texts.privacy_who(turn.t)),
    )
    return Reply(blocks, turn.lang, (_buttons(turn),))


def _full(turn: Turn) -> Reply:
    paragraphs = [Paragraph(part) for part in texts.privacy_full(turn.t, turn.kept_days)]
    if turn.privacy_contact:
        paragraphs.append(Paragraph(texts.privacy_ask(turn.t, turn.privacy_contact)))
    blocks: tuple[AnyBlock, ...] = (Heading(texts.button_privacy(turn.t)), *paragraphs)
    erase = Button.of(texts.button_erase(turn.t), Action(Name.ERASE))
    return Reply(blocks, turn.lang, ((erase,),))


def _buttons(turn: Turn) -> tuple[Button, ...]:
    return (
        Button.of(texts.button_privacy_full(turn.t), Action(Name.PRIVACY_FULL)),
        Button.of(texts.button_erase(turn.t), Action(Name.ERASE)),
    )
