"""The loops that answer and send, their start and their graceful stop."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from bot.delivery.outbox import Sender
from bot.delivery.pipeline import Pipeline
from bot.delivery.wakeups import INBOX, Wakeups
from bot.logs import where
from bot.storage.database import Database
from bot.storage.erasure import remove_old

DRAIN = 10.0
"""Seconds that a stop waits for what is being sent; the rest stays for the next start."""

_DAY = 24 * 3600

log = structlog.get_logger()


class Worker:
    """Answers and sends until it is stopped."""

    def __init__(
        self,
        database: Database,
        pipeline: Pipeline,
        sender: Sender,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        kept_days: int,
    ) -> None:
        self._database, self._pipeline, self._sender = database, pipeline, sender
        self._wakeups, self._clock, self._kept_days = wakeups, clock, kept_days
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Answer, send and tidy up until `stop`; then finish what is under way."""
        loops = [
            asyncio.create_task(_for_ever(self._answer, "answering")),
            asyncio.create_task(_for_ever(self._send, "sending")),
            asyncio.create_task(_for_ever(self._tidy, "tidying")),
        ]
        await self._stopping.wait()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._sender.drain(DRAIN)
        await self._sender.release()

    def stop(self) -> None:
        """Begin the stop."""
        self._stopping.set()

    async def _answer(self) -> None:
        with self._wakeups.listener(INBOX) as listener:
            while not self._stopping.is_set():
                # Shielded: a stop must not cut a transaction in two, it is finished instead.
                if not await asyncio.shield(self._pipeline.run_once()):
                    await listener.wait(await self._until_due())

    async def _until_due(self) -> float:
        due = await self._pipeline.next_due()
        if due is None:
            return 15.0
        return min(15.0, max(0.05, (due - self._clock()).total_seconds()))

    async def _send(self) -> None:
        await self._sender.lease()
        log.info("sender_started")
        sending = asyncio.create_task(self._sender.run())
        try:
            while not sending.done() and await self._sender.holds_lease():
                await asyncio.wait([sending], timeout=3)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _tidy(self) -> None:
        while True:
            before = self._clock() - timedelta(days=self._kept_days)
            async with self._database.write() as connection:
                removed = await remove_old(connection, before)
            log.info("old_conversations_removed", count=removed)
            await asyncio.sleep(_DAY)


async def _for_ever(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Run a loop; should it fail (the database is away), say so and begin again."""
    while True:
        try:
            await work()
        except Exception as error:
            log.error("loop_failed", kind=name, error=type(error).__name__, where=where(error))
        await asyncio.sleep(1)
