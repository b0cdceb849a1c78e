"""Every inbound is answered once and in order, or parked where a person sees it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from bot.delivery.inbox import Inbox
from bot.delivery.outbox import Sender
from bot.delivery.pipeline import Pipeline
from bot.delivery.wakeups import OUTBOX, Wakeups
from bot.storage import tables
from bot.storage.database import Database
from handlers import texts
from handlers.translate import translator
from handlers.turn import Inbound, Kind
from knowledge.entries import CrisisKind
from knowledge.snapshot import Snapshot
from tests.bot.delivery.conftest import HOUSE
from tests.bot.delivery.spoken import OKSANA, PETRO, commanded, pressed, rename, rows, sent, wrote
from tests.conftest import MONDAY, Clock
from tests.fakes.channel import FarEnd

STORED = tables.inbox.c
TRANSCRIPT = tables.messages.c
TOPICS = ("work.find-job", "stay.pesel-ukr", "health.gp", "housing.tonight")
APOLOGY = texts.went_wrong(translator("uk"))


async def answer_all(pipeline: Pipeline) -> list[int]:
    """Answer until nothing is due; how many were dealt with each time."""
    dealt: list[int] = []
    while count := await pipeline.run_once():
        dealt.append(count)
    return dealt


async def spoil(database: Database, number: int) -> None:
    """Make an inbound one that can't be handled: nobody can read its payload."""
    async with database.write() as connection:
        await connection.execute(
            update(tables.inbox)
            .where(STORED.external_id == str(number))
            .values(payload=b'{"kind": "hologram"}')
        )


async def answers_of(database: Database, contact: int) -> list[str]:
    """The topics a contact was shown, in order."""
    found = await rows(database, TRANSCRIPT.contact_id, TRANSCRIPT.entry)
    return [entry for contact_id, entry in found if contact_id == contact and entry]


async def test_an_inbound_is_answered(
    pipeline: Pipeline, inbox: Inbox, database: Database, sender: Sender, far_end: FarEnd
) -> None:
    """A press is acknowledged, then greeted and answered, and all of it is in the transcript."""
    await inbox.accept([pressed(OKSANA, 7, "t:work.find-job")])
    assert await answer_all(pipeline) == [1]
    said = await rows(database, TRANSCRIPT.direction, TRANSCRIPT.author, TRANSCRIPT.entry)
    greeted, answered = ("out", "bot", None), ("out", "bot", "work.find-job")
    assert said == [("in", "contact", None), greeted, answered]
    await sender.run_once()
    await sender.drain(30)
    assert [address for address, _ in far_end.taken] == [OKSANA] * 3
    assert far_end.taken[0] == (OKSANA, "ack 7")


