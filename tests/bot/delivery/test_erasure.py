"""/delete removes a person from every table; so does time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, Row, Table, update

from bot.delivery.inbox import Inbox
from bot.delivery.outbox import Sender
from bot.delivery.pipeline import Pipeline
from bot.storage import tables
from bot.storage.database import Database
from bot.storage.erasure import remove_old
from handlers import texts
from handlers.translate import translator
from handlers.turn import Inbound
from tests.bot.delivery.spoken import commanded, pressed, rows, wrote
from tests.conftest import MONDAY, Clock
from tests.fakes.channel import FarEnd

OF_NOBODY = {"counts", "receipts"}
"""Tables that hold nothing of a person. A new table is of people unless it is named here.

A receipt is a number of the channel's whose parcel nobody knows.
"""

FAREWELL = texts.erased(translator("uk"))

Stored = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Person:
    """Somebody who can be recognised in a table: by address, by words, or by the contact's id."""

    address: str
    words: str
    contact: int

    def everything(self, start: int) -> list[Inbound]:
        """They write, call a person, and are told a topic."""
        return [
            wrote(self.address, start, self.words),
            commanded(self.address, start + 1, "person"),
            pressed(self.address, start + 2, "t:work.find-job"),
        ]

    def farewell(self, start: int) -> list[Inbound]:
        """They want to be forgotten, and say so twice."""
        return [commanded(self.address, start, "delete"), pressed(self.address, start + 1, "er")]

    def is_in(self, table: Table, row: Row[Any]) -> bool:
        """Whether a row tells anything of them, in whatever column."""
        return any(map(self._is, table.columns, row))

    def _is(self, column: Column[Any], value: object) -> bool:
        of_contact = any(key.column is tables.contacts.c.id for key in column.foreign_keys)
        if of_contact or column is tables.contacts.c.id:
            return value == self.contact
        shown = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        return self.address in shown or self.words in shown


OKSANA = Person("700100200", "Моя бабуся Мотря любить сині трамваї", contact=1)
PETRO = Person("700300400", "Мій дідусь Охрім збирає старі годинники", contact=2)


async def stored_of(database: Database, person: Person) -> Stored:
    """Every row that tells something of a person, by table; tables without one are left out."""
    found: Stored = {}
    async with database.read() as connection:
        for table in tables.metadata.tables.values():
            everybody = (
                await connection.execute(table.select().order_by(*table.primary_key))
            ).all()
            found[table.name] = [tuple(row) for row in everybody if person.is_in(table, row)]
    return {name: theirs for name, theirs in found.items() if theirs}


def of_people() -> set[str]:
    """The tables in which a person can be found."""
    return set(tables.metadata.tables) - OF_NOBODY


async def work(pipeline: Pipeline, sender: Sender) -> None:
    """Answer and send all there is."""
    while await pipeline.run_once():
        await sender.run_once()
        await sender.drain(30)


async def test_a_deleted_person_is_in_no_table(
    pipeline: Pipeline, inbox: Inbox, sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Nothing is left once the farewell is said, and nobody else is touched."""
    await inbox.accept(OKSANA.everything(10))
    await inbox.accept(PETRO.everything(20))
    await work(pipeline, sender)
    others = await stored_of(database, PETRO)
    assert set(await stored_of(database, OKSANA)) == set(others) == of_people()
    await inbox.accept(OKSANA.farewell(13))
    await work(pipeline, sender)
    assert far_end.taken[-1] == (OKSANA.address, FAREWELL)
    assert await stored_of(database, OKSANA) == {}
    assert await stored_of(database, PETRO) == others


async def test_what_was_parked_is_deleted_too(
    pipeline: Pipeline, inbox: Inbox, sender: Sender, database: Database, clock: Clock
) -> None:
    """An inbound nobody could handle keeps its words until then."""
    await inbox.accept(OKSANA.everything(10)[:1])
    async with database.write() as connection:
        unreadable = f'{{"kind": "hologram", "text": "{OKSANA.words}"}}'.encode()
        await connection.execute(update(tables.inbox).values(payload=unreadable))
    for _ in range(pipeline.house.attempts):
        await work(pipeline, sender)
        clock.forward(minutes=1)
    assert await rows(database, tables.inbox.c.state) == [("parked",)]
    assert set(await stored_of(database, OKSANA)) == of_people()
    await inbox.accept(OKSANA.farewell(13))
    await work(pipeline, sender)
    assert await stored_of(database, OKSANA) == {}


async def test_what_is_sent_after_the_farewell_is_answered(
    pipeline: Pipeline, inbox: Inbox, sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """It was acknowledged; it begins a new conversation, in which the old is not known."""
    await inbox.accept([*OKSANA.everything(10), *OKSANA.farewell(13)])
    await inbox.accept([pressed(OKSANA.address, 15, "t:stay.pesel-ukr")])
    await work(pipeline, sender)
    said = [words for _, words in far_end.taken]
    assert said.index(FAREWELL) < said.index("ack 15")
    shown = [entry for (entry,) in await rows(database, tables.messages.c.entry) if entry]
    assert shown == ["stay.pesel-ukr"]
    assert OKSANA.words not in str(await stored_of(database, OKSANA))


async def test_the_last_press_delivered_again_changes_nothing(
    pipeline: Pipeline, inbox: Inbox, sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """The process may die after the commit and before Telegram hears 200."""
    await inbox.accept([*OKSANA.everything(10), *OKSANA.farewell(13)])
    await work(pipeline, sender)
    assert far_end.taken[-1] == (OKSANA.address, FAREWELL)
    await inbox.accept(OKSANA.farewell(13))
    assert await pipeline.run_once() == 0
    assert await stored_of(database, OKSANA) == {}


async def test_old_conversations_are_removed_with_everything(
    pipeline: Pipeline, inbox: Inbox, sender: Sender, database: Database, clock: Clock
) -> None:
    """Who has not written since is in no table any more; who has is untouched."""
    await inbox.accept(OKSANA.everything(10))
    await work(pipeline, sender)
    clock.forward(days=30)
    await inbox.accept(PETRO.everything(20))
    await work(pipeline, sender)
    others = await stored_of(database, PETRO)
    assert set(await stored_of(database, OKSANA)) == set(others) == of_people()
    async with database.write() as connection:
        assert await remove_old(connection, MONDAY + timedelta(days=29)) == 1
    assert await stored_of(database, OKSANA) == {}
    assert await stored_of(database, PETRO) == others


async def test_what_nobody_has_answered_is_not_removed(
    inbox: Inbox, pipeline: Pipeline, database: Database, clock: Clock
) -> None:
    """However long it waits."""
    await inbox.accept(OKSANA.everything(10)[:1])
    clock.forward(days=60)
    async with database.write() as connection:
        assert await remove_old(connection, clock.now) == 0
    assert set(await stored_of(database, OKSANA)) == {"inbox"}
    assert await pipeline.run_once() == 1
