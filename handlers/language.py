"""The first words of a conversation and its language."""

from handlers import menu, texts
from handlers.action import Action, Name
from handlers.reply import Button, Paragraph, Reply
from handlers.translate import translator
from handlers.turn import Conversation, Inbound, Kind, Outcome, Turn
from knowledge.languages import LANGS, Lang, is_lang, lang_of_tag
from knowledge.search.language_id import LanguageId

DEFAULT: Lang = "uk"
"""Spoken when nothing is known of the person: most who come here read Ukrainian."""


def spoken(inbound: Inbound, conversation: Conversation, language_id: LanguageId) -> Lang:
    """The language to answer in: that of the message if it is clear, else the chosen one."""
    prior = conversation.lang or lang_of_tag(inbound.device_lang)
    is_written = inbound.kind in (Kind.TEXT, Kind.EDITED) and inbound.text
    noticed = language_id.detect(inbound.text, prior) if is_written else None
    return noticed or prior or DEFAULT


def language(turn: Turn) -> Outcome | None:
    """Start, the choice of a language, and a deep link that names a topic."""
    if turn.pressed(Name.LANGUAGE):
        return _chosen(turn)
    if turn.pressed(Name.LANGUAGES) or turn.commanded("language"):
        return Outcome(turn.conversation, (_choose(turn),))
    if turn.inbound.kind is Kind.STARTED or turn.commanded("start"):
        return _started(turn)
    return None


def topic_of_link(parameter: str) -> str:
    """The topic a deep link names: Telegram allows no dot, so stay_pesel-ukr is stay.pesel-ukr."""
    return parameter.replace("_", ".", 1)


def _started(turn: Turn) -> Outcome | None:
    known = turn.conversation.lang or lang_of_tag(turn.inbound.device_lang)
    parameter = turn.inbound.argument
    if is_lang(parameter):
        here = turn.in_language(parameter)
        return Outcome(turn.conversation.but(lang=parameter, greeted=True), (_welcome(here),))
    if turn.knowledge.entry(topic_of_link(parameter), turn.today):
        return None
    if known is None:
        return Outcome(turn.conversation, (_ask_in_all(turn),))
    return Outcome(menu.greeted(turn), (_welcome(turn),))


def _welcome(turn: Turn) -> Reply:
    ask = Paragraph(texts.ask_freely(turn.t))
    return Reply((*menu.greeting_blocks(turn), ask), turn.lang, menu.theme_rows(turn))


def _choose(turn: Turn) -> Reply:
    return Reply((Paragraph(texts.choose_language(turn.t)),), turn.lang, _language_rows())


def _ask_in_all(turn: Turn) -> Reply:
    questions = tuple(Paragraph(texts.choose_language(translator(lang))) for lang in LANGS)
    return Reply(questions, turn.lang, _language_rows())


def _language_rows() -> tuple[tuple[Button, ...], ...]:
    buttons = [Button.of(texts.NAMES[lang], Action(Name.LANGUAGE, lang)) for lang in LANGS]
    return (tuple(buttons[:2]), tuple(buttons[2:]))


def _chosen(turn: Turn) -> Outcome:
    assert turn.action is not None
    lang = turn.action.value
    if not is_lang(lang):
        return Outcome(turn.conversation, (_choose(turn),))
    here = turn.in_language(lang)
    if not turn.conversation.greeted:
        return Outcome(menu.greeted(here).but(lang=lang), (_welcome(here),))
    said = menu.themes(here, f"{texts.language_chosen(here.t)} {texts.ask_freely(here.t)}")
    return Outcome(turn.conversation.but(lang=lang, switch_offered=None), (said,))


def with_switch_offered(turn: Turn, outcome: Outcome) -> Outcome:
    """The outcome, and once the offer to go on in the language the person wrote in."""
    chosen = turn.conversation.lang
    if not outcome.replies or chosen is None or turn.lang == chosen:
        return outcome
    if turn.conversation.switch_offered == turn.lang or outcome.conversation.lang != chosen:
        return outcome
    button = Button.of(texts.button_switch(turn.t), Action(Name.LANGUAGE, turn.lang))
    offer = Reply((Paragraph(texts.language_noticed(turn.t)),), turn.lang, ((button,),))
    return outcome.but(
        conversation=outcome.conversation.but(switch_offered=turn.lang),
        replies=(*outcome.replies, offer),
    )
