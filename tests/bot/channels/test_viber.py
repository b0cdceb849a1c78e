"""Viber: who signed an event, what it means, and what Viber's answers to our calls mean."""

import itertools
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from viberbot import Api, BotConfiguration
from viberbot.api.viber_requests import create_request

from bot.channels.base import DeliveryError, Gone, Later, Letter, Receipt, Refused, Unknown
from bot.channels.viber import EVENTS, Viber, is_signed, parse, receipt_of
from handlers.turn import Attachment, Inbound, Kind
from tests.conftest import MONDAY
from tests.fakes.viber import (
    CLOSED,
    FIRST_MESSAGE_TOKEN,
    MALFORMED,
    SILENCE,
    TOKEN,
    Answer,
    FakeViber,
    answer,
    http,
    sign,
)
from tests.fakes.viber_events import FIXTURES, PERSON, event, raw_event

NAME = "Helpline Małopolska"
SENT_AT = datetime(2026, 11, 23, 9, 55, 0, 123000, tzinfo=UTC)
"""The moment that stands in the fixtures."""


def inbound(kind: Kind, token: int, event: str = "message", **changes: Any) -> Inbound:
    """Something the person of the fixtures sent or did."""
    common: dict[str, Any] = {
        "channel": "viber",
        "external_id": f"{event}:{token}",
        "contact": PERSON,
        "kind": kind,
        "at": SENT_AT,
    }
    if event == "message":
        common |= {"device_lang": "uk", "message": str(token)}
    return Inbound(**{**common, **changes})


def attached(token: int, attachment: Attachment, text: str = "") -> Inbound:
    """A file the person sent."""
    return inbound(Kind.ATTACHMENT, token, attachment=attachment, text=text)


def opened(token: int, **changes: Any) -> Inbound:
    """The person opened the chat."""
    return inbound(Kind.STARTED, token, "conversation_started", **changes)


PICTURE = Attachment("photo", "https://media.example/pictures/7.jpg", "letter.jpg", size=184320)
VIDEO = Attachment("video", "https://media.example/videos/3.mp4", "clip.mp4", size=2097152)
FILE = Attachment("document", "https://media.example/files/9.pdf", "umowa.pdf", size=524288)
STICKER = Attachment("sticker", "https://media.example/stickers/40133.png")

EXPECTED: dict[str, Inbound | None] = {
    "webhook": None,
    "message-text": inbound(Kind.TEXT, 4912661846655238145, text="Де оформити PESEL?"),
    "message-command": inbound(Kind.COMMAND, 4912661846655238146, text="delete"),
    "message-button": inbound(Kind.ACTION, 4912661846655238147, text="t:stay.pesel-ukr"),
    "message-picture": attached(4912661846655238148, PICTURE, "Що це за лист?"),
    "message-video": attached(4912661846655238149, VIDEO),
    "message-file": attached(4912661846655238150, FILE),
    "message-sticker": attached(4912661846655238151, STICKER),
    "message-location": inbound(
        Kind.LOCATION, 4912661846655238152, latitude=50.0647, longitude=19.945
    ),
    "message-contact": inbound(Kind.PHONE, 4912661846655238153),
    "message-url": inbound(Kind.UNSUPPORTED, 4912661846655238154),
    "message-rich": inbound(Kind.UNSUPPORTED, 4912661846655238155),
    "subscribed": inbound(Kind.UNBLOCKED, 4912661846655238165, "subscribed"),
    "unsubscribed": inbound(Kind.BLOCKED, 4912661846655238166, "unsubscribed"),
    "conversation-started": opened(4912661846655238167, device_lang="uk"),
    "conversation-started-context": opened(
        4912661846655238168, device_lang="pl-PL", argument="stay_pesel-ukr"
    ),
    "conversation-started-no-language": opened(4912661846655238169),
    "delivered": None,
    "seen": None,
    "failed": None,
    "unknown": None,
}
RECEIPTS = {
    "delivered": ("delivered", "4912661846655238145"),
    "seen": ("seen", "4912661846655238145"),
    "failed": ("failed", "4912661846655238145"),
}


def test_every_fixture_is_expected_to_mean_something() -> None:
    """No fixture is left out below."""
    assert sorted(EXPECTED) == sorted(path.stem for path in FIXTURES.glob("*.json"))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_means_one_inbound_or_none(name: str) -> None:
    """Every captured event becomes exactly this."""
    assert parse(msgspec.json.decode(raw_event(name)), MONDAY) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_only_receipts_are_receipts(name: str) -> None:
    """delivered, seen and failed name the message they are about; nothing else is a receipt."""
    assert receipt_of(msgspec.json.decode(raw_event(name))) == RECEIPTS.get(name)


