"""Short human answers to what is no question: greetings, thanks, photos, stickers."""

from collections.abc import Callable

from handlers import menu, texts
from handlers.reply import Paragraph, Reply
from handlers.translate import Translator
from handlers.turn import CaseState, Kind, Outcome, Turn, Verdict
from knowledge.search.engine import FindingKind, Smalltalk

ANSWERS: dict[Smalltalk, Callable[[Translator], str]] = {
    Smalltalk.GREETING: texts.hello,
    Smalltalk.THANKS: texts.you_are_welcome,
    Smalltalk.FAREWELL: texts.goodbye,
    Smalltalk.ACKNOWLEDGEMENT: texts.all_right,
    Smalltalk.ABOUT_BOT: texts.i_am_a_program,
    Smalltalk.RUDE: texts.rude,
}


def smalltalk(turn: Turn) -> Outcome | None:
    """What needs no search: small talk, and things a program can't read."""
    if turn.inbound.kind is Kind.ATTACHMENT and not turn.words:
        return _attachment(turn)
    if turn.inbound.kind is Kind.PHONE:
        return Outcome(turn.conversation, (_with_person(turn, texts.got_phone(turn.t)),))
    if turn.inbound.kind is Kind.UNSUPPORTED:
        return Outcome(turn.conversation, (_with_person(turn, texts.unsupported(turn.t)),))
    if turn.words and not any(char.isalnum() for char in turn.words):
        said = Reply((Paragraph(texts.got_sticker(turn.t)),), turn.lang)
        return Outcome(turn.conversation, (said,), verdict=Verdict("smalltalk", (), 1.0))
    if turn.words and turn.finding().kind is FindingKind.SMALLTALK:
        return _short_answer(turn)
    return None


def _short_answer(turn: Turn) -> Outcome:
    finding = turn.finding()
    kind = finding.smalltalk or Smalltalk.GREETING
    sentence = ANSWERS[kind](turn.t)
    if kind is Smalltalk.GREETING:
        reply = menu.themes(turn, sentence)
    elif kind in (Smalltalk.ABOUT_BOT, Smalltalk.RUDE):
        reply = _with_person(turn, sentence)
    else:
        reply = Reply((Paragraph(sentence),), turn.lang)
    verdict = Verdict("smalltalk", (), finding.score)
    return Outcome(turn.conversation.but(unsure=0), (reply,), verdict=verdict)


def _attachment(turn: Turn) -> Outcome:
    album = turn.inbound.attachment.album if turn.inbound.attachment else ""
    if album and album == turn.conversation.album:
        return Outcome(turn.conversation)
    return Outcome(turn.conversation.but(album=album), (_about_attachment(turn),))


def _about_attachment(turn: Turn) -> Reply:
    attachment = turn.inbound.attachment
    if attachment is not None and attachment.kind == "sticker":
        return Reply((Paragraph(texts.got_sticker(turn.t)),), turn.lang)
    if turn.conversation.case is CaseState.WAITING:
        return Reply((Paragraph(texts.got_attachment_waiting(turn.t)),), turn.lang)
    return _with_person(turn, texts.got_attachment(turn.t))


def _with_person(turn: Turn, sentence: str) -> Reply:
    buttons = ((menu.person_button(turn.t), menu.menu_button(turn.t)),)
    return Reply((Paragraph(sentence),), turn.lang, buttons)
