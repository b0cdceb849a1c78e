"""Telegram's HTML mode: text and entities, or the refusal Telegram answers with.

Written after td/telegram/MessageEntity.cpp: entities are counted in UTF-16, refusals in bytes.
"""

import re
from dataclasses import dataclass

from telegram import MessageEntity

TAGS = {
    "a": MessageEntity.TEXT_LINK,
    "b": MessageEntity.BOLD,
    "strong": MessageEntity.BOLD,
    "i": MessageEntity.ITALIC,
    "em": MessageEntity.ITALIC,
    "s": MessageEntity.STRIKETHROUGH,
    "strike": MessageEntity.STRIKETHROUGH,
    "del": MessageEntity.STRIKETHROUGH,
    "u": MessageEntity.UNDERLINE,
    "ins": MessageEntity.UNDERLINE,
    "span": MessageEntity.SPOILER,
    "tg-spoiler": MessageEntity.SPOILER,
    "tg-emoji": MessageEntity.CUSTOM_EMOJI,
    "tg-time": MessageEntity.DATE_TIME,
    "pre": MessageEntity.PRE,
    "code": MessageEntity.CODE,
    "blockquote": MessageEntity.BLOCKQUOTE,
}
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

_NAME = re.compile(r"[^ \t\r\n\0\v>]*")
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-zA-Z]+));?")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>"']*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w.-]*)))?""")
_SPACES = re.compile(r"\s*")


class HtmlRefused(Exception):
    """The text can't be parsed; the message is Telegram's."""


@dataclass(frozen=True)
class Opened:
    """A tag that waits for its end."""

    name: str
    offset: int
    attributes: dict[str, str]


def parse_html(html: str) -> tuple[str, list[MessageEntity]]:
    """What people see of a text in HTML mode, and its entities."""
    return _Reader(html).read()


def utf16_length(text: str) -> int:
    """Characters as Telegram counts them."""
    return len(text.encode("utf-16-le")) // 2


class _Reader:
    def __init__(self, html: str) -> None:
        self.html, self.at, self.units = html, 0, 0
        self.said: list[str] = []
        self.opened: list[Opened] = []
        self.entities: list[MessageEntity] = []

    def read(self) -> tuple[str, list[MessageEntity]]:
        while self.at < len(self.html):
            if self.html.startswith("</", self.at):
                self._end()
            elif self.html[self.at] == "<":
                self._start()
            else:
                self._character()
        if self.opened:
            name = self.opened[-1].name
            raise HtmlRefused(f'Can\'t find end tag corresponding to start tag "{name}"')
        return "".join(self.said), sorted(self.entities, key=lambda entity: entity.offset)

    def _character(self) -> None:
        reference = _REFERENCE.match(self.html, self.at)
        decoded = _decoded(reference) if reference else None
        if reference and decoded:
            self._say(decoded)
            self.at = reference.end()
        else:
            self._say(self.html[self.at])
            self.at += 1

    def _say(self, character: str) -> None:
        self.said.append(character)
        self.units += utf16_length(character)

    def _start(self) -> None:
        begin = self.at
        name = self._name(begin + 1)
        if self.at == len(self.html):
            raise HtmlRefused(f"Unclosed start tag at byte offset {self._bytes(begin)}")
        if name not in TAGS:
            raise HtmlRefused(f'Unsupported start tag "{name}" at byte offset {self._bytes(begin)}')
        attributes = self._attributes(name, begin)
        if name == "span" and attributes.get("class") != "tg-spoiler":
            where = self._bytes(begin)
            raise HtmlRefused(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
        self.opened.append(Opened(name, self.units, attributes))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self.at = self._after_spaces()
            if self.html.startswith(">", self.at):
                self.at += 1
                return found
            if self.at == len(self.html):
                where = self._bytes(begin)
                raise HtmlRefused(f'Unclosed start tag "{tag}" at byte offset {where}')
            name, value = self._attribute(tag, begin)
            found[name] = value

    def _attribute(self, tag: str, begin: int) -> tuple[str, str]:
        match = _ATTRIBUTE.match(self.html, self.at)
        assert match is not None
        if not match[1]:
            where = self._bytes(begin)
            raise HtmlRefused(f'Empty attribute name in the tag "{tag}" at byte offset {where}')
        self.at = match.end()
        return match[1].lower(), match[2] or match[3] or match[4] or ""

    def _end(self) -> None:
        begin = self.at
        if not self.opened:
            raise HtmlRefused(f"Unexpected end tag at byte offset {self._bytes(begin)}")
        name = self._name(begin + 2)
        self.at = self._after_spaces()
        if not self.html.startswith(">", self.at):
            raise HtmlRefused(f"Unclosed end tag at byte offset {self._bytes(begin)}")
        self.at += 1
        tag = self.opened.pop()
        if name and name != tag.name:
            raise HtmlRefused(
                f"Unmatched end tag at byte offset {self._bytes(begin)}, "
                f'expected "</{tag.name}>", found "</{name}>"'
            )
        self._close(tag)

    def _close(self, tag: Opened) -> None:
        if self.units > tag.offset:
            url = tag.attributes.get("href") if tag.name == "a" else None
            length = self.units - tag.offset
            self.entities.append(MessageEntity(TAGS[tag.name], tag.offset, length, url=url))

    def _name(self, begin: int) -> str:
        match = _NAME.match(self.html, begin)
        assert match is not None
        self.at = match.end()
        return match[0].lower()

    def _after_spaces(self) -> int:
        match = _SPACES.match(self.html, self.at)
        assert match is not None
        return match.end()

    def _bytes(self, at: int) -> int:
        return len(self.html[:at].encode())


def _decoded(reference: re.Match[str]) -> str | None:
    """The character of a reference; None where Telegram leaves it as it stands."""
    if reference[3]:
        return NAMED.get(reference[3])
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return chr(number) if 0 < number < 0x10FFFF and not 0xD800 <= number < 0xE000 else None