KNOWN_TO_VIBERBOT = sorted(EXPECTED.keys() - {"unknown", "webhook"})


@pytest.mark.parametrize("name", KNOWN_TO_VIBERBOT)
def test_viberbot_reads_the_same(name: str) -> None:
    """Viber's own library finds the same person, words and message token in an event."""
    theirs = create_request(json.loads(raw_event(name)))
    assert _ours(name) == _theirs(theirs)


def _ours(name: str) -> tuple[str, ...]:
    found = EXPECTED[name]
    if found is None:
        kind, token = RECEIPTS[name]
        return kind, PERSON, token, ""
    kind, _, token = found.external_id.partition(":")
    words = (event(name).get("message", {}).get("text") and found.text) or found.argument
    return kind, found.contact, token if kind in WITH_TOKEN else "", words


WITH_TOKEN = ("message", "conversation_started", "delivered", "seen", "failed")
"""Events whose token viberbot reads."""


def _theirs(request: Any) -> tuple[str, ...]:
    person = getattr(request, "sender", None) or getattr(request, "user", None)
    token = str(request.message_token) if request.event_type in WITH_TOKEN else ""
    user = person.id if person else request.user_id
    return request.event_type, user, token, _words(request)


def _words(request: Any) -> str:
    text = getattr(getattr(request, "message", None), "text", None) or ""
    if text.startswith("hl!"):
        return str(text.removeprefix("hl!"))
    return str(text.removeprefix("/") or getattr(request, "context", None) or "")


def test_a_message_token_keeps_all_its_digits() -> None:
    """Viber's tokens are beyond 2^53, where a floating-point number would lose the end."""
    found = parse(msgspec.json.decode(raw_event("message-text")), MONDAY)
    assert found is not None
    assert (found.external_id, found.message) == (
        "message:4912661846655238145",
        "4912661846655238145",
    )
    assert int(float(4912661846655238145)) != 4912661846655238145


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/delete", (Kind.COMMAND, "delete", "")),
        ("/START stay_pesel-ukr", (Kind.COMMAND, "start", "stay_pesel-ukr")),
        ("hl!er", (Kind.ACTION, "er", "")),
        ("hl!nobody-knows-this", (Kind.TEXT, "hl!nobody-knows-this", "")),
        ("er", (Kind.TEXT, "er", "")),
        ("/", (Kind.TEXT, "/", "")),
    ],
)
def test_text_is_a_command_a_button_or_words(said: str, meant: tuple[Kind, str, str]) -> None:
    """Viber sends a pressed button as text: only our mark in front makes it a button."""
    written = event("message-text", message={"type": "text", "text": said})
    found = parse(written, MONDAY)
    assert found is not None
    assert (found.kind, found.text, found.argument) == meant


@pytest.mark.parametrize("timestamp", [None, 0, -5, 1 << 60, "1795427700123", 1.5])
def test_an_impossible_time_is_now(timestamp: object) -> None:
    """What is no moment is taken as the moment it came; a possible one is believed."""
    found = [parse(event("message-text", timestamp=at), MONDAY) for at in (timestamp, 1000)]
    assert [one.at for one in found if one] == [MONDAY, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]


PATHS = (
    ("event",), ("timestamp",), ("message_token",), ("sender",), ("user",), ("user_id",),
    ("context",), ("message",), ("sender", "id"), ("sender", "language"), ("user", "id"),
    ("user", "language"), ("message", "type"), ("message", "text"), ("message", "media"),
    ("message", "size"), ("message", "file_name"), ("message", "location"),
    ("message", "location", "lat"), ("message", "contact"), ("message", "sticker_id"),
)  # fmt: skip
SHAPES: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    7,
    10**400,
    0.5,
    -1e300,
    "",
    "x",
    "ї" * 500,
    [],
    ["x"],
    {},
    {"id": 7},
)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_of_any_shape_is_read(name: str) -> None:
    """One wrong field never raises: Viber would hear an error and repeat it for an hour."""
    for path, value in itertools.product(PATHS, SHAPES):
        changed = _with(event(name), path, value)
        found = parse(changed, MONDAY)
        assert found is None or _stored_and_loaded(found) == found, (path, value)
        receipt_of(changed)


def _with(changed: Any, path: tuple[str, ...], value: object) -> Any:
    place = changed
    for step in path[:-1]:
        place = place.setdefault(step, {})
    place[path[-1]] = value
    return changed


