"""What the Bot API takes and refuses, for one call.

Names and nested JSON are python-telegram-bot's, an implementation that is not the one we use.
Lengths, bytes and HTML, which it does not check, are those of the Bot API's documentation.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    TelegramObject,
)
from telegram.constants import (
    BotCommandLimit,
    CallbackQueryLimit,
    InlineKeyboardButtonLimit,
    InlineKeyboardMarkupLimit,
    MessageLimit,
)

from tests.fakes.telegram_html import HtmlRefused, parse_html, utf16_length

Json = dict[str, Any]

_OF_THE_LIBRARY = {
    "self", "read_timeout", "write_timeout", "connect_timeout", "pool_timeout", "api_kwargs",
    "allow_sending_without_reply", "reply_to_message_id", "disable_web_page_preview", "venue",
    "location",
}  # fmt: skip
"""Parameters of telegram.Bot that are its own or old, not the Bot API's."""

_REQUIRED = {
    "sendMessage": {"chat_id", "text"},
    "sendVenue": {"chat_id", "latitude", "longitude", "title", "address"},
    "sendLocation": {"chat_id", "latitude", "longitude"},
    "answerCallbackQuery": {"callback_query_id"},
    "setMyCommands": {"commands"},
    "setWebhook": {"url"},
}


class Refusal(Exception):
    """What Telegram answers to a call that it does not take; the message is the description."""


class Stranger(Exception):
    """A method, a parameter or a field that the Bot API does not have."""


@dataclass(frozen=True)
class Understood:
    """A call as Telegram reads it: nested JSON as objects, HTML as text and entities."""

    method: str
    params: Json


def understand(method: str, raw: Mapping[str, str]) -> Understood:
    """The call, or a Refusal or Stranger that says what is wrong with it."""
    _known(method, raw)
    missing = sorted(_REQUIRED.get(method, set()) - raw.keys())
    if missing:
        raise Refusal(f"Bad Request: parameter {missing[0]} is required")
    params = {name: _value(name, value) for name, value in raw.items()}
    _JUDGES.get(method, _takes_all)(params)
    return Understood(method, params)


def _known(method: str, raw: Mapping[str, str]) -> None:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower()
    function = getattr(Bot, snake, None)
    if "_" in method or not inspect.iscoroutinefunction(function):
        raise Stranger(f"the Bot API has no method {method}")
    strange = raw.keys() - (inspect.signature(function).parameters.keys() - _OF_THE_LIBRARY)
    if strange:
        raise Stranger(f"{method} has no parameter {', '.join(sorted(strange))}")


def _value(name: str, text: str) -> Any:
    reader = _READERS.get(name)
    try:
        return reader(text) if reader else text
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal(f"Bad Request: can't parse {name}: {error}") from error


def _object(kind: type[TelegramObject]) -> Callable[[str], TelegramObject]:
    return lambda text: _nested(kind, json.loads(text))


def _nested(kind: type[TelegramObject], data: Json) -> TelegramObject:
    """One object of the Bot API; a field it does not have is our mistake, not the person's."""
    found = kind.de_json(data, None)
    if found.api_kwargs:
        raise Stranger(f"{kind.__name__} has no field {', '.join(sorted(found.api_kwargs))}")
    return found


def _commands(text: str) -> list[TelegramObject]:
    return [_nested(BotCommand, item) for item in json.loads(text)]


def _markup(text: str) -> TelegramObject:
    data: Json = json.loads(text)
    if "inline_keyboard" in data:
        for button in (button for row in data["inline_keyboard"] for button in row):
            _nested(InlineKeyboardButton, button)
        return _nested(InlineKeyboardMarkup, data)
    # ReplyKeyboardMarkup reads no nested buttons by itself.
    rows = [[_nested(KeyboardButton, button) for button in row] for row in data["keyboard"]]
    return ReplyKeyboardMarkup(**{**data, "keyboard": rows})


