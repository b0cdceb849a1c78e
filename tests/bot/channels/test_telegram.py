"""Telegram: what its updates mean, and what its answers to our calls mean."""

import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import BotCommand, Location, Venue

from bot.channels.base import DeliveryError, Gone, Later, Letter, Moved, Receipt, Refused, Unknown
from bot.channels.telegram import ALLOWED_UPDATES, Telegram, parse
from bot.channels.telegram_render import TelegramParcel
from handlers import texts
from handlers.translate import translator
from handlers.turn import Attachment, Inbound, Kind
from knowledge.languages import LANGS
from tests.conftest import MONDAY
from tests.fakes import telegram as played
from tests.fakes.telegram import TOKEN, Answer, FakeTelegram
from tests.fakes.telegram_updates import FOLDER, SENT_AT, Json, fixtures, path_of

PRIVATE, GROUP = "5001", "-4001"


def inbound(kind: Kind, **changes: Any) -> Inbound:
    """Something Oksana sent in the message of a fixture."""
    common: dict[str, Any] = {
        "channel": "telegram",
        "external_id": "700000007",
        "contact": PRIVATE,
        "kind": kind,
        "at": SENT_AT,
        "device_lang": "uk",
        "message": "7",
    }
    return Inbound(**{**common, **changes})


def attached(attachment: Attachment, text: str = "") -> Inbound:
    """A file Oksana sent."""
    return inbound(Kind.ATTACHMENT, attachment=attachment, text=text)


def pressed(data: str, message: str = "7", callback: str = "press-7") -> Inbound:
    """A button Oksana pressed. The press has no time of its own: it is that of its arrival."""
    return inbound(Kind.ACTION, text=data, at=MONDAY, message=message, callback=callback)


def in_group(kind: Kind, **changes: Any) -> Inbound:
    """Something Oksana sent in a group."""
    return inbound(kind, contact=GROUP, group=True, **changes)


def photo(text: str = "") -> Inbound:
    """A photo of an album: the largest size is the one to open."""
    return attached(Attachment("photo", "photo-large", size=150_000, album="album-1"), text)


EXPECTED: dict[str, Inbound | None] = {
    "text": inbound(Kind.TEXT, text="Як отримати PESEL UKR?"),
    "text-no-language": inbound(Kind.TEXT, text="Where can I sleep tonight?", device_lang=""),
    "command-deep-link": inbound(Kind.COMMAND, text="start", argument="stay_pesel-ukr"),
    "command-with-bot-name": inbound(Kind.COMMAND, text="help"),
    "edited-message": inbound(Kind.EDITED, text="Як отримати PESEL?"),
    "edited-command": inbound(Kind.EDITED, text="/help"),
    "edited-caption": inbound(Kind.EDITED, text="Що це за документ?"),
    "callback-query": pressed("t:stay.pesel-ukr"),
    "callback-query-inaccessible": pressed("m", message="17"),
    "callback-query-no-message": pressed("", message="", callback="press-inline"),
    "location": inbound(Kind.LOCATION, latitude=50.0614, longitude=19.937),
    "venue": inbound(Kind.LOCATION, latitude=50.0614, longitude=19.937),
    "live-location-moved": None,
    "contact": inbound(Kind.PHONE),
    "photo-album-first": photo("Що мені з цим робити?"),
    "photo-album-second": photo(),
    "document": attached(
        Attachment("document", "document-1", "лист.pdf", "application/pdf", 52_000)
    ),
    "voice": attached(Attachment("voice", "voice-1", mime="audio/ogg", size=8_000)),
    "video": attached(Attachment("video", "video-1", mime="video/mp4")),
    "video-note": attached(Attachment("video", "note-1", size=70_000)),
    "audio": attached(Attachment("audio", "audio-1", mime="audio/mpeg")),
    "sticker": attached(Attachment("sticker", "sticker-1", size=12_000)),
    "animation": attached(Attachment("animation", "animation-1", mime="video/mp4", size=9_000)),
    "poll": inbound(Kind.UNSUPPORTED),
    "dice": inbound(Kind.UNSUPPORTED),
    "story": inbound(Kind.UNSUPPORTED),
    "game": inbound(Kind.UNSUPPORTED),
    "blocked": inbound(Kind.BLOCKED, message=""),
    "unblocked": inbound(Kind.UNBLOCKED, message=""),
    "pinned": None,
    "migrate-to-supergroup": in_group(Kind.MOVED, argument="-1004001"),
    "migrate-from-group": None,
    "group-message": in_group(Kind.TEXT, text="Хтось знає, де курси?"),
    "group-command": in_group(Kind.COMMAND, text="start"),
    "group-bot-added": None,
    "channel-post": None,
    "message-from-a-bot": None,
    "unknown-field": inbound(Kind.TEXT, text="Де я можу поїсти?"),
    "unknown-kind": None,
    "unknown-content": inbound(Kind.UNSUPPORTED),
    "unreadable-message": inbound(Kind.UNSUPPORTED, at=MONDAY, device_lang="", message=""),
}