def _stored_and_loaded(found: Inbound) -> Inbound:
    return msgspec.json.decode(msgspec.json.encode(found), type=Inbound)


tokens = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60)


@settings(deadline=None)
@given(body=st.binary(max_size=300), token=tokens, other=tokens, garbled=st.text(max_size=70))
def test_viberbot_agrees_on_every_signature(
    body: bytes, token: str, other: str, garbled: str
) -> None:
    """The right one, another token's, another body's, a cut one, one in capitals, any text."""
    theirs = Api(BotConfiguration(auth_token=token, name=NAME, avatar=""))
    right = sign(token, body)
    given = (
        right,
        sign(other, body),
        sign(token, body + b"\n"),
        right[:-1],
        right.upper(),
        garbled,
    )
    ours = [is_signed(token, body, signature) for signature in given]
    assert ours == [theirs.verify_signature(body, signature) for signature in given]
    assert ours[0]


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "підпис"])
def test_a_missing_or_wrong_signature_is_none(signature: str | None) -> None:
    """Only Viber can sign, because only Viber and we know the token."""
    body = raw_event("message-text")
    assert is_signed(TOKEN, body, sign(TOKEN, body))
    assert not is_signed(TOKEN, body, signature)


@pytest.fixture
async def viber() -> AsyncIterator[FakeViber]:
    """Viber's side."""
    async with FakeViber() as server:
        yield server
        assert server.faults == []


@pytest.fixture
async def channel(viber: FakeViber) -> AsyncIterator[Viber]:
    """Our side."""
    opened = Viber(TOKEN, viber.url, NAME, "https://media.example/mark.png")
    yield opened
    await opened.close()


def letter(**changes: Any) -> Letter:
    """One line of the bot's for the person who has just written."""
    common: dict[str, Any] = {
        "address": PERSON,
        "parcel": msgspec.json.encode({"type": "text", "text": "Добрий день!"}),
        "author": "bot",
        "created_at": MONDAY,
        "last_inbound_at": MONDAY,
        "sent_since_inbound": 0,
    }
    return Letter(**{**common, **changes})


async def test_a_parcel_goes_out_and_its_receipt_comes_back(
    viber: FakeViber, channel: Viber
) -> None:
    """The receipt keeps the whole message token, and whether Viber charges for the message."""
    receipt = await channel.send(letter(), MONDAY)
    assert receipt == Receipt(str(FIRST_MESSAGE_TOKEN), billing=1)
    assert viber.sent == [
        {
            "receiver": PERSON,
            "sender": {"name": NAME, "avatar": "https://media.example/mark.png"},
            "type": "text",
            "text": "Добрий день!",
        }
    ]


async def test_a_missing_billing_status_is_none(viber: FakeViber, channel: Viber) -> None:
    """Older accounts answer without one."""
    viber.answer_next(answer(0, "ok", message_token=7))
    assert await channel.send(letter(), MONDAY) == Receipt("7", billing=None)


async def refusal(channel: Viber, sent: Letter) -> DeliveryError:
    """What sending raises."""
    with pytest.raises(DeliveryError) as raised:
        await channel.send(sent, MONDAY)
    return raised.value


def told(error: DeliveryError) -> tuple[type[DeliveryError], float, bool]:
    """A refusal as the outbox uses it: which, how long to wait, and whether all must wait."""
    if isinstance(error, Later):
        return Later, error.seconds, error.whole_channel
    return type(error), 0, False


GONE, REFUSED = (Gone, 0, False), (Refused, 0, False)
SOON, LATER = (Later, 30, False), (Later, 60, False)
STATUSES = {
    1: SOON, 2: REFUSED, 3: REFUSED, 4: REFUSED, 5: GONE, 6: GONE, 7: REFUSED, 8: REFUSED,
    9: REFUSED, 10: REFUSED, 11: GONE, 12: LATER, 13: REFUSED, 14: REFUSED, 15: REFUSED,
    16: SOON, 17: SOON, 18: SOON, 19: SOON, 20: SOON, 21: REFUSED, 22: REFUSED, 23: REFUSED,
    24: REFUSED, 99: SOON,
}  # fmt: skip


@pytest.mark.parametrize(("status", "outcome"), STATUSES.items())
async def test_every_status_has_its_policy(
    status: int, outcome: tuple[type[DeliveryError], float, bool], viber: FakeViber, channel: Viber
) -> None:
    """HTTP says 200; the status in the JSON says whether to try again, and after how long."""
    viber.answer_next(answer(status, "no"))
    assert told(await refusal(channel, letter())) == outcome
    assert len(viber.calls) == 1
    assert viber.sent == []


