"""Writes that arrive together share one commit; each waits until its own is on disk."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Batcher(Generic[Item]):
    """Gathers items while a write is under way and gives them to the next one."""

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[None]], most: int = 200) -> None:
        self._write, self._most = write, most
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, items: Sequence[Item]) -> None:
        """Return when all items are written; raise what the writing raised."""
        if not items:
            return
        loop = asyncio.get_running_loop()
        waits: list[asyncio.Future[None]] = [loop.create_future() for _ in items]
        self._waiting += zip(items, waits, strict=True)
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write_all())
        await asyncio.gather(*waits)

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            error: BaseException | None = None
            try:
                await self._write([item for item, _ in batch])
            except Exception as raised:
                error = raised
            for _, wait in batch:
                if wait.done():
                    continue
                if error is None:
                    wait.set_result(None)
                else:
                    wait.set_exception(error)
