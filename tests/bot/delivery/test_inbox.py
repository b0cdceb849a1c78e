"""What a channel hears 200 for is on disk, once."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from bot.delivery.batch import Batcher
from bot.delivery.inbox import Inbox
from bot.delivery.wakeups import INBOX, Wakeups
from bot.storage import tables
from bot.storage.database import Database
from tests.bot.delivery.spoken import OKSANA, PETRO, rename, rows, wrote
from tests.conftest import MONDAY

STORED = tables.inbox.c


@pytest.fixture
def commits(database: Database) -> Iterator[list[object]]:
    """Every commit of the database."""
    seen: list[object] = []
    note = seen.append
    event.listen(database.engine.sync_engine, "commit", note)
    yield seen
    event.remove(database.engine.sync_engine, "commit", note)


async def test_what_is_accepted_is_committed(inbox: Inbox, database: Database) -> None:
    """When accept returns, everybody else can read the row, whole."""
    sent = wrote(OKSANA, 1)
    await inbox.accept([sent])
    elsewhere = Database(database.url)
    found = await rows(
        elsewhere,
        *(STORED.channel, STORED.external_id, STORED.address, STORED.payload, STORED.state),
        *(STORED.attempts, STORED.next_at, STORED.received_at, STORED.error),
    )
    await elsewhere.close()
    payload = msgspec.json.encode(sent)
    assert found == [
        ("telegram", "1", OKSANA, payload, "waiting", 0, MONDAY, MONDAY, None),
    ]


async def test_a_repeated_delivery_changes_nothing(inbox: Inbox, database: Database) -> None:
    """Together or later, with the same words or others: the first is kept."""
    await inbox.accept([wrote(OKSANA, 1, "перше"), wrote(OKSANA, 1, "друге")])
    before = await rows(database, *STORED)
    await inbox.accept([wrote(PETRO, 1, "третє"), wrote(PETRO, 2, "нове")])
    after = await rows(database, *STORED)
    assert [row[2:4] for row in after] == [("1", OKSANA), ("2", PETRO)]
    assert after[:1] == before


async def test_channels_number_on_their_own(inbox: Inbox, database: Database) -> None:
    """The same number in another channel is another message."""
    telegram = wrote(OKSANA, 1)
    viber = msgspec.structs.replace(telegram, channel="viber")
    await inbox.accept([telegram])
    await inbox.accept([viber])
    assert await rows(database, STORED.channel) == [("telegram",), ("viber",)]


async def test_those_who_arrive_together_share_a_commit(
    inbox: Inbox, database: Database, commits: list[object]
) -> None:
    """One commit for a hundred people, as writing to the disk is what takes time."""
    everybody = [inbox.accept([wrote(str(number), number)]) for number in range(100)]
    await asyncio.gather(*everybody)
    assert len(await rows(database, STORED.id)) == 100
    assert len(commits) == 1


async def test_an_error_reaches_everybody_it_concerns(inbox: Inbox, database: Database) -> None:
    """Nobody hears 200 for what could not be stored; the next attempt is unharmed."""
    await rename(database, "inbox", "away")
    both = [inbox.accept([wrote(OKSANA, 1)]), inbox.accept([wrote(PETRO, 2)])]
    raised = await asyncio.gather(*both, return_exceptions=True)
    assert [isinstance(error, DBAPIError) for error in raised] == [True, True]
    await rename(database, "away", "inbox")
    await inbox.accept([wrote(PETRO, 2)])
    assert await rows(database, STORED.external_id) == [("2",)]


async def test_whoever_answers_is_woken(inbox: Inbox, wakeups: Wakeups) -> None:
    """A stored message does not wait for somebody to look by chance."""
    with wakeups.listener(INBOX) as listener:
        assert await listener.wait(0) is False
        await inbox.accept([wrote(OKSANA, 1)])
        assert await listener.wait(0) is True


async def test_a_full_batch_leaves_the_rest_to_the_next() -> None:
    """Order is kept and nothing is lost when more arrive than one write takes."""
    written: list[list[int]] = []

    async def write(items: object) -> None:
        written.append(list(items))  # type: ignore[call-overload]

    batcher = Batcher[int](write, most=3)
    await asyncio.gather(*(batcher.put([number]) for number in range(7)), batcher.put([]))
    assert written == [[0, 1, 2], [3, 4, 5], [6]]


async def test_one_failed_write_does_not_touch_the_next() -> None:
    """An error belongs to its own batch."""

    async def write(items: object) -> None:
        if 1 in items:  # type: ignore[operator]
            raise OSError("the disk is full")

    batcher = Batcher[int](write, most=1)
    results = await asyncio.gather(
        *(batcher.put([number]) for number in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), OSError, type(None)]
