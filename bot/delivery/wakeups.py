"""Tells sleeping tasks that there is something to do, in this process and in others.

In one process: events. On PostgreSQL: NOTIFY inside the transaction carries names only, a
reconnecting LISTEN wakes the tasks of every process. A lost wake-up costs at most IDLE seconds:
every sleeper looks again after that.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.logs import where
from bot.storage.database import Database

INBOX = "inbox"
OUTBOX = "outbox"
IDLE = 15.0
"""Seconds after which a sleeper looks by itself, should a wake-up be lost."""

_CHANNEL = "helpline"

log = structlog.get_logger()


def chat(address: str) -> str:
    """The name under which a web chat's page waits."""
    return f"chat:{address}"


class Wakeups:
    """Named wake-ups. Waiting is for a sleeper of its own: `listener` makes one."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = defaultdict(set)

    def listener(self, name: str) -> "Listener":
        """Something to wait with; it remembers a wake-up that came before the waiting."""
        return Listener(self._events, name)

    def wake(self, names: Iterable[str]) -> None:
        """Wake all sleepers of these names in this process."""
        for name in names:
            for event in self._events.get(name, ()):
                event.set()

    def wake_all(self) -> None:
        """Wake everybody: after a lost connection nobody knows what was missed."""
        self.wake(list(self._events))


class Listener:
    """One sleeper. Use as a context manager, so that it is forgotten afterwards."""

    def __init__(self, events: dict[str, set[asyncio.Event]], name: str) -> None:
        self._events, self._name = events, name
        self._event = asyncio.Event()

    def __enter__(self) -> "Listener":
        self._events[self._name].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        self._events[self._name].discard(self._event)
        if not self._events[self._name]:
            del self._events[self._name]

    async def wait(self, seconds: float = IDLE) -> bool:
        """Sleep until woken (True) or for so many seconds (False)."""
        try:
            if not self._event.is_set():
                await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            self._event.clear()
        return True


async def notify(connection: AsyncConnection, names: Iterable[str]) -> None:
    """On PostgreSQL, wake the other processes when this transaction commits."""
    if connection.dialect.name == "postgresql":
        for name in sorted(set(names)):
            await connection.execute(
                text("SELECT pg_notify(:channel, :name)"), {"channel": _CHANNEL, "name": name}
            )


async def relay(database: Database, wakeups: Wakeups) -> None:
    """Pass PostgreSQL's notifications on to this process, for ever; reconnects by itself."""
    if database.is_sqlite:
        return
    address = make_url(database.url).set(drivername="postgresql")
    while True:
        try:
            await _listen(address.render_as_string(hide_password=False), wakeups)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("listen_lost", error=type(error).__name__, where=where(error))
        await asyncio.sleep(1)


async def _listen(address: str, wakeups: Wakeups) -> None:
    connection = await asyncpg.connect(address)
    cut = asyncio.Event()
    connection.add_termination_listener(lambda _connection: cut.set())
    try:
        await connection.add_listener(
            _CHANNEL, lambda _connection, _pid, _channel, name: wakeups.wake([str(name)])
        )
        wakeups.wake_all()
        while not connection.is_closed():
            # A half-open connection notices nothing by itself: ask now and then.
            with suppress(TimeoutError):
                await asyncio.wait_for(cut.wait(), 5)
            await asyncio.wait_for(connection.execute("SELECT 1"), 5)
    finally:
        await connection.close(timeout=1)
