"""Viber's REST API on 127.0.0.1, played: it answers, refuses, calls the webhook and remembers.

What it takes is decided by viber_rules. As with the real one an answer is HTTP 200, and whether
the call was taken stands in the `status` of its JSON.
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
from aiohttp import web

from tests.fakes.viber_rules import faults

TOKEN: Final = "a-viber-token-that-opens-nothing"
SIGNATURE_HEADER: Final = "X-Viber-Content-Signature"
FIRST_MESSAGE_TOKEN: Final = 4912661846655238145
"""Beyond 2^53: whoever keeps it in a float loses its last digits."""
EVENT_TYPES: Final = frozenset(
    "subscribed unsubscribed conversation_started delivered seen failed".split()
)
"""What set_webhook lets an account choose from; messages always come."""
PATIENCE: Final = 10.0
"""Seconds a test waits for what should happen at once."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server does with a call: answers, closes the connection, or is silent."""

    http: int = 200
    body: bytes = b""
    ends: Literal["answered", "closed", "silent"] = "answered"
    headers: tuple[tuple[str, str], ...] = ()

    async def give(self, request: web.Request) -> web.StreamResponse:
        """Do it."""
        if self.ends == "silent":
            await asyncio.Event().wait()
        if self.ends == "closed":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(
            status=self.http,
            body=self.body,
            content_type="application/json",
            headers=dict(self.headers),
        )


def answer(status: int, message: str = "", **more: object) -> Answer:
    """HTTP 200 with a status of Viber's."""
    return Answer(body=json.dumps({"status": status, "status_message": message, **more}).encode())