def stored(name: str) -> Json:
    """A fixture as it is kept."""
    update: Json = json.loads(path_of(name).read_text(encoding="utf-8"))
    return update


def test_the_fixtures_are_what_the_script_makes() -> None:
    """Nobody has edited a fixture by hand, and none is left over."""
    kept = {path.stem: stored(path.stem) for path in FOLDER.glob("*.json")}
    assert kept == fixtures()


def test_every_fixture_has_an_expected_inbound() -> None:
    """No kind of update is without a claim below."""
    assert fixtures().keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_an_update_is_read(name: str) -> None:
    """An update becomes exactly this inbound, or nothing that needs an answer."""
    assert parse(stored(name), MONDAY) == EXPECTED[name]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(deadline=None)
@given(name=st.sampled_from(sorted(EXPECTED)), value=JSON, data=st.data())
def test_no_update_can_stop_the_reading(name: str, value: Any, data: st.DataObject) -> None:
    """Whatever stands in whatever place, it is read or left, and the next update is reached."""
    update = stored(name)
    part = update
    while True:
        key = data.draw(st.sampled_from(sorted(part)))
        if isinstance(part[key], dict) and part[key] and data.draw(st.booleans()):
            part = part[key]
            continue
        part[key] = value
        break
    found = parse(update, MONDAY)
    assert found is None or found.external_id == str(update["update_id"])


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """A pretend Telegram."""
    async with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
async def channel(server: FakeTelegram) -> AsyncIterator[Telegram]:
    """The channel that talks to it."""
    telegram = Telegram(TOKEN, server.url)
    yield telegram
    await telegram.close()


def letter(address: str = PRIVATE, method: str = "sendMessage", /, **params: object) -> Letter:
    """A parcel of the bot that was queued on Monday."""
    parcel = msgspec.json.encode(TelegramParcel(method, params or {"text": "Dzień dobry"}))
    return Letter(address, parcel, "bot", MONDAY, MONDAY, 0)


async def outcome(channel: Telegram, sent: Letter) -> tuple[type[DeliveryError], dict[str, Any]]:
    """How sending fails: the kind of error and all it tells."""
    with pytest.raises(DeliveryError) as caught:
        await channel.send(sent, MONDAY)
    return type(caught.value), vars(caught.value)


def later(reason: str, seconds: float, *, whole: bool = False) -> tuple[type[DeliveryError], Any]:
    """To be tried again."""
    return Later, {"reason": reason, "seconds": seconds, "whole_channel": whole}


def final(kind: type[DeliveryError], reason: str) -> tuple[type[DeliveryError], Any]:
    """Not to be tried again, or not known."""
    return kind, {"reason": reason}


