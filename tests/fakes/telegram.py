"""A Bot API server on 127.0.0.1, played: it answers, refuses, delivers and remembers.

What it takes is decided by telegram_rules; what it answers is made of python-telegram-bot's types.
Anything the Bot API does not have makes the test fail when the server stops.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
from aiohttp import web
from telegram import BotCommand, BotCommandScope, Chat, Location, Message, Update, User, Venue

from tests.fakes.telegram_rules import Refusal, Stranger, Understood, understand

TOKEN: Final = "5550001:a-token-that-opens-nothing"
ME: Final = User(5550001, "Helpline", is_bot=True, username="helpline_test_bot")
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
PATIENCE: Final = 10.0
"""Seconds a test waits for what should happen at once."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the server does with a call: answers, closes the connection, or is silent."""

    status: int = 200
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
            status=self.status,
            body=self.body,
            content_type="application/json",
            headers=dict(self.headers),
        )


def result(value: object) -> Answer:
    """A call that was taken."""
    return Answer(200, json.dumps({"ok": True, "result": value}).encode())


def error(status: int, description: str, **parameters: int) -> Answer:
    """A call that was not taken, in Telegram's form."""
    body: Json = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    wait = parameters.get("retry_after")
    headers = (("Retry-After", str(wait)),) if wait else ()
    return Answer(status, json.dumps(body).encode(), headers=headers)


def too_many(retry_after: int) -> Answer:
    """The rate limit."""
    words = f"Too Many Requests: retry after {retry_after}"
    return error(429, words, retry_after=retry_after)


def migrated(chat_id: int) -> Answer:
    """The group has become a supergroup with another id."""
    words = "Bad Request: group chat was upgraded to a supergroup chat"
    return error(400, words, migrate_to_chat_id=chat_id)


BLOCKED: Final = error(403, "Forbidden: bot was blocked by the user")
CHAT_NOT_FOUND: Final = error(400, "Bad Request: chat not found")
SERVER_ERROR: Final = error(500, "Internal Server Error")
UNAUTHORIZED: Final = error(401, "Unauthorized")
NOT_FOUND: Final = error(404, "Not Found")
MALFORMED: Final = Answer(200, b'{"ok": tru')
CLOSED: Final = Answer(0, ends="closed")
SILENCE: Final = Answer(0, ends="silent")
WEBHOOK_IS_SET: Final = error(
    409,
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first",
)
OTHER_POLL: Final = error(
    409,
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running",
)


@dataclass
class Call:
    """One call of the bot; `status` is None until it is dealt with, 0 if nothing was answered."""

    method: str
    params: Json
    at: float
    status: int | None = None


@dataclass(frozen=True)
class Webhook:
    """Where updates are posted to."""

    url: str
    secret: str


