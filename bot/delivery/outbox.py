"""Sends what is queued: in order within a contact, under one pace, and marks what happened.

There is one sender per database (Sender.lease): what is being sent is known in memory, so a
crash between sending and marking says a parcel twice after the next start, never zero times.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Exists,
    FromClause,
    Row,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
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
from bot.delivery.receipts import take_up_receipts
from bot.delivery.retry import SEND_ATTEMPTS, UNKNOWN_ATTEMPTS, UNKNOWN_PAUSE, send_pause
from bot.delivery.wakeups import OUTBOX, Wakeups
from bot.logs import where
from bot.storage.database import Database
from bot.storage.erasure import forget_contact
from bot.storage.tables import contacts, messages, outbox

BATCH = 200
CROWD = 100
"""Contacts under way from which on a channel takes no more but urgent ones."""

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

EARLIER = outbox.alias()
"""The same table, to look at the rows before one. Made once: making it is not cheap."""


@dataclass(frozen=True)
class Result:
    """What happened to one outbox row, to be written down."""

    row: Row[Any]
    state: State
    reason: str = ""
    receipt: Receipt = field(default_factory=Receipt)
    next_at: datetime | None = None
    address: str = ""


@dataclass
class Look:
    """Whether a person has taken the case since a row was read."""

    row: Row[Any]
    is_overtaken: bool = False


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
        self._busy: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lease: AsyncConnection | None = None
        self._batcher = Batcher(self._write_results)
        self._looks = Batcher(self._look)

    async def run_once(self) -> int:
        """Start sending what is due and not yet under way; how many contacts were started."""
        async with self._database.read() as connection:
            rows = await self._due(connection)
        by_contact: dict[int, list[Row[Any]]] = {}
        for row in rows:
            by_contact.setdefault(row.contact_id, []).append(row)
        for contact_id, parcels in by_contact.items():
            self._busy[contact_id] = parcels[0].channel
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
            _, late = await asyncio.wait(list(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def lease(self) -> None:
        """On PostgreSQL, return when this process is the sender; it is until `release`."""
        if await self.holds_lease():
            # The loop failed, not the lock's connection: another one would wait for it in vain.
            return
        connection = await self._database.engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            query = text("SELECT pg_try_advisory_lock(:lock)")
            while not (await connection.execute(query, {"lock": LEASE})).scalar():  # noqa: ASYNC110
                await asyncio.sleep(1)
        except BaseException:
            await connection.close()
            raise
        self._lease = connection

    async def holds_lease(self) -> bool:
        """Whether the lock is still ours: its connection answers."""
        if self._database.is_sqlite:
            return True
        if self._lease is None:
            return False
        try:
            await self._lease.execute(text("SELECT 1"))
        except Exception:
            await self.release()
            return False
        return True

    async def release(self) -> None:
        """Let another process send."""
        lease, self._lease = self._lease, None
        if lease:
            # The lock lives as long as its connection, so that must not go back to the pool.
            await lease.invalidate()
            await lease.close()

    async def _pause(self) -> float:
        """Seconds until there is something to do for a contact that is not under way."""
        query = select(func.min(outbox.c.next_at)).where(
            *self._waiting(), ~_is_before(EARLIER).where(EARLIER.c.id < outbox.c.id)
        )
        async with self._database.read() as connection:
            due: datetime | None = (await connection.execute(query)).scalar()
        if due is None:
            return 15.0
        return min(15.0, max(0.05, (due - self._clock()).total_seconds()))

    def _waiting(self) -> tuple[ColumnElement[bool], ...]:
        """Rows still to be sent, of contacts not under way: the end of their sending wakes us."""
        return outbox.c.state.in_(WAITING), outbox.c.contact_id.not_in(self._busy)

    async def _due(self, connection: AsyncConnection) -> Sequence[Row[Any]]:
        """All that may leave now, contact by contact in order; contacts with urgent rows first."""
        held_back = _is_before(EARLIER).where(EARLIER.c.next_at > self._clock())
        # A channel with many under way is asked for urgent rows only, and holds up no other.
        crowded = [name for name, many in Counter(self._busy.values()).items() if many >= CROWD]
        may_join = or_(outbox.c.priority == URGENT, outbox.c.channel.not_in(crowded))
        due = (*self._waiting(), ~held_back, may_join)
        turns = (
            select(
                outbox.c.contact_id,
                func.min(outbox.c.priority).label("priority"),
                func.min(outbox.c.id).label("first"),
            )
            .where(*due)
            .group_by(outbox.c.contact_id)
            .order_by("priority", "first")
            .limit(BATCH)
            .subquery()
        )
        query = (
            select(outbox, contacts.c.last_inbound_at)
            .join(contacts, contacts.c.id == outbox.c.contact_id)
            .join(turns, turns.c.contact_id == outbox.c.contact_id)
            .where(*due)
            .order_by(turns.c.priority, turns.c.first, outbox.c.id)
        )
        return (await connection.execute(query)).all()

    async def _send_all(self, contact_id: int, rows: Sequence[Row[Any]]) -> None:
        """The parcels of one contact in order; the first that must wait holds back the rest."""
        try:
            for row in rows:
                result = await self._send(row)
                await self._mark(result)  # kill-point: outbox-sent-not-marked
                if result.state in WAITING or result.address:  # kill-point: outbox-marked
                    break
        except Exception as error:
            # The database is away: nothing was sent, the row is still queued and is tried again.
            log.error("outbox_failed", error=type(error).__name__, where=where(error))
            await asyncio.sleep(1)
        finally:
            self._busy.pop(contact_id, None)
            self._wakeups.wake([OUTBOX])

    async def _mark(self, result: Result) -> None:
        """Write a result down, however long that takes: what was sent is not sent again."""
        while True:
            try:
                return await self._batcher.put([result])
            except Exception as error:
                log.error("marking_failed", error=type(error).__name__, where=where(error))
                await asyncio.sleep(1)

    async def _send(self, row: Row[Any]) -> Result:
        channel = self._channels.get(row.channel)
        if channel is None:
            return Result(row, State.REFUSED, "the channel is not configured")
        if channel.is_local:
            return Result(row, State.SENT)
        pace = self._paces[row.channel]
        await pace.wait(row.address, urgent=row.priority == URGENT)
        if await self._is_overtaken(row):
            return Result(row, State.DROPPED, "a person has taken the case")
        letter = await self._letter(row)
        try:
            receipt = await channel.send(letter, self._clock())  # kill-point: outbox-before-send
        except DeliveryError as error:
            return self._failed(row, error, pace)
        except Exception as error:
            log.error("sending_failed", error=type(error).__name__, where=where(error))
            return self._failed(row, Unknown(f"our fault: {type(error).__name__}"), pace)
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

    async def _is_overtaken(self, row: Row[Any]) -> bool:
        """Whether a person took the case, or erased it, perhaps while the parcel waited here."""
        if row.author != "bot" or row.priority == URGENT:
            return False
        look = Look(row)
        await self._looks.put([look])
        return look.is_overtaken

    async def _look(self, looks: Sequence["Look"]) -> None:
        """One question for all that are about to leave at this moment."""
        query = (
            select(outbox.c.id, contacts.c.revision)
            .join(contacts, contacts.c.id == outbox.c.contact_id)
            .where(outbox.c.id.in_([look.row.id for look in looks]))
        )
        async with self._database.read() as connection:
            now: dict[int, int] = {row.id: row.revision for row in await connection.execute(query)}
        for look in looks:
            revision = now.get(look.row.id)
            look.is_overtaken = revision is None or look.row.revision < revision

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
            await take_up_receipts(connection, [r.receipt.external_id for r in results])


def _is_before(earlier: FromClause) -> Exists:
    """Whether `earlier` is a waiting row of the same contact, this one or one before it."""
    return exists().where(
        earlier.c.channel == outbox.c.channel,
        earlier.c.contact_id == outbox.c.contact_id,
        earlier.c.state.in_(WAITING),
        earlier.c.id <= outbox.c.id,
    )


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