ANSWERS: dict[str, tuple[Answer, tuple[type[DeliveryError], Any]]] = {
    "too many": (played.too_many(7), later("rate limit", 7, whole=True)),
    "blocked": (played.BLOCKED, final(Gone, "blocked or deleted")),
    "chat not found": (played.CHAT_NOT_FOUND, final(Gone, "the chat does not exist")),
    "deactivated": (
        played.error(400, "Bad Request: user is deactivated"),
        final(Gone, "the chat does not exist"),
    ),
    "bad request": (
        played.error(400, "Bad Request: message text is empty"),
        final(Refused, "Bad Request: message text is empty"),
    ),
    "migrated": (
        played.migrated(-1004001),
        (Moved, {"reason": "moved", "address": "-1004001"}),
    ),
    "500": (played.SERVER_ERROR, later("Telegram answers TelegramServerError", 5)),
    "restarting": (
        played.error(500, "Internal Server Error: restart"),
        later("Telegram answers RestartingTelegram", 5),
    ),
    "502": (
        played.error(502, "Bad Gateway"),
        later("Telegram answers TelegramServerError", 5),
    ),
    "404": (played.NOT_FOUND, later("Telegram answers TelegramNotFound", 5)),
    "401": (played.UNAUTHORIZED, later("the token is refused", 60, whole=True)),
    "409": (played.error(409, "Conflict"), final(Refused, "TelegramConflictError")),
    "closed": (played.CLOSED, final(Unknown, "the connection broke: ServerDisconnectedError")),
    "malformed": (played.MALFORMED, final(Unknown, "the answer can't be read")),
}


async def test_each_answer_says_what_to_do(server: FakeTelegram, channel: Telegram) -> None:
    """Each way of not taking a parcel is one error; the next parcel is taken."""
    server.answer_next(*(answer for answer, _ in ANSWERS.values()))
    found = {case: await outcome(channel, letter()) for case in ANSWERS}
    assert found == {case: expected for case, (_, expected) in ANSWERS.items()}
    assert await channel.send(letter(), MONDAY) == Receipt("1")


UNREADABLE = {
    "no parcel": b"{",
    "no method of ours": b'{"method": "sendMoney", "params": {}}',
    "a parameter is missing": b'{"method": "sendVenue", "params": {"title": "Punkt"}}',
    "a parameter has another type": b'{"method": "sendMessage", "params": {"text": []}}',
}


