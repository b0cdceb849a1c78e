"""Telegram: what its updates mean, and what its answers to our calls mean."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.base import (
    DeliveryError,
    Gone,
    Later,
    Letter,
    Moved,
    Receipt,
    Refused,
    Unknown,
)
from bot.channels.telegram import ALLOWED_UPDATES, Telegram, parse
from bot.channels.telegram_render import TelegramParcel
from handlers import texts
from handlers.translate import translator
from handlers.turn import Attachment, Inbound, Kind
from knowledge.languages import LANGS
from tests.conftest import MONDAY
from tests.fakes import telegram as played
from tests.fakes.telegram import TOKEN, Answer, FakeTelegram
from tests.fakes.telegram_updates import FOLDER, SENT_AT, Json, Person, fixtures, path_of

KRAKOW = {"latitude": 50.0614, "longitude": 19.937}
GROUP: dict[str, Any] = {"contact": "-4001", "group": True}


def inbound(number: int, kind: Kind, **changes: Any) -> Inbound:
    """What Oksana sent with the message before update 700000000 + number."""
    common: dict[str, Any] = {
        "channel": "telegram",
        "external_id": str(700_000_000 + number),
        "contact": "5001",
        "kind": kind,
        "at": SENT_AT,
        "device_lang": "uk",
        "message": str(number - 1),
    }
    return Inbound(**{**common, **changes})


def attached(number: int, attachment: Attachment, text: str = "") -> Inbound:
    """A file Oksana sent."""
    return inbound(number, Kind.ATTACHMENT, attachment=attachment, text=text)


def pressed(number: int, data: str, message: str) -> Inbound:
    """A button Oksana pressed: it has no time of its own."""
    callback = f"press-{number - 1}"
    return inbound(
        number, Kind.ACTION, text=data, at=MONDAY, callback=callback, message=message
    )


EXPECTED: dict[str, Inbound | None] = {}
"""Filled below by the order in which the fixtures are made."""


def stored(name: str) -> Json:
    """A fixture as it is kept."""
    update: Json = json.loads(path_of(name).read_text(encoding="utf-8"))
    return update


def test_print() -> None:
    for name in fixtures():
        print(repr(name)+":", parse(stored(name), MONDAY))
