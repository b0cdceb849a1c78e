"""The played Viber is strict enough: it refuses what Viber refuses, and viberbot can use it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from viberbot import BotConfiguration
from viberbot.api.api_request_sender import ApiRequestSender
from viberbot.api.message_sender import MessageSender
from viberbot.api.messages import TextMessage

from tests.fakes.viber import FIRST_MESSAGE_TOKEN, TOKEN, FakeViber, sign
from tests.fakes.viber import SIGNATURE_HEADER as HEADER
from tests.fakes.viber_events import PERSON
from tests.fakes.viber_rules import faults, rows_of

Json = dict[str, Any]


def button(**changes: object) -> Json:
    """A good button with some things changed."""
    good = {"Columns": 6, "Rows": 1, "ActionType": "reply", "ActionBody": "x", "Text": "X"}
    return good | changes


def message(*buttons: Json, **changes: object) -> Json:
    """A good message with some things changed."""
    good: Json = {"receiver": PERSON, "sender": {"name": "N"}, "type": "text", "text": "T"}
    if buttons:
        good["keyboard"] = {"Type": "keyboard", "DefaultHeight": False, "Buttons": list(buttons)}
    return good | changes


GOOD = {
    "plain": message(),
    "as long as may be": message(text="я" * 7000, sender={"name": "N" * 28}),
    "twelve rows": message(*[button()] * 12),
    "seventy-two narrow buttons": message(*[button(Columns=1)] * 72),
    "a place": message(button(ActionType="location-picker"), min_api_version=3),
    "silent": message(button(Silent=True), min_api_version=6),
}
BAD = {
    "the receiver is missing": message(receiver=""),
    "the type 'txt'": message(type="txt"),
    "text is missing": message(text=""),
    "the field keybord": message(keybord={}),
    "a text of 7001 characters": message(text="x" * 7001),
    "a text of 7002 characters": message(text="🙂" * 3501),
    "30001 bytes of JSON": message(button(ActionBody="x" * 29_755)),
    "tracking_data is too long": message(tracking_data="x" * 4001),
    f"the sender's name {'N' * 29!r}": message(sender={"name": "N" * 29}),
    "the sender's name ''": message(sender={}),
    "the keyboard has no Type": message(keyboard={"Buttons": [button()]}),
    "the keyboard has no Buttons": message(keyboard={"Type": "keyboard"}),
    "Columns 7": message(button(Columns=7)),
    "Columns 0": message(button(Columns=0)),
    "Rows 3": message(button(Rows=3)),
    "13 rows of buttons": message(*[button()] * 13),
    "14 rows of buttons": message(*[button(Rows=2, Columns=4)] * 7),
    "the ActionType 'answer'": message(button(ActionType="answer")),
    "a button without ActionBody": message(button(ActionBody="")),
    "a button's Text": message(button(Text="x" * 251)),
    "the button's field Colour": message(button(Colour="red")),
    "location-picker needs min_api_version 3": message(button(ActionType="location-picker")),
    "Silent needs min_api_version 6": message(button(Silent=True), min_api_version=5),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_viber_takes_has_no_fault(name: str) -> None:
    """Up to every limit."""
    assert faults(GOOD[name]) == []


@pytest.mark.parametrize("fault", BAD)
def test_what_viber_refuses_has_one_fault(fault: str) -> None:
    """One step beyond a limit, and nothing else is wrong."""
    assert faults(BAD[fault]) == [fault]


def test_an_answer_to_an_event_has_no_receiver() -> None:
    """The person who opened the chat is known from the event."""
    assert faults(message(), is_answer=True) == ["an answer has no receiver"]
    without = {name: value for name, value in message().items() if name != "receiver"}
    assert faults(without, is_answer=True) == []


def test_buttons_stand_side_by_side_while_there_is_room() -> None:
    """Three and three, then six; a two does not fit beside a five."""
    shown = rows_of(message(*[button(Columns=width) for width in (3, 3, 6, 5, 2, 1)]))
    assert [[one["Columns"] for one in row] for row in shown] == [[3, 3], [6], [5], [2, 1]]


@pytest.fixture
async def viber() -> AsyncIterator[FakeViber]:
    """The played Viber."""
    async with FakeViber() as server:
        yield server


class Silent:
    """A logger for viberbot that writes nothing down."""

    def debug(self, text: str) -> None:
        """Nothing."""

    error = debug


def requests_of(viber: FakeViber, token: str = TOKEN) -> ApiRequestSender:
    """viberbot's client of this server."""
    account = BotConfiguration(auth_token=token, name="N", avatar="https://media.example/n.png")
    return ApiRequestSender(Silent(), viber.url, account, "viberbot")


