"""Answers what waits in the inbox: load, decide, save, queue – one transaction for a batch.

The rows' locks are the claim: a process that dies gives them back at once. Handlers are pure,
so one that fails has changed nothing, and the others of the batch go on.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import ColumnElement, Row, bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import Channel
from bot.delivery.effects import carry_out
from bot.delivery.inbox import DONE, PARKED, WAITING
from bot.delivery.queue import Said, queue_replies
from bot.delivery.retry import handler_pause
from bot.delivery.wakeups import Wakeups, notify
from bot.logs import where
from bot.storage.cases import open_case
from bot.storage.contacts import Known, load_or_create
from bot.storage.counts import Counted, add_counts
from bot.storage.database import Database
from bot.storage.tables import contacts, inbox, messages
from handlers import texts
from handlers.action import Name
from handlers.reply import Paragraph, Reply
from handlers.router import build_turn, decide
from handlers.translate import translator
from handlers.turn import (
    CaseState,
    Erase,
    Inbound,
    Kind,
    Outcome,
    RecordCrisis,
    RecordFeedback,
    Turn,
)
from knowledge.languages import Lang
from knowledge.places.hours import POLAND, Hours
from knowledge.snapshot import Snapshot

BATCH = 50

EARLIER = inbox.alias()
"""The same table, to look at the rows before one. Made once: making it is not cheap."""

SILENT = frozenset({Kind.BLOCKED, Kind.UNBLOCKED, Kind.MOVED})
"""What a channel says of a contact: nothing of the person's, so not in the transcript."""

log = structlog.get_logger()


@dataclass(frozen=True)
class House:
    """What every turn of this installation shares."""

    service: Hours
    kept_days: int
    privacy_contact: str
    attempts: int


@dataclass(frozen=True)
class Answered:
    """One inbound and what was decided about it."""

    row: Row[Any]
    inbound: Inbound
    contact: Known
    lang: Lang
    outcome: Outcome
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Failed:
    """One inbound whose handling raised."""

    row: Row[Any]
    contact: Known
    error: Exception


