"""A Bot API that takes every call at once and notes when, and the load that plays Telegram."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, TCPConnector, web

TOKEN = "123456:benchmark-of-the-help-line"
SECRET = "benchmark"


@dataclass
class FarEnd:
    """Counts sendMessage calls; `sent` maps a chat to the times of the calls for it."""

    port: int = 0
    sent: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _runner: web.AppRunner | None = None
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> "FarEnd":
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        if request.match_info["method"] != "sendMessage":
            return web.json_response({"ok": True, "result": True})
        form = await request.post()
        chat = str(form["chat_id"])
        self.sent.setdefault(chat, []).append(time.perf_counter())
        self.count += 1
        self._more.set()
        message = {
            "message_id": next(self._numbers),
            "date": 1_790_000_000,
            "chat": {"id": int(chat), "type": "private"},
            "text": "…",
        }
        return web.json_response({"ok": True, "result": message})

    async def wait_for(self, chats: set[str], seconds: float, each: int = 1) -> None:
        """Return when every chat has had at least so many messages."""
        deadline = time.perf_counter() + seconds
        while missing := {chat for chat in chats if len(self.sent.get(chat, ())) < each}:
            chats = missing
            self._more.clear()
            rest = deadline - time.perf_counter()
            if rest <= 0:
                raise TimeoutError(f"{len(missing)} chats had no answer")
            await asyncio.wait_for(self._more.wait(), rest)


def update(number: int, chat: int, text: str) -> dict[str, Any]:
    """A text message of a person to the bot."""
    person = {"id": chat, "is_bot": False, "first_name": "Test", "language_code": "uk"}
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "Test"},
            "from": person,
            "text": text,
        },
    }


class Load:
    """Posts updates to a webhook over a number of connections, as Telegram does."""

    def __init__(self, url: str, connections: int) -> None:
        self._url, self._connections = url, connections
        self.posted: dict[str, float] = {}

    async def all_at_once(self, updates: Sequence[dict[str, Any]]) -> None:
        """As fast as the webhook takes them."""
        waiting = iter(updates)
        async with self._session() as session:

            async def take_turns() -> None:
                for one in waiting:
                    await self._post(session, one)

            await asyncio.gather(*(take_turns() for _ in range(self._connections)))

    async def at_rate(self, updates: Sequence[dict[str, Any]], per_second: float) -> None:
        """One after another at a steady rate, whether the earlier ones are answered or not."""
        began = time.perf_counter()
        async with self._session() as session:
            posts = []
            for number, one in enumerate(updates):
                await asyncio.sleep(max(0.0, began + number / per_second - time.perf_counter()))
                posts.append(asyncio.create_task(self._post(session, one)))
            await asyncio.gather(*posts)

    def _session(self) -> ClientSession:
        return ClientSession(connector=TCPConnector(limit=self._connections))

    async def _post(self, session: ClientSession, one: dict[str, Any]) -> None:
        self.posted[str(one["message"]["chat"]["id"])] = time.perf_counter()
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        async with session.post(self._url, json=one, headers=headers) as answer:
            if answer.status != 200:
                raise RuntimeError(f"the webhook answered {answer.status}")
