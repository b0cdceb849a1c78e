"""Sends what is queued: in order within a contact, under one pace, and marks what happened.

There is one sender per database (Sender.lease): what is being sent is known in memory, so a
crash between sending and marking says a parcel twice after the next start, never zero times.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import (
    Channel,
    DeliveryError,
    Gone,
    Later,
    Letter,
    Moved,
    Receipt,
    Unknown,
)
from bot.delivery.batch import Batcher
from bot.delivery.effects import move_contact
from bot.delivery.pace import Pace
from bot.delivery.queue import URGENT
from bot.delivery.retry import SEND_ATTEMPTS, UNKNOWN_ATTEMPTS, UNKNOWN_PAUSE, send_pause
from bot.delivery.wakeups import OUTBOX, Wakeups
from bot.logs import where
from bot.storage.database import Database
from bot.storage.erasure import forget_contact
from bot.storage.tables import contacts, messages, outbox

BATCH = 200
LEASE = 0x48454C50
"""The advisory lock of PostgreSQL that makes one process the sender."""

log = structlog.get_logger()


class State(StrEnum):
    """What is known of a parcel."""

    QUEUED = "queued"
    RETRY = "retry"
    SENT = "sent"
    UNKNOWN = "unknown"
    GONE = "gone"
    REFUSED = "refused"
    DROPPED = "dropped"


WAITING = (State.QUEUED, State.RETRY)


@dataclass(frozen=True)
class Result:
    """What happened to one outbox row, to be written down."""

    row: Row[Any]
    state: State
    reason: str = ""
    receipt: Receipt = field(default_factory=Receipt)
    next_at: datetime | None = None
    address: str = ""


class Sender:
    """The only one who calls the channels."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        paces: Mapping[str, Pace],
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._channels, self._paces = database, channels, paces
        self._wakeups, self._clock = wakeups, clock
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._batcher = Batcher(self._write_results)

    async def run_once(self) -> int:
        """Start sending what is due and not yet under way; how many contacts were started."""
        async with self._database.read() as connection:
            rows = await self._due(connection)
        by_contact: dict[int, list[Row[Any]]] = {}
        for row in rows:
            by_contact.setdefault(row.contact_id, []).append(row)
        for contact_id, parcels in by_contact.items():
            self._busy.add(contact_id)
            task = asyncio.create_task(self._send_all(contact_id, parcels))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(by_contact)

    async def run(self) -> None:
        """Send for ever; wakes when something is queued or due."""
        with self._wakeups.listener(OUTBOX) as listener:
            while True:
                started = await self.run_once()
                if not started:
                    await listener.wait(await self._pause())

    async def drain(self, seconds: float) -> None:
        """Let what is under way finish; the rest stays for the next start."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)

    async def lease(self) -> None:
        """On PostgreSQL, return when this process is the sender; hold the lock until it dies."""
        if self._database.is_sqlite:
            return
        connection = await self._database.engine.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        while True:
            query = text("SELECT pg_try_advisory_lock(:lock)")
            if (await connection.execute(query, {"lock": LEASE})).scalar():
                self._lease = connection
                return
            await asyncio.sleep(1)

    async def holds_lease(self) -> bool:
        """Whether the lock is still ours: its connection answers."""
        if self._database.is_sqlite:
            return True
        try:
            await self._lease.execute(text("SELECT 1"))
        except Exception:
            return False
        return True

    async def _pause(self) -> float:
        async with self._database.read() as connection:
            query = select(func.min(outbox.c.next_at)).where(outbox.c.state.in_(WAITING))
            due: datetime | None = (await connection.execute(query)).scalar()
        if due is None:
            return 15.0
        # Something due now belongs to a busy contact: the end of its sending wakes us.
        rest = (due - self._clock()).total_seconds()
        return min(15.0, rest) if rest > 0 else 15.0

    async def _due(self, connection: AsyncConnection) -> Sequence[Row[Any]]:
        """Waiting rows of contacts not under way whose oldest waiting row is due, urgent first."""
        earlier = outbox.alias()
        held_back = exists().where(
            earlier.c.contact_id == outbox.c.contact_id,
            earlier.c.id <= outbox.c.id,
            earlier.c.state.in_(WAITING),
            earlier.c.next_at > self._clock(),
        )
        query = (
            select(outbox, contacts.c.revision.label("now"), contacts.c.last_inbound_at)
            .join(contacts, contacts.c.id == outbox.c.contact_id)
            .where(outbox.c.state.in_(WAITING), ~held_back)
            .order_by(outbox.c.priority, outbox.c.id)
            .limit(BATCH)
        )
        if self._busy:
            query = query.where(outbox.c.contact_id.not_in(self._busy))
        rows = (await connection.execute(query)).all()
        # Urgent rows of other people first, but within one contact the order is that of the ids.
        first_seen = {row.contact_id: place for place, row in reversed(list(enumerate(rows)))}
        return sorted(rows, key=lambda row: (first_seen[row.contact_id], row.id))

    async def _send_all(self, contact_id: int, rows: Sequence[Row[Any]]) -> None:
        """The parcels of one contact in order; the first that must wait holds back the rest."""
        try:
            for row in rows:
                result = await self._send(row)
                await self._batcher.put([result])
                if result.state in WAITING or result.address:
                    break
        except Exception as error:
            # Nothing was marked, so the row is still queued and is tried again.
            log.error("sending_failed", error=type(error).__name__, where=where(error))
            await asyncio.sleep(1)
        finally:
            self._busy.discard(contact_id)
            self._wakeups.wake([OUTBOX])

    async def _send(self, row: Row[Any]) -> Result:
        if row.author == "bot" and row.revision < row.now and row.priority > URGENT:
            return Result(row, State.DROPPED, "a person has taken the case")
        channel = self._channels.get(row.channel)
        if channel is None:
            return Result(row, State.REFUSED, "the channel is not configured")
        if channel.is_local:
            return Result(row, State.SENT)
        pace = self._paces[row.channel]
        await pace.wait(row.address)
        try:
            receipt = await channel.send(await self._letter(row), self._clock())
        except DeliveryError as error:
            return self._failed(row, error, pace)
        return Result(row, State.SENT, receipt=receipt)

    def _failed(self, row: Row[Any], error: DeliveryError, pace: Pace) -> Result:
        attempts = row.attempts + 1
        now = self._clock()
        match error:
            case Moved(address=address):
                return Result(row, State.QUEUED, error.reason, next_at=now, address=address)
            case Later(seconds=seconds, whole_channel=whole) if attempts < SEND_ATTEMPTS:
                if whole and seconds:
                    pace.pause(seconds)
                due = now + send_pause(attempts, seconds)
                return Result(row, State.RETRY, error.reason, next_at=due)
            case Unknown() if row.author == "bot" and attempts < UNKNOWN_ATTEMPTS:
                return Result(row, State.RETRY, error.reason, next_at=now + UNKNOWN_PAUSE)
            case Unknown():
                return Result(row, State.UNKNOWN, error.reason)
            case Gone():
                return Result(row, State.GONE, error.reason)
        return Result(row, State.REFUSED, error.reason)

    async def _letter(self, row: Row[Any]) -> Letter:
        return Letter(
            row.address,
            row.parcel,
            row.author,
            row.created_at,
            row.last_inbound_at,
            await self._sent_lately(row) if row.channel == "viber" else 0,
        )

    async def _sent_lately(self, row: Row[Any]) -> int:
        since = max(row.last_inbound_at, self._clock() - timedelta(hours=1))
        query = select(func.count()).where(
            outbox.c.contact_id == row.contact_id,
            outbox.c.state == State.SENT,
            outbox.c.sent_at >= since,
        )
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def _write_results(self, results: Sequence[Result]) -> None:
        now = self._clock()
        async with self._database.write() as connection:
            await _write_rows(connection, results, now)
            for result in results:
                await _follow(connection, result)


async def _write_rows(
    connection: AsyncConnection, results: Sequence[Result], now: datetime
) -> None:
    await connection.execute(
        update(outbox)
        .where(outbox.c.id == bindparam("of"))
        .values(
            state=bindparam("new_state"),
            reason=bindparam("why"),
            attempts=bindparam("tried"),
            next_at=bindparam("due"),
            sent_at=bindparam("sent"),
            external_id=bindparam("number"),
            billing=bindparam("billed"),
        ),
        [
            {
                "of": result.row.id,
                "new_state": result.state.value,
                "why": result.reason or None,
                "tried": result.row.attempts + 1,
                "due": result.next_at or result.row.next_at,
                "sent": now if result.state is State.SENT else None,
                "number": result.receipt.external_id or None,
                "billed": result.receipt.billing,
            }
            for result in results
        ],
    )
    shown = [
        result.row.message_id
        for result in results
        if result.state is State.SENT and result.row.message_id
    ]
    if shown:
        await connection.execute(
            update(messages).where(messages.c.id.in_(shown)).values(visible=True)
        )


async def _follow(connection: AsyncConnection, result: Result) -> None:
    """What a result means for the contact."""
    row = result.row
    if result.state is not State.SENT:
        log.warning(
            "not_sent", outbox=row.id, channel=row.channel, state=result.state.value,
            reason=result.reason,
        )  # fmt: skip
    if result.address:
        await move_contact(connection, row.contact_id, result.address)
    if result.state is State.GONE:
        await connection.execute(
            update(contacts).where(contacts.c.id == row.contact_id).values(reachable=False)
        )
    if row.erases and result.state not in WAITING:
        await forget_contact(connection, row.contact_id, row.created_at)


RECEIPTS = {"delivered": "delivered_at", "seen": "seen_at"}


async def record_receipt(
    database: Database, channel: str, external_id: str, kind: str, now: datetime
) -> None:
    """What Viber tells later of a sent parcel: delivered, seen or failed."""
    values: dict[str, Any] = (
        {RECEIPTS[kind]: now} if kind in RECEIPTS else {"state": State.REFUSED, "reason": kind}
    )
    async with database.write() as connection:
        await connection.execute(
            update(outbox)
            .where(outbox.c.channel == channel, outbox.c.external_id == external_id)
            .values(values)
        )
