"""The loops that answer and send: they go on after an error and stop without losing anything."""

import asyncio

import pytest
from sqlalchemy import event

from bot.delivery.inbox import Inbox
from bot.delivery.outbox import Sender
from bot.delivery.pipeline import Pipeline
from bot.delivery.wakeups import Wakeups
from bot.delivery.worker import Worker
from bot.storage import tables
from bot.storage.database import Database
from tests.bot.delivery.conftest import unlimited
from tests.bot.delivery.spoken import OKSANA, commanded, queue, rename, reply, rows
from tests.conftest import Clock
from tests.fakes.channel import FarEnd, Gate

STATE = tables.outbox.c.state
PATIENCE = 30.0
GREETED = 2
"""A first message is greeted and answered."""


@pytest.fixture
def worker(
    database: Database, pipeline: Pipeline, sender: Sender, wakeups: Wakeups, clock: Clock
) -> Worker:
    """A worker that is not yet running."""
    return Worker(database, pipeline, sender, wakeups, clock, kept_days=30)


async def stop(worker: Worker, running: asyncio.Task[None]) -> None:
    """Stop it and wait until it has."""
    worker.stop()
    await asyncio.wait_for(running, PATIENCE)


async def test_it_answers_and_sends_until_it_is_stopped(
    worker: Worker, inbox: Inbox, far_end: FarEnd, database: Database
) -> None:
    """What comes in while it sleeps wakes it; what comes in afterwards waits."""
    running = asyncio.create_task(worker.run())
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await far_end.wait_for_taken(GREETED)
    await inbox.accept([commanded(OKSANA, 2, "help")])
    await far_end.wait_for_taken(GREETED + 1)
    await stop(worker, running)
    assert await rows(database, STATE) == [("sent",)] * (GREETED + 1)
    await inbox.accept([commanded(OKSANA, 3, "help")])
    states = await rows(database, tables.inbox.c.state)
    assert states == [("done",), ("done",), ("waiting",)]


async def test_a_stop_waits_for_what_is_being_sent(
    worker: Worker, far_end: FarEnd, database: Database
) -> None:
    """It is marked before the process ends."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    far_end.before_taking = gate = Gate()
    running = asyncio.create_task(worker.run())
    await gate.reached.wait()
    worker.stop()
    gate.opened.set()
    await asyncio.wait_for(running, PATIENCE)
    assert await rows(database, STATE) == [("sent",)]


async def test_a_stop_lets_the_next_process_send(
    worker: Worker, far_end: FarEnd, database: Database, clock: Clock
) -> None:
    """Its lease ends with it."""
    await queue(database, far_end, OKSANA, reply("Добрий день"))
    running = asyncio.create_task(worker.run())
    await far_end.wait_for_taken(1)
    await stop(worker, running)
    elsewhere = Database(database.url)
    other = Sender(elsewhere, {}, {"telegram": unlimited()}, Wakeups(), clock)
    await asyncio.wait_for(other.lease(), PATIENCE)
    assert await other.holds_lease()
    await other.release()
    await elsewhere.close()


async def test_it_goes_on_when_the_database_is_back(
    worker: Worker, inbox: Inbox, far_end: FarEnd, database: Database
) -> None:
    """An error of a loop ends neither the answering nor the sending."""
    failed = asyncio.Event()
    event.listen(database.engine.sync_engine, "handle_error", lambda _: failed.set())
    await rename(database, "outbox", "away")
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(failed.wait(), PATIENCE)
    await rename(database, "away", "outbox")
    await inbox.accept([commanded(OKSANA, 1, "help")])
    await far_end.wait_for_taken(GREETED)
    await stop(worker, running)
    assert await rows(database, STATE) == [("sent",)] * GREETED