async def test_one_contact_is_answered_in_order(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """One at a time, the oldest first."""
    await inbox.accept([pressed(OKSANA, n, f"t:{topic}") for n, topic in enumerate(TOPICS)])
    assert await answer_all(pipeline) == [1, 1, 1, 1]
    assert await answers_of(database, 1) == list(TOPICS)


async def test_contacts_are_answered_side_by_side(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """The first of everybody, then the second of everybody."""
    for round_, topic in enumerate(TOPICS[:2]):
        await inbox.accept([pressed(str(n), 10 * round_ + n, f"t:{topic}") for n in range(5)])
    assert await answer_all(pipeline) == [5, 5]
    found = [await answers_of(database, contact) for contact in range(1, 6)]
    assert found == [list(TOPICS[:2])] * 5


async def test_an_answered_inbound_is_not_answered_again(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """Delivered once more, it is known; its words are in the transcript only."""
    await inbox.accept([wrote(OKSANA, 1)])
    waiting = await rows(database, STORED.state, STORED.payload)
    assert waiting == [("waiting", msgspec.json.encode(wrote(OKSANA, 1)))]
    assert await answer_all(pipeline) == [1]
    await inbox.accept([wrote(OKSANA, 1)])
    assert await answer_all(pipeline) == []
    assert await rows(database, STORED.state, STORED.payload) == [("done", b"")]


async def test_where_a_person_is_is_not_kept(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """A location is answered and forgotten."""
    place = sent(OKSANA, 1, Kind.LOCATION, latitude=50.0614, longitude=19.937)
    await inbox.accept([place])
    assert b"50.0614" in (await rows(database, STORED.payload))[0][0]
    assert await answer_all(pipeline) == [1]
    body = (await rows(database, TRANSCRIPT.body))[0][0]
    kept = msgspec.structs.replace(place, latitude=None, longitude=None)
    assert msgspec.json.decode(body, type=Inbound) == kept


async def test_what_a_channel_says_is_not_in_the_transcript(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """Blocking us is noted; it is nothing the person said."""
    await inbox.accept([commanded(OKSANA, 1, "help"), sent(OKSANA, 2, Kind.BLOCKED)])
    await pipeline.run_once()
    before = await rows(database, TRANSCRIPT.id)
    await pipeline.run_once()
    assert before
    assert await rows(database, TRANSCRIPT.id) == before
    assert await rows(database, tables.contacts.c.reachable) == [(False,)]


async def test_whoever_sends_is_woken(pipeline: Pipeline, inbox: Inbox, wakeups: Wakeups) -> None:
    """An answer does not wait for somebody to look by chance."""
    await inbox.accept([commanded(OKSANA, 1, "help")])
    with wakeups.listener(OUTBOX) as listener:
        assert await listener.wait(0) is False
        await pipeline.run_once()
        assert await listener.wait(0) is True


async def test_counts_hold_no_words(
    pipeline: Pipeline, inbox: Inbox, database: Database, knowledge: Snapshot
) -> None:
    """What is counted is kinds and topics, per day and language."""
    await inbox.accept(
        [
            pressed(OKSANA, 1, "t:work.find-job"),
            pressed(PETRO, 2, "t:work.find-job"),
            pressed(OKSANA, 3, "fy:work.find-job"),
            wrote(OKSANA, 4, "Покличте, будь ласка, людину"),
            wrote(PETRO, 5, "Моя бабуся Мотря любить сині трамваї"),
        ]
    )
    assert await answer_all(pipeline) == [2, 2, 1]
    found = await rows_of_counts(database)
    assert found["answer", "work.find-job", "uk"] == 2
    assert found["helped", "work.find-job", "uk"] == 1
    kinds = {"answer", "choices", "unsure", "crisis", "human", "smalltalk", "helped", "not-helped"}
    assert {name for name, _, _ in found} <= kinds
    values = {"", *knowledge.content.entries, *get_args(CrisisKind)}
    assert {value for _, value, _ in found} <= values


async def rows_of_counts(database: Database) -> Counter[tuple[str, str, str]]:
    """All counts of the day."""
    table = tables.counts
    async with database.read() as connection:
        found = (await connection.execute(table.select())).all()
    assert {row.day for row in found} == {"2026-11-23"}
    return Counter({(row.name, row.value, row.lang): row.count for row in found})


async def test_what_cannot_be_handled_is_tried_again(
    pipeline: Pipeline, inbox: Inbox, database: Database, clock: Clock
) -> None:
    """After 1, 2, 4 and 8 seconds by the clock, then it is parked."""
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await spoil(database, 1)
    for attempt, pause in enumerate((1, 2, 4, 8), start=1):
        assert await answer_all(pipeline) == [1]
        due = clock.now + timedelta(seconds=pause)
        found = await rows(database, STORED.state, STORED.attempts, STORED.next_at)
        assert found == [("waiting", attempt, due)]
        assert await pipeline.next_due() == due
        clock.forward(seconds=pause - 0.1)
        assert await answer_all(pipeline) == []
        clock.forward(seconds=0.1)
    assert await answer_all(pipeline) == [1]
    assert await rows(database, STORED.state, STORED.attempts) == [("parked", 5)]
    assert await pipeline.next_due() is None


async def park(pipeline: Pipeline, database: Database, number: int, clock: Clock) -> None:
    """Fail with an inbound until it is parked."""
    await spoil(database, number)
    for _ in range(HOUSE.attempts):
        await answer_all(pipeline)
        clock.forward(minutes=1)


async def test_a_parked_inbound_is_seen_and_apologised_for_once(
    pipeline: Pipeline,
    inbox: Inbox,
    database: Database,
    clock: Clock,
    sender: Sender,
    far_end: FarEnd,
) -> None:
    """A case is opened, and the person hears that somebody will look."""
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await park(pipeline, database, 1, clock)
    cases = tables.cases.c
    assert await rows(database, cases.contact_id, cases.state, cases.reason) == [
        (1, "waiting", "failed")
    ]
    await sender.run_once()
    await sender.drain(30)
    assert far_end.taken == [(OKSANA, APOLOGY)]
    error = (await rows(database, STORED.error))[0][0]
    assert error.startswith("ValidationError at ")
    clock.forward(days=1)
    assert await answer_all(pipeline) == []


async def test_a_second_parked_inbound_is_the_same_case(
    pipeline: Pipeline, inbox: Inbox, database: Database, clock: Clock
) -> None:
    """A person is called once, whatever else fails meanwhile."""
    await inbox.accept([commanded(OKSANA, 1, "help"), commanded(OKSANA, 2, "help")])
    await spoil(database, 2)
    await park(pipeline, database, 1, clock)
    await park(pipeline, database, 2, clock)
    assert await rows(database, STORED.state) == [("parked",), ("parked",)]
    assert len(await rows(database, tables.cases.c.id)) == 1


async def test_a_failing_inbound_holds_up_its_own_contact_only(
    pipeline: Pipeline, inbox: Inbox, database: Database, clock: Clock
) -> None:
    """Others are answered in the same batch; its own later messages follow once it is parked."""
    await inbox.accept(
        [
            pressed(OKSANA, 1, "t:work.find-job"),
            pressed(OKSANA, 2, "t:stay.pesel-ukr"),
            pressed(PETRO, 3, "t:health.gp"),
        ]
    )
    await spoil(database, 1)
    assert await answer_all(pipeline) == [2]
    assert await answers_of(database, 2) == ["health.gp"]
    assert await answers_of(database, 1) == []
    assert await pipeline.next_due() == MONDAY + timedelta(seconds=1)
    await park(pipeline, database, 1, clock)
    assert await rows(database, STORED.state) == [("parked",), ("done",), ("done",)]
    assert await answers_of(database, 1) == ["stay.pesel-ukr"]


async def test_a_channel_that_is_switched_off_holds_up_nobody(
    pipeline: Pipeline,
    inbox: Inbox,
    database: Database,
    knowledge: Snapshot,
    far_end: FarEnd,
    clock: Clock,
) -> None:
    """Its inbounds wait until it is there again; the others are answered."""
    viber = msgspec.structs.replace(commanded(PETRO, 1, "help"), channel="viber")
    await inbox.accept([viber, commanded(OKSANA, 2, "help")])
    assert await answer_all(pipeline) == [1]
    assert await rows(database, STORED.state) == [("waiting",), ("done",)]
    assert await pipeline.next_due() is None
    both = {"telegram": far_end, "viber": FarEnd("viber")}
    later = Pipeline(database, both, lambda: knowledge, HOUSE, Wakeups(), clock)
    assert await answer_all(later) == [1]
    assert await rows(database, STORED.state) == [("done",), ("done",)]


async def test_a_state_nobody_can_read_begins_anew(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """Another version may have written it; neither this contact nor another is held up."""
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await answer_all(pipeline)
    async with database.write() as connection:
        await connection.execute(update(tables.contacts).values(state=b'{"case": "asleep"}'))
    await inbox.accept([commanded(OKSANA, 2, "help"), commanded(PETRO, 3, "help")])
    assert await answer_all(pipeline) == [2]
    assert await rows(database, STORED.state) == [("done",)] * 3


async def test_a_group_may_have_written_from_its_new_address(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """The news that it moved comes too late and holds up nobody."""
    group = {"group": True}
    await inbox.accept([sent("-1004001", 1, Kind.COMMAND, text="help", **group)])
    await inbox.accept([sent("-4001", 2, Kind.MOVED, argument="-1004001", **group)])
    await inbox.accept([commanded(OKSANA, 3, "help")])
    assert await answer_all(pipeline) == [3]
    addresses = await rows(database, tables.contacts.c.address)
    assert sorted(addresses) == [("-1004001",), ("-4001",), (OKSANA,)]


async def test_two_processes_share_the_work(
    pipeline: Pipeline,
    inbox: Inbox,
    database: Database,
    knowledge: Snapshot,
    far_end: FarEnd,
    clock: Clock,
) -> None:
    """Each inbound is answered once and in order, whoever of them takes it."""
    if database.is_sqlite:
        pytest.skip("SQLite is for one process")
    people = [str(5000 + number) for number in range(30)]
    for round_, topic in enumerate(TOPICS):
        everybody = enumerate(people, start=100 * round_)
        await inbox.accept([pressed(person, number, f"t:{topic}") for number, person in everybody])
    elsewhere = Database(database.url)
    channels = {"telegram": far_end}
    other = Pipeline(elsewhere, channels, lambda: knowledge, HOUSE, Wakeups(), clock)
    while any(state == "waiting" for (state,) in await rows(database, STORED.state)):
        await asyncio.gather(answer_all(pipeline), answer_all(other))
    await elsewhere.close()
    assert await rows(database, STORED.state) == [("done",)] * 120
    found = [await answers_of(database, contact) for contact in range(1, 31)]
    assert found == [list(TOPICS)] * 30


async def test_a_failed_transaction_changes_nothing(
    pipeline: Pipeline, inbox: Inbox, database: Database
) -> None:
    """An inbound whose answer could not be stored still waits, and is answered later."""
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await rename(database, "outbox", "away")
    with pytest.raises(DBAPIError):
        await pipeline.run_once()
    await rename(database, "away", "outbox")
    assert await rows(database, TRANSCRIPT.id) == []
    assert await answer_all(pipeline) == [1]
    # The greeting and the answer.
    assert len(await rows(database, tables.outbox.c.id)) == 2
