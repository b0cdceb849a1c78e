"""Opens the database. SQLite: WAL, full durability, one writer. PostgreSQL: a pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


class Database:
    """The one way to a connection; `write` and `read` are transactions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _engine(url, self.is_sqlite)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; committed when the block ends without an error."""
        # SQLite lets a second writer sleep and look again, up to 0.1 s a time; a queue of our own
        # wakes it at once. On PostgreSQL writers don't wait for one another.
        turn = self._turn if self.is_sqlite else nullcontext()
        async with turn, self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads."""
        async with self.engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(sqlite_reads=True)
            yield connection

    async def close(self) -> None:
        """Return all connections."""
        await self.engine.dispose()


def _engine(url: str, is_sqlite: bool) -> AsyncEngine:
    if not is_sqlite:
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"timeout": 30}, pool_size=8, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _: Any) -> None:
    # The driver must not begin by itself: it would begin late and deferred, and a transaction
    # that first reads and then writes could fail in the middle. See _begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    reads = connection.get_execution_options().get("sqlite_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
