"""Calling a person of the hotline, and being silent while one speaks."""

from handlers import menu, texts
from handlers.action import Action, Name
from handlers.reply import Button, Paragraph, Reply
from handlers.turn import CaseState, CloseCase, OpenCase, Outcome, Turn, Verdict
from knowledge.search.engine import FindingKind


def silence(turn: Turn) -> Outcome | None:
    """While a person has the case, the bot says nothing; the operator sees the message."""
    return Outcome(turn.conversation) if turn.conversation.case is CaseState.TAKEN else None


def escalation(turn: Turn) -> Outcome | None:
    """Opens a case when a person is asked for, by button or in any wording."""
    if turn.pressed(Name.STOP_WAITING):
        return _stop(turn)
    if turn.pressed(Name.PERSON) or turn.commanded("person"):
        return _call(turn, score=1.0)
    if turn.words and turn.finding().kind is FindingKind.HUMAN:
        return _call(turn, turn.finding().score)
    return None


def _call(turn: Turn, score: float) -> Outcome:
    is_waiting = turn.conversation.case is CaseState.WAITING
    sentences = [
        texts.person_waiting_already(turn.t) if is_waiting else None,
        texts.person_called(turn.t, turn.lang, turn.service, turn.now),
        texts.person_meanwhile(turn.t),
    ]
    blocks = tuple(Paragraph(sentence) for sentence in sentences if sentence)
    stop = Button.of(texts.button_stop_waiting(turn.t), Action(Name.STOP_WAITING))
    reply = Reply(blocks, turn.lang, ((menu.menu_button(turn.t), stop),))
    return Outcome(
        turn.conversation.but(case=CaseState.WAITING, unsure=0),
        (reply,),
        () if is_waiting else (OpenCase("asked"),),
        Verdict("human", (), score),
    )


def _stop(turn: Turn) -> Outcome:
    if turn.conversation.case is not CaseState.WAITING:
        said = Reply((Paragraph(texts.not_waiting(turn.t)),), turn.lang)
        return Outcome(turn.conversation, (said,))
    said = Reply(
        (Paragraph(texts.stopped_waiting(turn.t)),), turn.lang, ((menu.menu_button(turn.t),),)
    )
    return Outcome(turn.conversation.but(case=CaseState.CLOSED), (said,), (CloseCase(),))
