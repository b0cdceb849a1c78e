"""Viber through its REST API. HTTP 200 always; the truth is the JSON `status`."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard

import httpx
import msgspec

from bot.channels.base import Gone, Later, Letter, Receipt, Refused, Unknown
from bot.channels.plain import pieces, text_of
from handlers.action import decode
from handlers.reply import Button, Reply
from handlers.turn import Attachment, Inbound, Kind

NAME: Final = "viber"
TEXT_LIMIT: Final = 7000
SESSION: Final = timedelta(hours=24)
"""After a message of the person, answers are free for this long; later ones are paid for."""
HOURLY: Final = 100
"""Messages to one person within an hour without a reply of theirs; one more is status 12."""

COLUMNS: Final = 6
ROWS_LIMIT: Final = 12
"""Rows of a keyboard on a phone held upright (Viber's FAQ)."""

API_VERSION: Final = 6
"""Below it Viber shows a Silent button's ActionBody as words of the person
(https://github.com/Bogdaan/viber-bot-php/issues/48); location-picker needs 3."""

BUTTON_PREFIX: Final = "hl!"
"""A pressed Viber button arrives as ordinary text; this tells it from what people type."""

EVENTS: Final = [
    "subscribed",
    "unsubscribed",
    "conversation_started",
    "delivered",
    "seen",
    "failed",
]

GONE: Final = {5: "receiver not registered", 6: "not subscribed", 11: "no suitable device"}
LATER: Final = {12: "too many requests"}
NEVER: Final = {
    2: "the token is refused",
    3: "bad data",
    4: "missing data",
    7: "account blocked",
    8: "account not found",
    9: "account suspended",
    10: "webhook not set",
    13: "API version not supported",
    14: "incompatible with version",
    15: "account not authorised",
    21: "unsupported country",
    22: "payment unsupported",
    23: "free messages exceeded",
    24: "no balance",
}
"""Viber's status codes; four independent sources agree on them."""


class Viber:
    """The bot account at Viber's REST API."""

    name = NAME
    is_local = False

    def __init__(self, token: str, api_url: str, sender: str, avatar: str | None = None) -> None:
        self.token = token
        self.sender = {"name": sender} | ({"avatar": avatar} if avatar else {})
        self.client = httpx.AsyncClient(
            base_url=api_url.rstrip("/") + "/",
            headers={"X-Viber-Auth-Token": token},
            timeout=20,
        )

    def render(self, reply: Reply) -> tuple[bytes, ...]:
        """Plain text; the keyboard stands under the last message."""
        # Half the limit: an emoji may count twice, and all of it has to fit into 30 KB.
        texts = list(pieces(text_of(reply.blocks), TEXT_LIMIT // 2))
        messages: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
        keyboard = _keyboard(reply)
        if messages and keyboard:
            messages[-1] |= {"keyboard": keyboard, "min_api_version": API_VERSION}
        return tuple(msgspec.json.encode(message) for message in messages)

    def acknowledge(self, inbound: Inbound) -> tuple[bytes, ...]:
        """Viber's buttons need no acknowledgement."""
        return ()

    def welcome(self, parcel: bytes) -> dict[str, Any]:
        """A parcel as the answer to conversation_started: one message, without a receiver."""
        return {**msgspec.json.decode(parcel), "sender": self.sender}

    async def send(self, letter: Letter, now: datetime) -> Receipt:
        """send_message. Status 12 and unknown ones: later; the rest by the tables above."""
        _check_session(letter, now)
        body = {
            "receiver": letter.address,
            "sender": self.sender,
            **msgspec.json.decode(letter.parcel),
        }
        answer = await self._call("send_message", body)
        status = answer.get("status")
        if status == 0:
            billing = answer.get("billing_status")
            token = answer.get("message_token", "")
            return Receipt(str(token), billing if isinstance(billing, int) else None)
        if status in GONE:
            raise Gone(GONE[status])
        if status in LATER:
            raise Later(LATER[status], 60)
        if status in NEVER:
            raise Refused(NEVER[status])
        raise Later(f"Viber status {status}", 30)

    async def set_webhook(self, url: str) -> None:
        """Let Viber call us. Viber calls back at once and needs a 200, so serve first."""
        answer = await self._call("set_webhook", {"url": url, "event_types": EVENTS})
        if answer.get("status") != 0:
            raise Refused(f"set_webhook: status {answer.get('status')}")

    async def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = await self.client.post(method, content=msgspec.json.encode(body))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Later("no connection to Viber", 5) from error
        except httpx.TransportError as error:
            raise Unknown(f"no answer: {type(error).__name__}") from error
        if response.status_code >= 500 or response.status_code == 429:
            seconds = _seconds(response.headers.get("Retry-After", ""))
            raise Later(f"Viber answers {response.status_code}", seconds, whole_channel=True)
        try:
            # message_token is an int64 beyond 2^53: Python's integers keep it whole.
            answer = msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise Unknown("the answer can't be read") from error
        return answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        """Close the connections to Viber."""
        await self.client.aclose()


def _seconds(retry_after: str) -> float:
    # The header may also hold a date; a wait of our own is good enough then.
    return min(3600.0, float(retry_after)) if retry_after.isdecimal() else 5.0


def _check_session(letter: Letter, now: datetime) -> None:
    if letter.author == "bot" and now - letter.last_inbound_at > SESSION:
        raise Refused("the 24-hour session is over")
    if letter.sent_since_inbound >= HOURLY:
        raise Later("100 messages in an hour without a reply", 600)


def is_signed(token: str, body: bytes, signature: str | None) -> bool:
    """Whether the raw body carries Viber's signature: hex HMAC-SHA256 by the token."""
    expected = hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (signature or "").encode())


def _keyboard(reply: Reply) -> dict[str, Any] | None:
    free = ROWS_LIMIT - 1 if reply.asks_place else ROWS_LIMIT
    shared = _shared_width(reply, free) if len(reply.buttons) > free else 0
    buttons = [
        _button(button, shared or max(1, COLUMNS // len(row)))
        for row in reply.buttons
        for button in row
    ]
    if reply.asks_place:
        place = {"Columns": COLUMNS, "Rows": 1, "ActionType": "location-picker"}
        buttons.insert(0, {**place, "ActionBody": "place", "Text": reply.asks_place})
    if not buttons:
        return None
    return {"Type": "keyboard", "DefaultHeight": False, "Buttons": buttons}


def _shared_width(reply: Reply, rows: int) -> int:
    """Beyond twelve rows Viber shows nothing: then two buttons share a row, or more."""
    count = sum(len(row) for row in reply.buttons)
    return next((width for width in (3, 2) if count * width <= rows * COLUMNS), 1)


def _button(button: Button, columns: int) -> dict[str, Any]:
    return {
        "Columns": columns,
        "Rows": 1,
        "ActionType": "reply",
        "ActionBody": BUTTON_PREFIX + button.action,
        "Text": button.label,
        "TextSize": "regular",
        "Silent": True,
    }


def parse(event: dict[str, Any], now: datetime) -> Inbound | None:
    """The inbound of a Viber event; None for receipts and for what nobody has to answer."""
    kind = event.get("event")
    token = str(event.get("message_token", ""))
    at = _moment(event.get("timestamp"), now)
    if kind == "message":
        return _message(event, token, at)
    if kind == "conversation_started":
        return _started(event, token, at)
    user = event.get("user_id") or _object(event.get("user")).get("id")
    if kind in ("unsubscribed", "subscribed") and isinstance(user, str) and user:
        reached = Kind.BLOCKED if kind == "unsubscribed" else Kind.UNBLOCKED
        return Inbound(NAME, f"{kind}:{token}", user, reached, at)
    return None


def receipt_of(event: dict[str, Any]) -> tuple[str, str] | None:
    """The kind (delivered, seen, failed) and message token of a receipt event."""
    kind, token = event.get("event"), event.get("message_token")
    return (str(kind), str(token)) if kind in ("delivered", "seen", "failed") and token else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(milliseconds: object, now: datetime) -> datetime:
    if isinstance(milliseconds, int) and 0 < milliseconds < 1 << 43:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return now


def _started(event: dict[str, Any], token: str, at: datetime) -> Inbound | None:
    user = _object(event.get("user"))
    if not user.get("id"):
        return None
    return Inbound(
        NAME,
        f"conversation_started:{token}",
        str(user["id"]),
        Kind.STARTED,
        at,
        argument=str(event.get("context") or "")[:64],
        device_lang=str(user.get("language") or ""),
    )


def _message(event: dict[str, Any], token: str, at: datetime) -> Inbound | None:
    sender, message = _object(event.get("sender")), _object(event.get("message"))
    if not sender.get("id"):
        return None
    common: dict[str, Any] = {
        "channel": NAME,
        "external_id": f"message:{token}",
        "contact": str(sender["id"]),
        "at": at,
        "device_lang": str(sender.get("language") or ""),
        "message": token,
    }
    kind, text = message.get("type"), str(message.get("text") or "")
    if kind == "text":
        return _text(text, common)
    place = message.get("location")
    if kind == "location" and isinstance(place, dict):
        return _place(place, common)
    if kind == "contact":
        return Inbound(kind=Kind.PHONE, **common)
    if kind in ("picture", "video", "file", "sticker"):
        return Inbound(
            kind=Kind.ATTACHMENT, text=text, attachment=_attachment(kind, message), **common
        )
    return Inbound(kind=Kind.UNSUPPORTED, **common)


def _place(place: dict[str, Any], common: dict[str, Any]) -> Inbound:
    latitude, longitude = place.get("lat"), place.get("lon")
    if not _is_within(latitude, 90) or not _is_within(longitude, 180):
        return Inbound(kind=Kind.UNSUPPORTED, **common)
    return Inbound(
        kind=Kind.LOCATION, latitude=float(latitude), longitude=float(longitude), **common
    )


def _is_within(degrees: object, limit: int) -> TypeGuard[float]:
    return isinstance(degrees, int | float) and abs(degrees) <= limit


def _text(text: str, common: dict[str, Any]) -> Inbound:
    pressed = text.removeprefix(BUTTON_PREFIX)
    if pressed != text and decode(pressed):
        return Inbound(kind=Kind.ACTION, text=pressed, **common)
    if text.startswith("/") and len(text) > 1:
        command, _, argument = text[1:].partition(" ")
        return Inbound(kind=Kind.COMMAND, text=command.lower(), argument=argument[:64], **common)
    return Inbound(kind=Kind.TEXT, text=text, **common)


def _attachment(kind: str, message: dict[str, Any]) -> Attachment:
    size = message.get("size")
    return Attachment(
        {"picture": "photo", "file": "document"}.get(kind, kind),
        str(message.get("media") or message.get("sticker_id") or ""),
        name=str(message.get("file_name") or ""),
        size=size if type(size) is int else None,
    )
