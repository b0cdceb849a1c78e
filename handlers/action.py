"""What a button means. Its encoded form fits Telegram's 64 bytes of callback data.

A button carries all it needs, so one pressed a month later, after restarts, still works.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CALLBACK_LIMIT: Final = 64
"""Bytes of callback_data (Bot API, InlineKeyboardButton)."""


class Name(StrEnum):
    """The things a button can ask for; the values are what travels."""

    MENU = "m"
    THEME = "th"
    TOPIC = "t"
    PERSON = "p"
    LANGUAGES = "ls"
    LANGUAGE = "l"
    PRIVACY = "pr"
    PRIVACY_FULL = "pf"
    ERASE = "er"
    KEEP = "ke"
    HELPED = "fy"
    NOT_HELPED = "fn"
    PLACES = "pl"
    NOTHING_FITS = "no"
    CRISIS = "cr"
    STOP_WAITING = "sw"


@dataclass(frozen=True)
class Action:
    """A name and what it is about: a topic, a theme, a language, or nothing."""

    name: Name
    value: str = ""

    def encode(self) -> str:
        """The form that travels in a button."""
        encoded = f"{self.name}:{self.value}" if self.value else str(self.name)
        if len(encoded.encode()) > CALLBACK_LIMIT:
            raise ValueError(f"the action {encoded!r} does not fit a button")
        return encoded


def decode(data: str) -> Action | None:
    """The action of a button; None for data that no button of ours carries."""
    if len(data.encode(errors="replace")) > CALLBACK_LIMIT:
        return None
    name, _, value = data.partition(":")
    return Action(Name(name), value) if name in Name.__members__.values() else None