@dataclass
class FakeTelegram:
    """The server. `async with FakeTelegram() as telegram`, then TELEGRAM_API_URL=telegram.url."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    """Every call in the order in which they came."""
    messages: list[Message] = field(default_factory=list)
    """Everything that was taken to be shown to somebody, in order."""
    refusals: list[str] = field(default_factory=list)
    """Descriptions of what the rules refused: empty unless the bot makes mistakes."""
    strangers: list[str] = field(default_factory=list)
    commands: dict[tuple[str, str], list[BotCommand]] = field(default_factory=dict)
    """By scope and language."""
    webhook: Webhook | None = None
    allowed: tuple[str, ...] = ()
    pending: list[Json] = field(default_factory=list)
    """Updates nobody has confirmed."""

    def __post_init__(self) -> None:
        self._scripted: dict[str, deque[Answer]] = {}
        self._presses: set[str] = set()
        self._polls = 0
        self._changed = asyncio.Condition()
        self._answers: dict[str, Callable[[Understood], Awaitable[Answer]]] = {
            "getMe": self._get_me,
            "sendMessage": self._send,
            "sendVenue": self._send,
            "sendLocation": self._send,
            "answerCallbackQuery": self._answer_press,
            "setMyCommands": self._set_commands,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getUpdates": self._get_updates,
        }

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._client = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()
        await self._runner.cleanup()
        if error is None and self.strangers:
            raise AssertionError("; ".join(self.strangers))

    def answer_next(self, *answers: Answer, method: str = "sendMessage") -> None:
        """Answer the next calls of a method like this, one after the other."""
        self._scripted.setdefault(method, deque()).extend(answers)

    async def deliver(self, update: Json) -> int | None:
        """Give the bot an update: the status of its webhook, or None when it must ask."""
        self._must_be_wanted(update)
        if "callback_query" in update:
            self._presses.add(update["callback_query"]["id"])
        if self.webhook:
            headers = {SECRET_HEADER: self.webhook.secret}
            async with self._client.post(self.webhook.url, json=update, headers=headers) as said:
                return said.status
        self.pending.append(update)
        await self._tell()
        return None

    async def wait_until(self, happened: Callable[[], bool]) -> None:
        """Return when something that calls bring about is so."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(happened), PATIENCE)
            except TimeoutError:
                told = [f"{call.method} {call.status}" for call in self.calls]
                raise AssertionError(f"it did not happen; {self.refusals=} {told=}") from None

    async def wait_for_messages(self, count: int, chat: int | None = None) -> list[Message]:
        """All messages (to a chat), when there are so many."""
        await self.wait_until(lambda: len(self.messages_to(chat)) >= count)
        return self.messages_to(chat)

    async def wait_for_calls(self, method: str, count: int = 1) -> list[Call]:
        """All calls of a method, when so many are dealt with."""
        await self.wait_until(lambda: len(self.calls_of(method)) >= count)
        return self.calls_of(method)

    def messages_to(self, chat: int | None) -> list[Message]:
        """What a chat shows; None: what all chats show."""
        return [message for message in self.messages if chat in (None, message.chat_id)]

    def calls_of(self, method: str) -> list[Call]:
        """The calls of a method that are dealt with."""
        return [call for call in self.calls if call.method == method and call.status is not None]

    def _must_be_wanted(self, update: Json) -> None:
        kinds = update.keys() - {"update_id"}
        if self.allowed and not kinds & set(self.allowed):
            raise ValueError(f"the bot did not ask for {kinds}")

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        raw = {**request.query, **{name: str(value) for name, value in (await _body(request))}}
        call = Call(method, {}, time.monotonic())
        self.calls.append(call)
        scripted = self._scripted.get(method)
        if request.match_info["token"] != TOKEN:
            answer = UNAUTHORIZED
        elif scripted:
            answer, call.params = scripted.popleft(), dict(raw)
        else:
            answer = await self._answer(call, raw)
        call.status = answer.status
        await self._tell()
        return await answer.give(request)

    async def _answer(self, call: Call, raw: dict[str, str]) -> Answer:
        try:
            understood = understand(call.method, raw)
            if call.method not in self._answers:
                raise Stranger(f"{call.method} is not played here")
            call.params = understood.params
            return await self._answers[call.method](understood)
        except Stranger as stranger:
            self.strangers.append(str(stranger))
            return error(400, f"Bad Request: {stranger}")
        except Refusal as refusal:
            self.refusals.append(str(refusal))
            return error(400, str(refusal))

    async def _get_me(self, _: Understood) -> Answer:
        return result(ME.to_dict())

    async def _send(self, call: Understood) -> Answer:
        params = call.params
        message = Message(
            message_id=len(self.messages) + 1,
            date=datetime.now(UTC).replace(microsecond=0),
            chat=_chat(params["chat_id"]),
            from_user=ME,
            text=params.get("text"),
            entities=params.get("entities"),
            reply_markup=params.get("reply_markup"),
            **_place(call),
        )
        self.messages.append(message)
        shown = message.to_dict()
        if "inline_keyboard" not in shown.get("reply_markup", {"inline_keyboard": []}):
            # Telegram returns inline keyboards only.
            del shown["reply_markup"]
        return result(shown)

    async def _answer_press(self, call: Understood) -> Answer:
        if call.params["callback_query_id"] not in self._presses:
            return error(
                400,
                "Bad Request: query is too old and response timeout expired or query ID is invalid",
            )
        return result(True)

    async def _set_commands(self, call: Understood) -> Answer:
        scope = call.params.get("scope") or BotCommandScope("default")
        key = (str(scope.type), call.params.get("language_code", ""))
        self.commands[key] = call.params["commands"]
        return result(True)

    async def _set_webhook(self, call: Understood) -> Answer:
        url = call.params["url"]
        self.webhook = Webhook(url, call.params.get("secret_token", "")) if url else None
        self._allow(call)
        return result(True)

    async def _delete_webhook(self, _: Understood) -> Answer:
        self.webhook = None
        return result(True)

    async def _get_updates(self, call: Understood) -> Answer:
        if self.webhook:
            return WEBHOOK_IS_SET
        self._allow(call)
        offset = call.params.get("offset", 0)
        self.pending = [update for update in self.pending if update["update_id"] >= offset]
        self._polls += 1
        mine = self._polls
        await self._tell()
        await self._long_poll(mine, call.params.get("timeout", 0))
        if mine != self._polls:
            return OTHER_POLL
        return result(self.pending[: call.params.get("limit", 100)])

    async def _long_poll(self, mine: int, seconds: float) -> None:
        async with self._changed:
            something = self._changed.wait_for(lambda: bool(self.pending) or mine != self._polls)
            try:
                await asyncio.wait_for(something, seconds)
            except TimeoutError:
                return

    def _allow(self, call: Understood) -> None:
        if "allowed_updates" in call.params:
            self.allowed = tuple(call.params["allowed_updates"])
            strange = set(self.allowed) - set(Update.ALL_TYPES)
            if strange:
                raise Stranger(f"there are no updates called {strange}")


async def _body(request: web.Request) -> list[tuple[str, Any]]:
    if request.content_type == "application/json":
        data: Json = await request.json()
        return [(name, _as_text(value)) for name, value in data.items()]
    return list((await request.post()).items())


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _chat(chat_id: int) -> Chat:
    if chat_id > 0:
        return Chat(chat_id, Chat.PRIVATE, first_name="Person")
    kind = Chat.SUPERGROUP if str(chat_id).startswith("-100") else Chat.GROUP
    return Chat(chat_id, kind, title="Group")


def _place(call: Understood) -> dict[str, Any]:
    if "latitude" not in call.params:
        return {}
    location = Location(call.params["longitude"], call.params["latitude"])
    if call.method == "sendLocation":
        return {"location": location}
    venue = Venue(location, call.params["title"], call.params["address"])
    return {"location": location, "venue": venue}