UNKNOWN = (Unknown, 0, False)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (http(429, Retry_After="7"), (Later, 7, True)),
        (http(429), (Later, 5, True)),
        (http(500), (Later, 5, True)),
        (http(503, Retry_After="Mon, 23 Nov 2026 10:00:30 GMT"), (Later, 5, True)),
        (http(503, Retry_After="inf"), (Later, 5, True)),
        (http(503, Retry_After="-3"), (Later, 5, True)),
        (CLOSED, UNKNOWN),
        (MALFORMED, UNKNOWN),
        (Answer(body=b"[]"), (Later, 30, False)),
    ],
)  # fmt: skip
async def test_trouble_on_the_way_has_its_policy(
    given: Answer, outcome: tuple[type[DeliveryError], float, bool], viber: FakeViber,
    channel: Viber,
) -> None:  # fmt: skip
    """An error of the server: later, everybody. No readable answer: it may have been sent."""
    viber.answer_next(given)
    assert told(await refusal(channel, letter())) == outcome


async def test_silence_is_unknown(viber: FakeViber, channel: Viber) -> None:
    """Who waits in vain does not know whether it was sent, and never says that it was."""
    channel.client.timeout = 0.2
    viber.answer_next(SILENCE)
    error = await refusal(channel, letter())
    assert (type(error), error.reason) == (Unknown, "no answer: ReadTimeout")
    assert len(viber.calls_of("send_message")) == 1


async def test_a_refused_connection_is_tried_again() -> None:
    """Nobody listens, so nothing was sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/pa"
    channel = Viber(TOKEN, url, NAME)
    assert told(await refusal(channel, letter())) == (Later, 5, False)
    await channel.close()


async def test_a_wrong_token_is_our_mistake(viber: FakeViber) -> None:
    """The team sees it; nothing is tried again."""
    channel = Viber("another-token", viber.url, NAME)
    assert told(await refusal(channel, letter())) == REFUSED
    await channel.close()


DAY = timedelta(hours=24)


async def test_after_a_day_the_bot_is_silent_and_an_operator_is_not(
    viber: FakeViber, channel: Viber
) -> None:
    """A late reply costs money: a person may decide to pay, a program may not."""
    yesterday = MONDAY - DAY - timedelta(seconds=1)
    error = await refusal(channel, letter(last_inbound_at=yesterday))
    assert (type(error), error.reason) == (Refused, "the 24-hour session is over")
    assert viber.calls == []
    await channel.send(letter(last_inbound_at=yesterday, author="operator"), MONDAY)
    await channel.send(letter(last_inbound_at=MONDAY - DAY), MONDAY)
    assert len(viber.sent) == 2


@pytest.mark.parametrize("author", ["bot", "operator"])
async def test_the_hundredth_message_of_an_hour_is_the_last(
    author: str, viber: FakeViber, channel: Viber
) -> None:
    """One more would be status 12; we wait instead of asking for it."""
    await channel.send(letter(author=author, sent_since_inbound=99), MONDAY)
    error = await refusal(channel, letter(author=author, sent_since_inbound=100))
    assert told(error) == (Later, 600, False)
    assert len(viber.calls) == 1


async def test_the_webhook_is_set_with_the_events_we_read(viber: FakeViber, channel: Viber) -> None:
    """Viber is asked for everything that parse and receipt_of understand."""
    viber.calls_back = False
    await channel.set_webhook("https://help.example/webhooks/viber")
    assert [(call.method, call.body) for call in viber.calls] == [
        ("set_webhook", {"url": "https://help.example/webhooks/viber", "event_types": EVENTS})
    ]
    read = {event(name)["event"] for name in EXPECTED if EXPECTED[name] or name in RECEIPTS}
    assert set(EVENTS) == read - {"message"}


async def test_a_webhook_viber_can_not_reach_is_refused(viber: FakeViber, channel: Viber) -> None:
    """Nothing answers there, so Viber says no, and so do we; the old webhook stays."""
    viber.calls_back = False
    await channel.set_webhook("https://help.example/webhooks/viber")
    viber.calls_back = True
    with pytest.raises(Refused, match="set_webhook: status 1"):
        await channel.set_webhook("http://127.0.0.1:9/webhooks/viber")
    assert viber.webhook == "https://help.example/webhooks/viber"
