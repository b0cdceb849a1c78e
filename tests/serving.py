"""The real help line over real HTTP: uvicorn in a thread, with a loop of its own."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import uvicorn

from bot.app import Helpline
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.migrate import migrate
from bot.web import server as web
from knowledge.snapshot import Snapshot


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(folder: Path, **given: Any) -> Settings:
    """Settings of a server of its own, untouched by the environment's .env file."""
    defaults: dict[str, Any] = {
        "port": free_port(),
        "var_dir": folder,
        "database_url": f"sqlite+aiosqlite:///{folder}/helpline.db",
        "chat_address_rate": 100_000,
    }
    return Settings(_env_file=None, **(defaults | given))


def migrate_now(url: str) -> None:
    """Make the tables. In a thread of its own: a loop may already run in this one."""

    async def work() -> None:
        database = Database(url)
        await migrate(database)
        await database.close()

    thread = Thread(target=lambda: asyncio.run(work()))
    thread.start()
    thread.join()


class _Announced(web.Server):
    """The server of the help line, which says when it has begun to listen, or could not."""

    def __init__(self, config: uvicorn.Config, helpline: Helpline) -> None:
        super().__init__(config, helpline)
        self.begun = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        try:
            await super().startup(sockets)
        finally:
            self.begun.set()


class Server:
    """A help line that can be stopped and started again on the same port and database."""

    def __init__(
        self, settings: Settings, knowledge: Snapshot, clock: Callable[[], datetime]
    ) -> None:
        self.settings, self.knowledge, self._clock = settings, knowledge, clock
        self.url = settings.base_url()

    def start(self, *, works: bool = True) -> None:
        """Serve; return when it listens. Without `works` it takes messages and answers none."""
        helpline = Helpline.of(self.settings, self.knowledge, self._clock)
        config = web.serve(helpline, works=works).config
        self._server = _Announced(config, helpline)
        self._thread = Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self._server.begun.wait(30)
        assert self._server.started

    def stop(self) -> None:
        """Stop as a deployment does: streams end, requests finish."""
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


@contextmanager
def serving(
    settings: Settings, knowledge: Snapshot, clock: Callable[[], datetime]
) -> Iterator[Server]:
    """A running help line that is stopped afterwards."""
    server = Server(settings, knowledge, clock)
    server.start()
    try:
        yield server
    finally:
        server.stop()
