"""What Viber takes in send_message, by its documentation and by what its users report.

Every rule is a small function that says what is wrong; `faults` asks them all.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

JSON_LIMIT: Final = 30_000
"""Bytes of a request: "30 KB", read strictly."""
TEXT_LIMIT: Final = 7000
"""Characters, counted in UTF-16 units: Viber does not say which, and this is the strict reading."""
NAME_LIMIT: Final = 28
TRACKING_LIMIT: Final = 4000
LABEL_LIMIT: Final = 250
COLUMNS: Final = 6
ROWS: Final = 2
HEIGHT: Final = 12
"""Rows that a keyboard may have in all, on a phone held upright."""

REQUIRED: Final = {
    "text": ("text",),
    "picture": ("media",),
    "video": ("media", "size"),
    "file": ("media", "size", "file_name"),
    "location": ("location",),
    "contact": ("contact",),
    "sticker": ("sticker_id",),
    "url": ("media",),
}
"""What each type of message must have."""

ENVELOPE: Final = frozenset(
    "receiver sender type text keyboard min_api_version tracking_data auth_token".split()
)
SINCE: Final = {"reply": 1, "open-url": 1, "none": 1, "location-picker": 3, "share-phone": 3}
"""Every ActionType and the API version that knows it."""
SILENT_SINCE: Final = 6
"""Below it a Silent button shows its ActionBody as the person's own words, says issue 48 of
https://github.com/Bogdaan/viber-bot-php."""
BUTTON_FIELDS: Final = frozenset(
    "Columns Rows ActionType ActionBody Text TextSize TextVAlign TextHAlign TextOpacity Silent "
    "BgColor BgMedia BgMediaType BgLoop Image OpenURLType".split()
)

Json = dict[str, Any]


def faults(message: Json, *, size: int | None = None, is_answer: bool = False) -> list[str]:
    """What is wrong with a message of so many bytes; what answers an event has no receiver."""
    found = [fault for rule in RULES for fault in rule(message)]
    size = len(json.dumps(message, ensure_ascii=False).encode()) if size is None else size
    if size > JSON_LIMIT:
        found.append(f"{size} bytes of JSON")
    if is_answer and "receiver" in message:
        found.append("an answer has no receiver")
    if not is_answer and not message.get("receiver"):
        found.append("the receiver is missing")
    return found


def buttons_of(message: Json) -> list[Json]:
    """The buttons of a message."""
    return list(message.get("keyboard", {}).get("Buttons", []))


def rows_of(message: Json) -> list[list[Json]]:
    """The buttons as a phone shows them: side by side while six columns hold them."""
    rows: list[list[Json]] = []
    free = 0
    for button in buttons_of(message):
        if button["Columns"] > free:
            rows.append([])
            free = COLUMNS
        rows[-1].append(button)
        free -= button["Columns"]
    return rows


def _type(message: Json) -> Iterator[str]:
    kind = message.get("type")
    if kind not in REQUIRED:
        yield f"the type {kind!r}"
        return
    for name in REQUIRED[kind]:
        if not message.get(name):
            yield f"{name} is missing"
    for name in sorted(message.keys() - ENVELOPE - set(REQUIRED[kind])):
        yield f"the field {name}"


def _text(message: Json) -> Iterator[str]:
    length = len(message.get("text", "").encode("utf-16-le")) // 2
    if length > TEXT_LIMIT:
        yield f"a text of {length} characters"
    if len(message.get("tracking_data", "")) > TRACKING_LIMIT:
        yield "tracking_data is too long"


def _sender(message: Json) -> Iterator[str]:
    name = message.get("sender", {}).get("name", "")
    if not 1 <= len(name) <= NAME_LIMIT:
        yield f"the sender's name {name!r}"


def _version(message: Json) -> Iterator[str]:
    version = message.get("min_api_version", 1)
    for button in buttons_of(message):
        kind = button.get("ActionType", "")
        if version < SINCE.get(kind, 1):
            yield f"{kind} needs min_api_version {SINCE[kind]}"
        if button.get("Silent") and version < SILENT_SINCE:
            yield f"Silent needs min_api_version {SILENT_SINCE}"


def _keyboard(message: Json) -> Iterator[str]:
    if "keyboard" not in message:
        return
    if message["keyboard"].get("Type") != "keyboard":
        yield "the keyboard has no Type"
    if not buttons_of(message):
        yield "the keyboard has no Buttons"
    wrong = [fault for button in buttons_of(message) for fault in _button(button)]
    yield from wrong or _height(message)


def _height(message: Json) -> Iterator[str]:
    height = sum(max(button["Rows"] for button in row) for row in rows_of(message))
    if height > HEIGHT:
        yield f"{height} rows of buttons"


def _button(button: Json) -> Iterator[str]:
    for name, limit in (("Columns", COLUMNS), ("Rows", ROWS)):
        if button.get(name) not in range(1, limit + 1):
            yield f"{name} {button.get(name)!r}"
    for name in sorted(button.keys() - BUTTON_FIELDS):
        yield f"the button's field {name}"
    if button.get("ActionType") not in SINCE:
        yield f"the ActionType {button.get('ActionType')!r}"
    if not button.get("ActionBody"):
        yield "a button without ActionBody"
    if not 1 <= len(button.get("Text", "")) <= LABEL_LIMIT:
        yield "a button's Text"


RULES: Final[tuple[Callable[[Json], Iterator[str]], ...]] = (
    _type,
    _text,
    _sender,
    _version,
    _keyboard,
)
