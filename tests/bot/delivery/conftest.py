"""The parts of the way of a message, around a far end that is played."""

import pytest

from bot.delivery.inbox import Inbox
from bot.delivery.outbox import Sender
from bot.delivery.pace import Pace
from bot.delivery.pipeline import House, Pipeline
from bot.delivery.wakeups import Wakeups
from bot.storage.database import Database
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot
from tests.conftest import Clock
from tests.fakes.channel import FarEnd

HOUSE = House(Hours("Mo-Fr 08:00-16:00"), kept_days=30, privacy_contact="", attempts=5)


def unlimited() -> Pace:
    """A pace that holds nothing back."""
    return Pace(10_000, 10_000, 10_000, 600_000)


@pytest.fixture
def far_end() -> FarEnd:
    """The people at the other end of Telegram."""
    return FarEnd()


@pytest.fixture
def wakeups() -> Wakeups:
    """The wake-ups of this process."""
    return Wakeups()


@pytest.fixture
def inbox(database: Database, wakeups: Wakeups, clock: Clock) -> Inbox:
    """Takes what comes in."""
    return Inbox(database, wakeups, clock)


@pytest.fixture
def pipeline(
    database: Database, far_end: FarEnd, knowledge: Snapshot, wakeups: Wakeups, clock: Clock
) -> Pipeline:
    """Answers what waits."""
    return Pipeline(database, {"telegram": far_end}, lambda: knowledge, HOUSE, wakeups, clock)


@pytest.fixture
def sender(database: Database, far_end: FarEnd, wakeups: Wakeups, clock: Clock) -> Sender:
    """Sends what is queued."""
    return Sender(database, {"telegram": far_end}, {"telegram": unlimited()}, wakeups, clock)