async def aside(call: Callable[..., Any], *given: object) -> Any:
    """viberbot blocks, so it runs in a thread."""
    return await asyncio.to_thread(call, *given)


async def test_viberbot_can_send(viber: FakeViber) -> None:
    """Viber's own library is answered as it expects, and its message is taken as it is."""
    requests = requests_of(viber)
    sender = MessageSender(Silent(), requests, requests._bot_configuration)
    text = TextMessage(text="Добрий день!", keyboard=message(button())["keyboard"])
    token = await aside(sender.send_message, PERSON, "N", "https://media.example/n.png", text)
    assert token == FIRST_MESSAGE_TOKEN > 1 << 53
    assert viber.faults == []
    assert viber.sent == [
        message(button(), text="Добрий день!")
        | {"sender": {"name": "N", "avatar": "https://media.example/n.png"}, "auth_token": TOKEN}
    ]


async def test_viberbot_is_refused_with_a_status(viber: FakeViber) -> None:
    """A wrong token is status 2, a wrong message 3, both within HTTP 200."""
    for token, text, said in ((TOKEN, "x" * 7001, "3, message: badData"), ("-", "x", "2, message")):
        requests = requests_of(viber, token)
        sender = MessageSender(Silent(), requests, requests._bot_configuration)
        with pytest.raises(Exception, match=f"failed with status: {said}"):
            await aside(sender.send_message, PERSON, "N", None, TextMessage(text=text))
    assert viber.sent == []


@pytest.fixture
async def listener() -> AsyncIterator["Listener"]:
    """Somebody's webhook."""
    async with Listener() as opened:
        yield opened


class Listener:
    """A webhook that keeps what it hears and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.url = 200, ""
        self.heard: list[tuple[bytes, str]] = []

    async def __aenter__(self) -> "Listener":
        app = web.Application()
        app.router.add_post("/webhook", self._hear)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        self.heard.append((await request.read(), request.headers[HEADER]))
        return web.Response(status=self.status)


async def test_setting_a_webhook_calls_it_at_once(viber: FakeViber, listener: Listener) -> None:
    """The first event is signed, and the account tells of the webhook afterwards."""
    requests = requests_of(viber)
    assert await aside(requests.set_webhook, listener.url, ["seen"]) == ["seen"]
    [(body, signature)] = listener.heard
    assert (json.loads(body)["event"], signature) == ("webhook", sign(TOKEN, body))
    info = await aside(requests.get_account_info)
    assert (info["status"], info["webhook"], info["event_types"]) == (0, listener.url, ["seen"])


async def test_a_webhook_must_answer_200(viber: FakeViber, listener: Listener) -> None:
    """Anything else, no https, or an unknown event leaves the account without it."""
    requests = requests_of(viber)
    listener.status = 204
    for url in (listener.url, "http://help.example/webhook", "http://127.0.0.1:9/webhook"):
        with pytest.raises(Exception, match="failed with status: 1"):
            await aside(requests.set_webhook, url)
    with pytest.raises(Exception, match="failed with status: 3"):
        await aside(requests.set_webhook, "https://help.example/webhook", ["typing"])
    assert (viber.webhook, viber.event_types) == ("", ())


async def test_only_wanted_events_are_delivered(viber: FakeViber, listener: Listener) -> None:
    """A bot that did not ask for receipts gets none, so a test must not send it any."""
    viber.webhook = listener.url
    with pytest.raises(ValueError, match="did not ask for seen"):
        await viber.deliver({"event": "seen"})
    assert (await viber.deliver({"event": "message"})).http == 200


async def test_a_call_without_a_token_is_refused(viber: FakeViber) -> None:
    """The header is what Viber documents."""
    async with aiohttp.ClientSession() as client:
        for method in ("send_message", "set_webhook", "get_account_info"):
            async with client.post(f"{viber.url}/{method}", json={"url": ""}) as said:
                assert (await said.json())["status"] == 2
    assert viber.calls == []
