"""What Viber posts to a webhook: the captured events of tests/fixtures/viber, and changed ones."""

import json
from pathlib import Path
from typing import Any, Final

FIXTURES: Final = Path(__file__).parent.parent / "fixtures" / "viber"
PERSON: Final = "8oq1tDnZfGiSAYnjbI1hXw=="
"""The id of the invented person of the fixtures."""

Json = dict[str, Any]


def raw_event(name: str) -> bytes:
    """A captured event as it came."""
    return (FIXTURES / f"{name}.json").read_bytes()


def event(name: str, **changes: object) -> Json:
    """A captured event with some fields changed."""
    return {**json.loads(raw_event(name)), **changes}


def message(text: str, number: int, *, lang: str = "uk", person: str = PERSON) -> Json:
    """A text message; messages of another number are other messages."""
    said = event("message-text", message_token=5000000000000000000 + number)
    said["message"]["text"] = text
    said["sender"] |= {"id": person, "language": lang}
    return said


def started(name: str, number: int, *, person: str = PERSON, **user: str) -> Json:
    """Somebody opening the chat, in a captured way."""
    opened = event(name, message_token=6000000000000000000 + number)
    opened["user"] |= {"id": person, **user}
    return opened