class Pipeline:
    """Turns inbox rows into outbox rows."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        knowledge: Callable[[], Snapshot],
        house: House,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._channels, self._knowledge = database, channels, knowledge
        self.house, self._wakeups, self._clock = house, wakeups, clock

    async def run_once(self) -> int:
        """Answer one batch; how many inbounds were dealt with."""
        async with self._database.write() as connection:
            now = self._clock()
            rows = await self._claim(connection, now)
            if not rows:
                return 0
            woken = await self._answer(connection, rows, now)  # kill-point: pipeline-claimed
            await notify(connection, woken)  # kill-point: pipeline-before-commit
        self._wakeups.wake(woken)  # kill-point: pipeline-committed
        return len(rows)

    async def next_due(self) -> datetime | None:
        """When the next inbound that waits for a retry is due."""
        async with self._database.read() as connection:
            query = select(func.min(inbox.c.next_at)).where(*self._next())
            found: datetime | None = (await connection.execute(query)).scalar()
            return found

    def _next(self) -> tuple[ColumnElement[bool], ...]:
        """The oldest waiting inbound of each contact; a channel that is switched off waits too."""
        is_first = ~exists().where(
            EARLIER.c.channel == inbox.c.channel,
            EARLIER.c.address == inbox.c.address,
            EARLIER.c.state == WAITING,
            EARLIER.c.id < inbox.c.id,
        )
        return inbox.c.state == WAITING, inbox.c.channel.in_(self._channels), is_first

    async def _claim(self, connection: AsyncConnection, now: datetime) -> Sequence[Row[Any]]:
        """What is due and nobody else holds."""
        query = (
            select(inbox)
            .where(*self._next(), inbox.c.next_at <= now)
            .order_by(inbox.c.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        return (await connection.execute(query)).all()

    async def _answer(
        self, connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime
    ) -> set[str]:
        keys = [(row.channel, row.address) for row in rows]
        known = await load_or_create(connection, keys, now)
        answered: list[Answered] = []
        failed: list[Failed] = []
        for row in rows:
            contact = known[row.channel, row.address]
            try:
                answered.append(await self._decide(connection, row, contact, now))
            except Exception as error:
                failed.append(Failed(row, contact, error))
        # Effects before replies: what a person wanted erased is gone before its "done" is queued.
        await self._save(connection, answered, now)
        for done in answered:
            await carry_out(connection, done.contact, done.outcome, done.lang, now)
        said = [item for done in answered for item in done.said]
        woken = await queue_replies(connection, self._channels, said, now)
        await add_counts(connection, now.astimezone(POLAND).date(), _counted(answered))
        for item in failed:
            woken |= await self._fail(connection, item, now)
        return woken

    async def _decide(
        self, connection: AsyncConnection, row: Row[Any], contact: Known, now: datetime
    ) -> Answered:
        inbound = msgspec.json.decode(row.payload, type=Inbound)
        turn = await self.turn(connection, inbound, contact, now)
        outcome = decide(turn)
        # Rendered here too: a reply that can't be is one inbound's fault, not the batch's.
        said = self._transcript(contact, inbound, outcome)
        return Answered(row, inbound, contact, turn.lang, outcome, said)

    async def turn(
        self, connection: AsyncConnection, inbound: Inbound, contact: Known, now: datetime
    ) -> Turn:
        """The turn of an inbound, as the handlers will see it."""
        house = self.house
        return build_turn(
            inbound,
            contact.conversation,
            now,
            self._knowledge(),
            house.service,
            kept_days=house.kept_days,
            kept_messages=await _kept(connection, contact) if _asks_what_is_kept(inbound) else 0,
            privacy_contact=house.privacy_contact,
        )

    def _transcript(self, contact: Known, inbound: Inbound, outcome: Outcome) -> tuple[Said, ...]:
        channel = self._channels[contact.channel]
        erases = _erases(outcome)
        silent = erases or inbound.kind in SILENT
        heard = () if silent else (Said.inbound(contact, inbound),)
        presses = channel.acknowledge(inbound)
        return (
            *heard,
            *(Said.acknowledgement(contact, parcel) for parcel in presses),
            *(Said.reply(contact, reply, channel, erases=erases) for reply in outcome.replies),
        )

    async def _save(
        self, connection: AsyncConnection, answered: Sequence[Answered], now: datetime
    ) -> None:
        if not answered:
            return
        await connection.execute(
            update(contacts)
            .where(contacts.c.id == bindparam("of"))
            .values(state=bindparam("new"), last_inbound_at=bindparam("at"), reachable=True),
            [
                {
                    "of": done.contact.id,
                    "new": msgspec.json.encode(done.outcome.conversation),
                    "at": done.contact.last_inbound_at if done.inbound.kind in SILENT else now,
                }
                for done in answered
            ],
        )
        # The words are in the transcript now; the row stays only to know a repeated delivery.
        await connection.execute(
            update(inbox)
            .where(inbox.c.id.in_([done.row.id for done in answered]))
            .values(state=DONE, payload=b"")
        )

    async def _fail(self, connection: AsyncConnection, failed: Failed, now: datetime) -> set[str]:
        attempts = failed.row.attempts + 1
        error = f"{type(failed.error).__name__} at {where(failed.error)}"[:80]
        parked = attempts >= self.house.attempts
        log.error(
            "handling_failed", inbox=failed.row.id, attempt=attempts, error=error,
            state=PARKED if parked else WAITING,
        )  # fmt: skip
        await connection.execute(
            update(inbox)
            .where(inbox.c.id == failed.row.id)
            .values(
                attempts=attempts,
                error=error,
                state=PARKED if parked else WAITING,
                next_at=now + handler_pause(attempts),
            )
        )
        return await self._park(connection, failed, now) if parked else set()

    async def _park(self, connection: AsyncConnection, failed: Failed, now: datetime) -> set[str]:
        """Give up on an inbound where a person sees it: a case, and one apology."""
        contact = failed.contact
        lang: Lang = contact.conversation.lang or "uk"
        is_new = await open_case(connection, contact.id, "failed", lang, now)
        said = [Said.kept(contact, failed.row.payload, failed.row.external_id)]
        if is_new or contact.conversation.case is not CaseState.TAKEN:
            channel = self._channels[contact.channel]
            said.append(Said.reply(contact, _apology(lang), channel))
        if contact.conversation.case is not CaseState.TAKEN:
            waiting = contact.conversation.but(case=CaseState.WAITING)
            await connection.execute(
                update(contacts)
                .where(contacts.c.id == contact.id)
                .values(state=msgspec.json.encode(waiting), last_inbound_at=now)
            )
        return await queue_replies(connection, self._channels, said, now)


def _apology(lang: Lang) -> Reply:
    return Reply((Paragraph(texts.went_wrong(translator(lang))),), lang)


def _erases(outcome: Outcome) -> bool:
    return any(isinstance(effect, Erase) for effect in outcome.effects)


def _asks_what_is_kept(inbound: Inbound) -> bool:
    if inbound.kind is Kind.COMMAND:
        return inbound.text == "privacy"
    return inbound.action is not None and inbound.action.name is Name.PRIVACY


async def _kept(connection: AsyncConnection, contact: Known) -> int:
    query = select(func.count()).where(messages.c.contact_id == contact.id)
    return int((await connection.execute(query)).scalar_one())


def _counted(answered: Sequence[Answered]) -> Counter[Counted]:
    found: Counter[Counted] = Counter()
    for done in answered:
        verdict = done.outcome.verdict
        # A crisis is counted by its kind alone (effects); its topic would say the same twice.
        if verdict and verdict.kind != "crisis":
            best = verdict.topics[0] if verdict.topics and verdict.kind == "answer" else ""
            found[verdict.kind, best, done.lang] += 1
        for effect in done.outcome.effects:
            match effect:
                case RecordCrisis(kind=kind):
                    found["crisis", kind, ""] += 1
                case RecordFeedback(topic=topic, helped=helped):
                    found["helped" if helped else "not-helped", topic, done.lang] += 1
    return found