def _chat(text: str) -> int:
    return int(text)


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READERS: dict[str, Callable[[str], Any]] = {
    "chat_id": _chat,
    "reply_markup": _markup,
    "link_preview_options": _object(LinkPreviewOptions),
    "commands": _commands,
    "scope": _object(BotCommandScope),
    "allowed_updates": json.loads,
    "latitude": float,
    "longitude": float,
    "offset": int,
    "limit": int,
    "timeout": int,
    "max_connections": int,
    "show_alert": _truth,
    "drop_pending_updates": _truth,
    "protect_content": _truth,
    "disable_notification": _truth,
}


def _takes_all(_: Json) -> None:
    return None


def _message(params: Json) -> None:
    mode = params.get("parse_mode")
    if mode not in (None, "HTML"):
        raise Stranger(f"the parse mode {mode} is not played here")
    text, entities = _html(params["text"]) if mode else (params["text"], [])
    if not text.strip():
        raise Refusal("Bad Request: message text is empty")
    if utf16_length(text) > MessageLimit.MAX_TEXT_LENGTH:
        raise Refusal("Bad Request: message is too long")
    # More entities are not refused: the rest of the text is shown without them.
    params |= {"text": text, "entities": entities[: MessageLimit.MESSAGE_ENTITIES]}
    _keyboard(params)


def _html(text: str) -> tuple[str, list[Any]]:
    try:
        return parse_html(text)
    except HtmlRefused as error:
        raise Refusal(f"Bad Request: can't parse entities: {error}") from error


def _keyboard(params: Json) -> None:
    markup = params.get("reply_markup")
    if not isinstance(markup, InlineKeyboardMarkup):
        return
    rows = markup.inline_keyboard
    if sum(map(len, rows)) > InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER:
        raise Refusal("Bad Request: reply markup is too long")
    if any(len(row) > InlineKeyboardMarkupLimit.BUTTONS_PER_ROW for row in rows):
        raise Refusal("Bad Request: BUTTON_ROW_TOO_LONG")
    for button in (button for row in rows for button in row):
        _inline_button(button)


def _inline_button(button: InlineKeyboardButton) -> None:
    if not button.text.strip():
        raise Refusal("Bad Request: inline keyboard button text must be non-empty")
    if button.callback_data is None:
        raise Refusal("Bad Request: text buttons are not allowed in the inline keyboard")
    size = len(str(button.callback_data).encode())
    least = InlineKeyboardButtonLimit.MIN_CALLBACK_DATA
    if not least <= size <= InlineKeyboardButtonLimit.MAX_CALLBACK_DATA:
        raise Refusal("Bad Request: BUTTON_DATA_INVALID")


def _place(params: Json) -> None:
    if not (abs(params["latitude"]) <= 90 and abs(params["longitude"]) <= 180):
        raise Refusal("Bad Request: wrong latitude or longitude specified")
    if not all(params.get(name, "-").strip() for name in ("title", "address")):
        raise Refusal("Bad Request: VENUE_TITLE_INVALID")
    _keyboard(params)


def _press(params: Json) -> None:
    most = CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH
    if utf16_length(params.get("text", "")) > most:
        raise Refusal("Bad Request: MESSAGE_TOO_LONG")


def _menu(params: Json) -> None:
    commands: list[BotCommand] = params["commands"]
    if len(commands) > BotCommandLimit.MAX_COMMAND_NUMBER:
        raise Refusal("Bad Request: BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(rf"[a-z0-9_]{{1,{BotCommandLimit.MAX_COMMAND}}}", command.command):
            raise Refusal("Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= utf16_length(command.description) <= BotCommandLimit.MAX_DESCRIPTION:
            raise Refusal("Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    if not re.fullmatch(r"([a-z]{2})?", params.get("language_code", "")):
        raise Refusal("Bad Request: invalid language code specified")


def _webhook(params: Json) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params.get("secret_token", "-")):
        raise Refusal("Bad Request: secret token contains unallowed characters")
    if not 1 <= params.get("max_connections", 40) <= 100:
        raise Refusal("Bad Request: max_connections must be between 1 and 100")


_JUDGES: dict[str, Callable[[Json], None]] = {
    "sendMessage": _message,
    "sendVenue": _place,
    "sendLocation": _place,
    "answerCallbackQuery": _press,
    "setMyCommands": _menu,
    "setWebhook": _webhook,
}
