"""What leaves, in which order, and what is written down of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text, update

from bot.channels.base import Channel, Gone, Later, Moved, Refused, Unknown
from bot.delivery.outbox import BATCH, LEASE, Sender
from bot.delivery.retry import SEND_ATTEMPTS, handler_pause, send_pause
from bot.delivery.wakeups import Wakeups
from bot.storage import tables
from bot.storage.database import Database
from tests.bot.delivery.conftest import unlimited
from tests.bot.delivery.spoken import (
    IRYNA,
    OKSANA,
    PETRO,
    queue,
    queue_for_all,
    rename,
    reply,
    rows,
)
from tests.conftest import MONDAY, Clock
from tests.fakes.channel import FarEnd, Gate

BOX = tables.outbox.c
PEOPLE = tables.contacts.c
ENOUGH = 30.0


async def send(sender: Sender) -> None:
    """Send what is due now, to the end."""
    await sender.run_once()
    await sender.drain(ENOUGH)


async def states(database: Database) -> list[tuple[object, ...]]:
    """State, reason and attempts of everything queued."""
    return list(await rows(database, BOX.state, BOX.reason, BOX.attempts))


async def test_what_was_taken_is_marked_sent(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """With the time and the channel's number; the transcript shows it from then on."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    shown = tables.messages.c.visible
    assert await rows(database, shown) == [(False,)]
    clock.forward(seconds=3)
    await send(sender)
    assert far_end.taken == [(OKSANA, "Добрий день")]
    marks = (BOX.state, BOX.reason, BOX.attempts, BOX.sent_at, BOX.external_id)
    sent_at = MONDAY + timedelta(seconds=3)
    assert await rows(database, *marks) == [("sent", None, 1, sent_at, "1")]
    assert await rows(database, shown) == [(True,)]
    await send(sender)
    assert len(far_end.letters) == 1