@pytest.mark.parametrize("parcel", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_parcel_that_cannot_be_read_is_refused(channel: Telegram, parcel: bytes) -> None:
    """It is our mistake and shown to the team; it never holds back what waits behind it."""
    sent = Letter(PRIVATE, parcel, "bot", MONDAY, MONDAY, 0)
    assert await outcome(channel, sent) == final(Refused, "the parcel can't be read")


async def test_a_groups_limit_holds_back_the_group_only(
    server: FakeTelegram, channel: Telegram
) -> None:
    """A group has 20 messages a minute of its own; other people need not wait."""
    server.answer_next(played.too_many(9))
    assert await outcome(channel, letter(GROUP)) == later("rate limit", 9)


async def test_silence_is_unknown(server: FakeTelegram, channel: Telegram) -> None:
    """Nobody answered in time: it may have been sent."""
    channel.session.timeout = 0.05
    server.answer_next(played.SILENCE)
    assert await outcome(channel, letter()) == final(Unknown, "no answer in time")


async def test_a_refused_connection_is_tried_later() -> None:
    """Nothing was sent where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        channel = Telegram(TOKEN, f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert await outcome(channel, letter()) == later("no connection to Telegram", 5)
    await channel.close()


async def test_a_wrong_token_is_told_by_telegram(server: FakeTelegram) -> None:
    """A token Telegram does not know stops the whole channel for a while."""
    channel = Telegram("1:another-token", server.url)
    assert await outcome(channel, letter()) == later("the token is refused", 60, whole=True)
    await channel.close()


async def test_a_text_is_shown_to_its_chat(server: FakeTelegram, channel: Telegram) -> None:
    """The address is the chat; the receipt is the number of the message there."""
    receipt = await channel.send(letter(text="<b>Увага!</b> 2 &lt; 3", parse_mode="HTML"), MONDAY)
    (shown,) = server.messages
    assert receipt == Receipt(str(shown.message_id))
    assert (shown.chat_id, shown.text) == (int(PRIVATE), "Увага! 2 < 3")
    assert shown.text_html == "<b>Увага!</b> 2 &lt; 3"


async def test_places_are_shown(server: FakeTelegram, channel: Telegram) -> None:
    """A venue and a location arrive as such."""
    place: dict[str, object] = {"latitude": 50.0614, "longitude": 19.937}
    venue = letter(PRIVATE, "sendVenue", **place, title="Punkt", address="Rynek Główny 1")
    assert await channel.send(venue, MONDAY) == Receipt("1")
    assert await channel.send(letter(PRIVATE, "sendLocation", **place), MONDAY) == Receipt("2")
    here = Location(19.937, 50.0614)
    assert [(shown.venue, shown.location) for shown in server.messages] == [
        (Venue(here, "Punkt", "Rynek Główny 1"), here),
        (None, here),
    ]


def answer_to_press(callback: str) -> Letter:
    """The answer to a button press."""
    return letter(PRIVATE, "answerCallbackQuery", callback_query_id=callback)


async def test_a_press_is_answered(server: FakeTelegram, channel: Telegram) -> None:
    """The acknowledgement of an update is a call that Telegram takes."""
    update = stored("callback-query")
    await server.deliver(update)
    press = parse(update, MONDAY)
    assert press
    (parcel,) = channel.acknowledge(press)
    sent = Letter(PRIVATE, parcel, "bot", MONDAY, MONDAY, 0)
    assert await channel.send(sent, MONDAY) == Receipt()
    assert [(call.params, call.status) for call in server.calls] == [
        ({"callback_query_id": "press-7"}, 200)
    ]


async def test_only_a_press_is_acknowledged(channel: Telegram) -> None:
    """A text has nothing that spins."""
    told = {name: channel.acknowledge(inbound) for name, inbound in EXPECTED.items() if inbound}
    assert {name for name, parcels in told.items() if parcels} == {
        "callback-query",
        "callback-query-inaccessible",
        "callback-query-no-message",
    }


async def test_a_press_telegram_forgot_is_let_go(server: FakeTelegram, channel: Telegram) -> None:
    """An answer to a press that Telegram refuses as too old is done with, not shown to the team."""
    assert await channel.send(answer_to_press("never-seen"), MONDAY) == Receipt()
    assert [call.status for call in server.calls] == [400]


async def test_an_old_press_is_not_answered(server: FakeTelegram, channel: Telegram) -> None:
    """After 150 seconds Telegram takes no answer, so none is sent; a second before it is."""
    press = answer_to_press("press-7")
    await channel.send(press, MONDAY + timedelta(seconds=150))
    assert len(server.calls) == 1
    await channel.send(press, MONDAY + timedelta(seconds=151))
    assert len(server.calls) == 1


async def test_the_commands_are_registered(server: FakeTelegram, channel: Telegram) -> None:
    """In each of the four languages, and in English for everybody else."""
    await channel.register()
    said = {
        "start": texts.command_start,
        "help": texts.command_help,
        "language": texts.command_language,
        "person": texts.command_person,
        "points": texts.command_points,
        "privacy": texts.command_privacy,
        "delete": texts.command_delete,
    }
    assert server.commands == {
        ("all_private_chats", lang or ""): [
            BotCommand(name, text(translator(lang or "en"))) for name, text in said.items()
        ]
        for lang in (*LANGS, None)
    }


async def test_the_webhook_is_set_and_removed(server: FakeTelegram, channel: Telegram) -> None:
    """Telegram is told where to call, with which secret, and what we want to hear."""
    await channel.set_webhook("https://help.example.org/webhooks/telegram", "a-secret")
    assert server.webhook == played.Webhook(
        "https://help.example.org/webhooks/telegram", "a-secret"
    )
    assert server.allowed == tuple(ALLOWED_UPDATES)
    await channel.remove_webhook()
    assert server.webhook is None


async def test_updates_are_asked_for_and_confirmed(server: FakeTelegram, channel: Telegram) -> None:
    """Updates come undecoded, odd ones with the rest, until an offset confirms them."""
    first = stored("text")
    second = {**stored("unreadable-message"), "update_id": first["update_id"] + 1}
    await server.deliver(first)
    await server.deliver(second)
    assert await channel.updates(None, wait=1) == [first, second]
    assert await channel.updates(first["update_id"] + 1, wait=1) == [second]
    assert await channel.updates(second["update_id"] + 1, wait=0) == []