def http(status: int, **headers: str) -> Answer:
    """An error of the proxy in front of Viber."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, b"<html></html>", headers=named)


MALFORMED: Final = Answer(body=b'{"status": 0, "message_to')
CLOSED: Final = Answer(ends="closed")
SILENCE: Final = Answer(ends="silent")

BAD_TOKEN: Final = answer(2, "invalidAuthToken")
INVALID_URL: Final = answer(1, "invalidUrl")


@dataclass(frozen=True)
class Call:
    """One call of the bot."""

    method: str
    body: Json


@dataclass(frozen=True)
class Heard:
    """What the bot's webhook answered."""

    http: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class FakeViber:
    """The server. `async with FakeViber() as viber`, then VIBER_API_URL=viber.url."""

    url: str = ""
    calls_back: bool = True
    """Whether set_webhook tries the webhook first, as the real one does."""
    calls: list[Call] = field(default_factory=list)
    """Every call that carried the token, in the order in which they came."""
    sent: list[Json] = field(default_factory=list)
    """Every message that was taken, in order."""
    faults: list[str] = field(default_factory=list)
    """What the rules refused: empty unless the bot makes mistakes."""
    webhook: str = ""
    event_types: tuple[str, ...] = ()
    billing_status: int = 1

    def __post_init__(self) -> None:
        self._scripted: deque[Answer] = deque()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/pa/send_message", self._send_message)
        app.router.add_post("/pa/set_webhook", self._set_webhook)
        app.router.add_post("/pa/get_account_info", self._get_account_info)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/pa"
        # A connection for each event: a server that stops need not wait for ours to close.
        self.client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.close()
        await self._runner.cleanup()

    def answer_next(self, *answers: Answer) -> None:
        """Answer the next calls of send_message like this, one after the other."""
        self._scripted.extend(answers)

    async def deliver(
        self,
        event: Json | bytes,
        *,
        token: str | None = TOKEN,
        signed_in: Literal["header", "query"] = "header",
    ) -> Heard:
        """Post an event to the webhook, signed by a token, or not at all with None."""
        self._must_be_wanted(event)
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return await self._post(self.webhook, body, token, signed_in)

    async def _post(self, url: str, body: bytes, token: str | None, signed_in: str) -> Heard:
        headers, query = {"Content-Type": "application/json"}, {}
        if token is not None and signed_in == "header":
            headers[SIGNATURE_HEADER] = sign(token, body)
        elif token is not None:
            query["sig"] = sign(token, body)
        async with self.client.post(url, data=body, headers=headers, params=query) as said:
            return Heard(said.status, await said.read())

    async def wait_sent(self, count: int) -> list[Json]:
        """All messages, when there are so many."""
        async with self._changed:
            enough = self._changed.wait_for(lambda: len(self.sent) >= count)
            try:
                await asyncio.wait_for(enough, PATIENCE)
            except TimeoutError:
                raise AssertionError(f"{len(self.sent)} were sent; {self.faults=}") from None
        return list(self.sent)

    async def wait_called(self, method: str) -> list[Call]:
        """All calls of a method, when there is one."""
        async with self._changed:
            called = self._changed.wait_for(lambda: bool(self.calls_of(method)))
            await asyncio.wait_for(called, PATIENCE)
        return self.calls_of(method)

    def calls_of(self, method: str) -> list[Call]:
        """The calls of a method."""
        return [call for call in self.calls if call.method == method]

    def _must_be_wanted(self, event: Json | bytes) -> None:
        kind = event["event"] if isinstance(event, dict) else ""
        if kind in EVENT_TYPES - set(self.event_types):
            raise ValueError(f"the bot did not ask for {kind}")

    async def _send_message(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = self._understood(request, raw)
        if body is None:
            return await BAD_TOKEN.give(request)
        wrong = faults(body, size=len(raw))
        self.faults += wrong
        if wrong:
            given = answer(3, f"badData: {wrong[0]}")
        elif self._scripted:
            given = self._scripted.popleft()
        else:
            given = self._taken(body)
        await self._remember(Call("send_message", body))
        return await given.give(request)

    def _taken(self, body: Json) -> Answer:
        self.sent.append(body)
        number = FIRST_MESSAGE_TOKEN + len(self.sent) - 1
        return answer(0, "ok", message_token=number, billing_status=self.billing_status)

    async def _set_webhook(self, request: web.Request) -> web.StreamResponse:
        body = self._understood(request, await request.read())
        if body is None:
            return await BAD_TOKEN.give(request)
        wanted = tuple(body.get("event_types", sorted(EVENT_TYPES)))
        if not set(wanted) <= EVENT_TYPES:
            given = answer(3, "badData: event_types")
        elif body["url"] and not await self._may_be_called(body["url"]):
            given = INVALID_URL
        else:
            given = answer(0, "ok", event_types=list(wanted))
            self.webhook, self.event_types = body["url"], wanted if body["url"] else ()
        await self._remember(Call("set_webhook", body))
        return await given.give(request)

    async def _may_be_called(self, url: str) -> bool:
        """Whether it is a URL that Viber would call, and it answers a first event with 200."""
        if not url.startswith(("https://", "http://127.0.0.1:")):
            return False
        if not self.calls_back:
            return True
        first = b'{"event":"webhook","timestamp":1795427999000,"message_token":241256543215}'
        try:
            return (await self._post(url, first, TOKEN, "header")).http == 200
        except aiohttp.ClientError:
            return False

    async def _get_account_info(self, request: web.Request) -> web.StreamResponse:
        body = self._understood(request, await request.read())
        if body is None:
            return await BAD_TOKEN.give(request)
        await self._remember(Call("get_account_info", body))
        told = {"id": "pa:75346594275468546724", "name": "Helpline", "uri": "helpline-test"}
        types = list(self.event_types)
        given = answer(0, "ok", **told, webhook=self.webhook, event_types=types)
        return await given.give(request)

    def _understood(self, request: web.Request, raw: bytes) -> Json | None:
        """The JSON of a call with the token: in the header, or in the body as viberbot does."""
        body: Json = json.loads(raw)
        given = request.headers.get("X-Viber-Auth-Token") or body.get("auth_token")
        return body if given == TOKEN else None

    async def _remember(self, call: Call) -> None:
        async with self._changed:
            self.calls.append(call)
            self._changed.notify_all()


def sign(token: str, body: bytes) -> str:
    """Viber's signature of a body."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
