"""The themes menu, for those who prefer tapping, and the buttons that stand everywhere."""

from handlers import texts
from handlers.action import Action, Name
from handlers.reply import Button, Listing, Paragraph, Reply
from handlers.translate import Translator
from handlers.turn import Conversation, Kind, Outcome, Turn
from knowledge.entries import THEMES


def person_button(t: Translator) -> Button:
    """The button that stands under every reply that could disappoint."""
    return Button.of(texts.button_person(t), Action(Name.PERSON))


def menu_button(t: Translator) -> Button:
    """Back to the themes."""
    return Button.of(texts.button_menu(t), Action(Name.MENU))


def menu(turn: Turn) -> Outcome | None:
    """Themes, the topics of a theme, and help."""
    if turn.commanded("help"):
        return Outcome(turn.conversation, (_help(turn),))
    if turn.pressed(Name.THEME):
        return _theme(turn)
    if turn.pressed(Name.MENU) or turn.commanded("menu"):
        return Outcome(turn.conversation, (themes(turn, texts.ask_freely(turn.t)),))
    return None


def lost_button(turn: Turn) -> Outcome | None:
    """A button nobody knows, or a command that isn't ours: the menu."""
    if turn.inbound.kind is Kind.ACTION:
        return Outcome(turn.conversation, (themes(turn, texts.old_button(turn.t)),))
    if turn.inbound.kind is Kind.COMMAND:
        return Outcome(turn.conversation, (_help(turn),))
    return None


def theme_rows(turn: Turn) -> tuple[tuple[Button, ...], ...]:
    """All themes two in a row, then danger, a person and the language."""
    shown = [theme for theme in THEMES if turn.knowledge.theme(theme, turn.today)]
    buttons = [
        Button.of(texts.theme_name(turn.t, theme), Action(Name.THEME, theme)) for theme in shown
    ]
    pairs = tuple(tuple(buttons[start : start + 2]) for start in range(0, len(buttons), 2))
    danger = Button.of(texts.button_danger(turn.t), Action(Name.CRISIS))
    language = Button.of(texts.button_language(turn.t), Action(Name.LANGUAGES))
    return (*pairs, (danger, person_button(turn.t)), (language, _privacy_button(turn.t)))


def _privacy_button(t: Translator) -> Button:
    return Button.of(texts.button_privacy(t), Action(Name.PRIVACY))


def themes(turn: Turn, sentence: str) -> Reply:
    """A sentence with all themes under it."""
    return Reply((Paragraph(sentence),), turn.lang, theme_rows(turn))


def _theme(turn: Turn) -> Outcome:
    assert turn.action is not None
    theme = turn.action.value
    entries = turn.knowledge.theme(theme, turn.today) if theme in THEMES else ()
    if not entries:
        return Outcome(turn.conversation, (themes(turn, texts.old_button(turn.t)),))
    rows = tuple(
        (Button.of(entry.texts[turn.lang].label, Action(Name.TOPIC, entry.id)),)
        for entry in entries
    )
    title = Paragraph(texts.choose_topic(turn.t, texts.theme_name(turn.t, theme)))
    back = (menu_button(turn.t), person_button(turn.t))
    return Outcome(turn.conversation, (Reply((title,), turn.lang, (*rows, back)),))


def _help(turn: Turn) -> Reply:
    blocks = (Paragraph(texts.help_text(turn.t)), Listing(texts.help_commands(turn.t)))
    return Reply(blocks, turn.lang, theme_rows(turn))


def greeting_blocks(turn: Turn) -> tuple[Paragraph, ...]:
    """Who speaks here, that a person can be reached, and what is kept."""
    return (
        Paragraph(texts.greeting(turn.t)),
        Paragraph(texts.privacy_line(turn.t, turn.kept_days), small=True),
    )


def greeted(turn: Turn) -> Conversation:
    """The conversation after the greeting was said."""
    return turn.conversation.but(greeted=True, lang=turn.conversation.lang or turn.lang)
