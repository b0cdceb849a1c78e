"""A reply as Bot API calls: HTML that is always whole, texts split between blocks or words.

Limits and the escaping rules are Telegram's: 4096 characters after entity parsing, counted in
UTF-16; only & < > must be escaped in text (core.telegram.org/bots/api#html-style).
"""

from html import escape
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.channels.plain import lines_of, pieces
from handlers.reply import AnyBlock, Button, Paragraph, Reply

TEXT_LIMIT: Final = 4096


class TelegramParcel(Struct, frozen=True):
    """One Bot API call; chat_id is added when it is sent, as the chat may move."""

    method: str
    params: dict[str, Any]


def safe(text: str) -> str:
    """People's and editors' text as Telegram's HTML."""
    return escape(text, quote=False)


def bold(text: str) -> str:
    """Bold text, escaped."""
    return f"<b>{safe(text)}</b>"


def html_of(block: AnyBlock) -> str:
    """A block as whole HTML: every tag it opens it closes."""
    if isinstance(block, Paragraph) and block.small:
        return f"<i>{safe(block.text)}</i>"
    return "\n".join(lines_of(block, safe, bold))


def visible_length(block: AnyBlock) -> int:
    """Characters of a block as Telegram counts them, after parsing, in UTF-16 units."""
    return len("\n".join(lines_of(block)).encode("utf-16-le")) // 2


def parcels_of(reply: Reply) -> tuple[bytes, ...]:
    """The messages of a reply; its buttons stand under the last."""
    messages = _packed(reply.blocks)
    parcels = []
    for number, text in enumerate(messages, start=1):
        params: dict[str, Any] = {
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if number == len(messages):
            params |= _markup(reply)
        parcels.append(msgspec.json.encode(TelegramParcel("sendMessage", params)))
    return tuple(parcels)


def _packed(blocks: tuple[AnyBlock, ...]) -> list[str]:
    """Blocks put together into as few messages as the limit allows."""
    messages: list[str] = []
    size = 0
    for block in _small_enough(blocks):
        length = visible_length(block) + 2
        if messages and size + length <= TEXT_LIMIT:
            messages[-1] += "\n\n" + html_of(block)
            size += length
        else:
            messages.append(html_of(block))
            size = length
    return messages


def _small_enough(blocks: tuple[AnyBlock, ...]) -> list[AnyBlock]:
    result: list[AnyBlock] = []
    for block in blocks:
        plain = "\n".join(lines_of(block)).strip()
        if not plain:
            # Telegram refuses a message in which nothing is visible.
            continue
        if visible_length(block) + 2 <= TEXT_LIMIT:
            result.append(block)
        else:
            # Half the limit: an emoji is one character here and two units there.
            result += [Paragraph(piece) for piece in pieces(plain, TEXT_LIMIT // 2)]
    return result


def _markup(reply: Reply) -> dict[str, Any]:
    if reply.asks_place:
        button = {"text": reply.asks_place, "request_location": True}
        keyboard = {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}
        return {"reply_markup": keyboard}
    if not reply.buttons:
        return {}
    return {
        "reply_markup": {"inline_keyboard": [[_button(b) for b in row] for row in reply.buttons]}
    }


def _button(button: Button) -> dict[str, str]:
    return {"text": button.label, "callback_data": button.action}
