"""Nobody sleeps through what there is to do, in one process and across several."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from bot.delivery.wakeups import INBOX, OUTBOX, Listener, Wakeups, notify, relay
from bot.storage.database import Database

PATIENCE = 30.0


async def test_a_wakeup_before_the_waiting_is_not_lost() -> None:
    """It is remembered once, for everybody who listens to that name."""
    wakeups = Wakeups()
    with wakeups.listener(INBOX) as first, wakeups.listener(INBOX) as second:
        wakeups.wake([INBOX])
        assert [await first.wait(0), await first.wait(0)] == [True, False]
        assert [await second.wait(0), await second.wait(0)] == [True, False]


async def test_a_sleeper_is_woken() -> None:
    """While it waits."""
    wakeups = Wakeups()
    with wakeups.listener(INBOX) as listener:
        asyncio.get_running_loop().call_soon(wakeups.wake, [INBOX])
        assert await listener.wait(PATIENCE) is True


async def test_each_name_has_its_own_sleepers() -> None:
    """Others sleep on, unless everybody is woken."""
    wakeups = Wakeups()
    with wakeups.listener(INBOX) as inbox, wakeups.listener(OUTBOX) as outbox:
        wakeups.wake([INBOX, "chat:nobody"])
        assert (await inbox.wait(0), await outbox.wait(0)) == (True, False)
        wakeups.wake_all()
        assert (await inbox.wait(0), await outbox.wait(0)) == (True, True)


async def test_who_left_is_forgotten() -> None:
    """A page that was closed leaves nothing behind."""
    wakeups = Wakeups()
    with wakeups.listener("chat:1") as gone:
        pass
    wakeups.wake(["chat:1"])
    wakeups.wake_all()
    assert await gone.wait(0) is False


async def test_on_sqlite_there_is_nobody_else(database: Database) -> None:
    """Nothing is relayed: the relay ends at once, and telling others is no error."""
    if not database.is_sqlite:
        pytest.skip("SQLite only")
    await relay(database, Wakeups())
    async with database.write() as connection:
        await notify(connection, [INBOX])


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Wakeups]:
    """The wake-ups of another process, once it listens."""
    if database.is_sqlite:
        pytest.skip("PostgreSQL only")
    wakeups = Wakeups()
    with wakeups.listener("ready") as ready:
        relaying = asyncio.create_task(relay(database, wakeups))
        assert await ready.wait(PATIENCE)
    yield wakeups
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def test_another_process_hears_after_the_commit(
    elsewhere: Wakeups, database: Database
) -> None:
    """Not before: it would look, find nothing, and sleep again."""
    with elsewhere.listener(INBOX) as inbox, elsewhere.listener(OUTBOX) as outbox:
        async with database.write() as open_transaction:
            await notify(open_transaction, [INBOX])
            async with database.write() as committed:
                await notify(committed, [OUTBOX])
            assert await outbox.wait(PATIENCE) is True
            assert await inbox.wait(0) is False
        assert await inbox.wait(PATIENCE) is True


async def test_another_process_hears_nothing_of_what_was_undone(
    elsewhere: Wakeups, database: Database
) -> None:
    """A transaction that is rolled back wakes nobody."""
    with elsewhere.listener(INBOX) as inbox, elsewhere.listener(OUTBOX) as outbox:
        async with database.engine.connect() as connection:
            await notify(connection, [INBOX])
            await connection.rollback()
        async with database.write() as connection:
            await notify(connection, [OUTBOX])
        assert await outbox.wait(PATIENCE) is True
        assert await inbox.wait(0) is False


async def cut(database: Database) -> list[bool]:
    """End every connection but the one that does it."""
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with database.write() as connection:
        return list((await connection.execute(others)).scalars())


async def heard(listener: Listener, database: Database) -> bool:
    """Whether a notification comes through."""
    async with database.write() as connection:
        await notify(connection, [OUTBOX])
    return await listener.wait(PATIENCE)


async def test_a_cut_connection_comes_back_and_wakes_everybody(
    elsewhere: Wakeups, database: Database
) -> None:
    """Nobody knows what was missed meanwhile, so all look; then it hears again."""
    with elsewhere.listener(INBOX) as inbox, elsewhere.listener(OUTBOX) as outbox:
        assert await heard(outbox, database)
        assert True in await cut(database)
        assert await inbox.wait(PATIENCE) is True
        assert await outbox.wait(PATIENCE) is True
        assert await heard(outbox, database)
