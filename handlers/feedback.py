"""Whether an answer helped: asked under each answer, taken once for each topic."""

from handlers import menu, texts
from handlers.action import Name
from handlers.reply import Paragraph, Reply
from handlers.turn import Outcome, RecordFeedback, Turn


def feedback(turn: Turn) -> Outcome | None:
    """The 👍 and 👎 buttons."""
    if not turn.pressed(Name.HELPED, Name.NOT_HELPED):
        return None
    assert turn.action is not None
    topic, helped = turn.action.value, turn.action.name is Name.HELPED
    if topic not in turn.knowledge.content.entries:
        return None
    if topic in turn.conversation.rated:
        said = Reply((Paragraph(texts.rated_already(turn.t)),), turn.lang)
        return Outcome(turn.conversation, (said,))
    conversation = turn.conversation.but(rated=(*turn.conversation.rated, topic))
    return Outcome(conversation, (_said(turn, helped),), (RecordFeedback(topic, helped),))


def _said(turn: Turn, helped: bool) -> Reply:
    if helped:
        return Reply((Paragraph(texts.thanks_for_helped(turn.t)),), turn.lang)
    buttons = ((menu.person_button(turn.t), menu.menu_button(turn.t)),)
    return Reply((Paragraph(texts.sorry_not_helped(turn.t)),), turn.lang, buttons)