async def test_a_far_end_that_asks_for_time_gets_it(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """Retry-After is waited for to the second, by the clock."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.refuses.append(Later("rate limit", 40))
    await send(sender)
    assert await states(database) == [("retry", "rate limit", 1)]
    clock.forward(seconds=39.9)
    await send(sender)
    assert len(far_end.letters) == 1
    clock.forward(seconds=0.1)
    await send(sender)
    assert await states(database) == [("sent", None, 2)]


async def test_nobody_is_tried_for_ever(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """After the last attempt a parcel is refused, with the reason."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.refuses.extend([Later("no connection")] * SEND_ATTEMPTS)
    for _ in range(SEND_ATTEMPTS - 1):
        await send(sender)
        assert (await states(database))[0][0] == "retry"
        clock.forward(minutes=30)
    await send(sender)
    assert await states(database) == [("refused", "no connection", SEND_ATTEMPTS)]
    clock.forward(hours=3)
    await send(sender)
    assert len(far_end.letters) == SEND_ATTEMPTS


def test_pauses_grow_to_a_limit() -> None:
    """What the channel asks for goes before; handling waits at most a minute."""
    sending = [send_pause(attempt, 0).total_seconds() for attempt in range(1, 13)]
    assert sending == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800]
    assert send_pause(3, 7.5) == timedelta(seconds=7.5)
    handling = [handler_pause(attempt).total_seconds() for attempt in range(1, 9)]
    assert handling == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_the_bot_repeats_once_what_nobody_confirmed(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """Silence is worse than a repeat; but it is never called sent."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.refuses.extend([Unknown("no answer in time")] * 2)
    await send(sender)
    assert await states(database) == [("retry", "no answer in time", 1)]
    clock.forward(seconds=10)
    await send(sender)
    assert await states(database) == [("unknown", "no answer in time", 2)]
    clock.forward(hours=1)
    await send(sender)
    assert len(far_end.letters) == 2


async def test_a_confirmed_repeat_is_sent(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """The second time somebody answered."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.refuses.append(Unknown("no answer in time"))
    await send(sender)
    clock.forward(seconds=10)
    await send(sender)
    assert await states(database) == [("sent", None, 2)]


async def test_an_operator_decides_themselves_whether_to_repeat(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """What a person wrote is not said again by itself."""
    await queue(database, far_end, OKSANA, reply("Я вам допоможу"), author="operator")
    far_end.refuses.append(Unknown("no answer in time"))
    await send(sender)
    assert await states(database) == [("unknown", "no answer in time", 1)]


async def test_a_fault_of_ours_holds_up_nobody(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """A channel that fails in a way nobody thought of: unknown, and the next parcel goes."""
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"))
    far_end.refuses.extend([ValueError("a fault")] * 2)
    await send(sender)
    clock.forward(seconds=10)
    await send(sender)
    fault = "our fault: ValueError"
    assert await states(database) == [("unknown", fault, 2), ("sent", None, 1)]
    assert far_end.taken == [(OKSANA, "друге")]


async def test_what_is_refused_says_why(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """It is not tried again, and the next parcel goes."""
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"))
    far_end.refuses.append(Refused("message is too long"))
    await send(sender)
    assert await states(database) == [("refused", "message is too long", 1), ("sent", None, 1)]


async def test_a_channel_that_is_switched_off_refuses(
    database: Database, far_end: FarEnd, clock: Clock
) -> None:
    """What was queued for it is shown, not tried for ever."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    await send(Sender(database, {}, {}, Wakeups(), clock))
    assert await states(database) == [("refused", "the channel is not configured", 1)]


async def test_who_has_blocked_us_is_marked_unreachable(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """And only they."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    await queue(database, far_end, PETRO, reply("Добрий день"))
    far_end.refuses.append(Gone("blocked or deleted"))
    await send(sender)
    gone, taken = (letter.address for letter in far_end.letters)
    reachable = await rows(database, PEOPLE.address, PEOPLE.reachable)
    assert sorted(reachable) == sorted([(gone, False), (taken, True)])
    marks = await rows(database, BOX.address, BOX.state, BOX.reason)
    assert sorted(marks) == sorted([(gone, "gone", "blocked or deleted"), (taken, "sent", None)])


async def test_a_group_that_moved_is_followed(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """What waits goes to the new address, in order, and the contact with it."""
    await queue(database, far_end, "-4001", reply("перше"), reply("друге"))
    far_end.refuses.append(Moved("-1004001"))
    await send(sender)
    assert await states(database) == [("queued", "moved", 1), ("queued", None, 0)]
    await send(sender)
    assert far_end.taken == [("-1004001", "перше"), ("-1004001", "друге")]
    assert await rows(database, PEOPLE.address) == [("-1004001",)]


async def test_a_group_may_have_written_from_its_new_address(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Then both contacts stay, and what waits still goes to where the group is."""
    await queue(database, far_end, "-4001", reply("перше"))
    await queue(database, far_end, "-1004001")
    far_end.refuses.append(Moved("-1004001"))
    await send(sender)
    await send(sender)
    assert far_end.taken == [("-1004001", "перше")]
    assert await rows(database, PEOPLE.address) == [("-4001",), ("-1004001",)]


async def test_the_first_holds_back_the_rest_of_its_contact_only(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """Order within a contact is kept when the first must wait; other people don't wait."""
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"), reply("третє"))
    far_end.refuses.append(Later("rate limit", 60))
    await send(sender)
    await queue(database, far_end, PETRO, reply("інше"))
    await queue(database, far_end, OKSANA, reply("четверте"))
    await send(sender)
    assert far_end.taken == [(PETRO, "інше")]
    clock.forward(seconds=60)
    await send(sender)
    mine = [words for address, words in far_end.taken if address == OKSANA]
    assert mine == ["перше", "друге", "третє", "четверте"]


async def test_the_rest_goes_as_soon_as_the_first_may(
    database: Database, far_end: FarEnd, wakeups: Wakeups
) -> None:
    """The sender wakes for a retry by itself, not only when it looks by chance."""
    now = datetime.now(UTC)
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"), now=now)
    far_end.refuses.append(Later("rate limit", 0.2))
    channels: dict[str, Channel] = {"telegram": far_end}
    sender = Sender(
        database, channels, {"telegram": unlimited()}, wakeups, lambda: datetime.now(UTC)
    )
    running = asyncio.create_task(sender.run())
    await far_end.wait_for_taken(2)
    running.cancel()
    await sender.drain(ENOUGH)
    assert far_end.taken == [(OKSANA, "перше"), (OKSANA, "друге")]


async def test_urgent_replies_go_first(sender: Sender, far_end: FarEnd, database: Database) -> None:
    """A crisis card leaves before what was queued earlier for others."""
    await queue(database, far_end, OKSANA, reply("перше"))
    await queue(database, far_end, PETRO, reply("друге"))
    await queue(database, far_end, IRYNA, reply("Подзвоніть 112", urgent=True))
    await send(sender)
    assert far_end.taken[0] == (IRYNA, "Подзвоніть 112")
    assert sorted(far_end.taken[1:]) == [(OKSANA, "перше"), (PETRO, "друге")]


async def test_urgent_replies_keep_the_order_of_their_contact(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Also while more people wait than are started at once."""
    crowd = [str(number) for number in range(BATCH)]
    await queue_for_all(database, far_end, crowd, reply("інше"))
    await queue(database, far_end, IRYNA, reply("перше"), reply("Подзвоніть 112", urgent=True))
    await send(sender)
    mine = [words for address, words in far_end.taken if address == IRYNA]
    assert mine == ["перше", "Подзвоніть 112"]


async def take_case(database: Database) -> None:
    """What taking a case does to the conversation: it makes queued bot replies old."""
    async with database.write() as connection:
        await connection.execute(update(tables.contacts).values(revision=PEOPLE.revision + 1))


async def test_the_bot_is_silent_once_a_person_has_the_case(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Its older replies are dropped; the operator's and urgent ones are said."""
    await queue(database, far_end, OKSANA, reply("Від бота"))
    await queue(database, far_end, OKSANA, reply("Подзвоніть 112", urgent=True))
    await queue(database, far_end, OKSANA, reply("Від людини"), author="operator")
    await take_case(database)
    await queue(database, far_end, OKSANA, reply("Знову від бота"))
    await send(sender)
    dropped = ("dropped", "a person has taken the case", 1)
    assert await states(database) == [dropped, *[("sent", None, 1)] * 3]
    assert [words for _, words in far_end.taken] == [
        "Подзвоніть 112",
        "Від людини",
        "Знову від бота",
    ]
    assert await rows(database, tables.messages.c.visible) == [(False,), (True,), (True,), (True,)]


async def test_a_reply_that_waits_its_turn_is_dropped_too(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """A person takes the case while the parcel before it is on its way."""
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"))
    far_end.before_taking = gate = Gate()
    await sender.run_once()
    await gate.reached.wait()
    await take_case(database)
    gate.opened.set()
    await sender.drain(ENOUGH)
    assert far_end.taken == [(OKSANA, "перше")]
    assert [state for state, _, _ in await states(database)] == ["sent", "dropped"]


async def test_a_farewell_forgets_the_contact(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Once it is said, the person who wanted that is not known any more."""
    await queue(database, far_end, OKSANA, reply("Все видалено"), erases=True)
    await queue(database, far_end, PETRO, reply("Добрий день"))
    assert await rows(database, PEOPLE.address) == [(OKSANA,), (PETRO,)]
    await send(sender)
    assert (OKSANA, "Все видалено") in far_end.taken
    assert await rows(database, PEOPLE.address) == [(PETRO,)]
    assert await rows(database, BOX.address) == [(PETRO,)]


async def test_a_farewell_waits_until_it_is_said(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """The address is needed for one more attempt; a farewell that can't be said ends it too."""
    await queue(database, far_end, OKSANA, reply("Все видалено"), erases=True)
    far_end.refuses.extend([Later("rate limit", 5), Gone("blocked or deleted")])
    await send(sender)
    assert await rows(database, PEOPLE.address) == [(OKSANA,)]
    clock.forward(seconds=5)
    await send(sender)
    assert await rows(database, PEOPLE.address) == []


async def test_who_wrote_again_is_not_forgotten(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """They have begun a new conversation meanwhile."""
    await queue(database, far_end, OKSANA, reply("Все видалено"), erases=True)
    async with database.write() as connection:
        later = MONDAY + timedelta(seconds=1)
        await connection.execute(update(tables.contacts).values(last_inbound_at=later))
    await send(sender)
    assert far_end.taken == [(OKSANA, "Все видалено")]
    assert await rows(database, PEOPLE.address) == [(OKSANA,)]


async def test_a_parcel_of_an_erased_contact_is_not_sent(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Its row was removed while the parcel before it was on its way."""
    await queue(database, far_end, OKSANA, reply("перше"), reply("друге"))
    far_end.before_taking = gate = Gate()
    await sender.run_once()
    await gate.reached.wait()
    async with database.write() as connection:
        await connection.execute(tables.outbox.delete())
    gate.opened.set()
    await sender.drain(ENOUGH)
    assert far_end.taken == [(OKSANA, "перше")]


async def test_a_stop_lets_what_is_under_way_finish(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """It is taken, and marked so."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.before_taking = gate = Gate()
    await sender.run_once()
    await gate.reached.wait()
    assert await states(database) == [("queued", None, 0)]
    asyncio.get_running_loop().call_soon(gate.opened.set)
    await sender.drain(ENOUGH)
    assert await states(database) == [("sent", None, 1)]


async def test_a_stop_leaves_the_rest_for_the_next_start(
    sender: Sender, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """What is not sent in time is still queued, and the next sender says it."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.before_taking = gate = Gate()
    await sender.run_once()
    await gate.reached.wait()
    await sender.drain(0)
    assert (far_end.taken, await states(database)) == ([], [("queued", None, 0)])
    far_end.before_taking = None
    await send(Sender(database, {"telegram": far_end}, {"telegram": unlimited()}, Wakeups(), clock))
    assert far_end.taken == [(OKSANA, "Добрий день")]


async def test_what_was_taken_is_not_said_again_when_the_database_is_away(
    sender: Sender, far_end: FarEnd, database: Database
) -> None:
    """Only a crash between sending and marking may say something twice."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    failed = asyncio.Event()
    event.listen(database.engine.sync_engine, "handle_error", lambda _: failed.set())
    far_end.before_taking = lambda: rename(database, "outbox", "away")
    await sender.run_once()
    await asyncio.wait_for(failed.wait(), ENOUGH)
    await rename(database, "away", "outbox")
    await sender.drain(ENOUGH)
    assert far_end.taken == [(OKSANA, "Добрий день")]
    assert await states(database) == [("sent", None, 1)]


@pytest.fixture
async def two_senders(database: Database, clock: Clock) -> AsyncIterator[tuple[Sender, Sender]]:
    """Senders of two processes, each with a database connection of its own."""
    if database.is_sqlite:
        pytest.skip("SQLite is for one process")
    elsewhere = Database(database.url)
    senders = (
        Sender(database, {}, {}, Wakeups(), clock),
        Sender(elsewhere, {}, {}, Wakeups(), clock),
    )
    yield senders
    for sender in senders:
        await sender.release()
    await elsewhere.close()


async def someone_asked_in_vain(database: Database) -> bool:
    """Whether a connection has asked for the lease and did not get it."""
    tried = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle' "
        "AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
    )
    async with database.read() as connection:
        return bool((await connection.execute(tried)).scalar())


async def holder_of_the_lease(database: Database) -> int:
    """The process id of the one connection that has the lock."""
    query = text(
        "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND objid = :lock AND datname = current_database()"
    )
    async with database.read() as connection:
        return int((await connection.execute(query, {"lock": LEASE})).scalar_one())


async def until(asked: Callable[[], object], task: asyncio.Task[None]) -> None:
    """Ask until it is so; fail when the task ends before."""
    async with asyncio.timeout(ENOUGH):
        while not await asked():  # type: ignore[misc]
            assert not task.done()


async def test_one_process_sends_at_a_time(
    two_senders: tuple[Sender, Sender], database: Database
) -> None:
    """The second waits, and takes over when the connection of the first ends."""
    first, second = two_senders
    await first.lease()
    waiting = asyncio.create_task(second.lease())
    await until(lambda: someone_asked_in_vain(database), waiting)
    assert (await first.holds_lease(), await second.holds_lease()) == (True, False)
    pid = await holder_of_the_lease(database)
    async with database.write() as connection:
        await connection.execute(select(func.pg_terminate_backend(pid)))
    await asyncio.wait_for(waiting, ENOUGH)
    assert (await first.holds_lease(), await second.holds_lease()) == (False, True)


async def test_a_stopped_process_gives_the_lease_back(
    two_senders: tuple[Sender, Sender],
) -> None:
    """The next need not wait until the connection is noticed to be gone."""
    first, second = two_senders
    await first.lease()
    await first.release()
    await asyncio.wait_for(second.lease(), ENOUGH)
    assert (await first.holds_lease(), await second.holds_lease()) == (False, True)


async def test_a_sender_that_begins_again_still_has_its_lease(
    two_senders: tuple[Sender, Sender], database: Database
) -> None:
    """After an error of its loop it does not wait for itself."""
    first, _ = two_senders
    await first.lease()
    pid = await holder_of_the_lease(database)
    await asyncio.wait_for(first.lease(), ENOUGH)
    assert await holder_of_the_lease(database) == pid
