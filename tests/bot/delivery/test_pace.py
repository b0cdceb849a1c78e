"""How many parcels may leave at once. What waits is counted, the time is not measured."""

import asyncio
from collections.abc import Iterable

from bot.delivery.pace import Pace

PLENTY = 100_000.0


async def leaving_at_once(pace: Pace, addresses: Iterable[str]) -> int:
    """How many of these parcels do not have to wait."""
    waiting = [asyncio.create_task(pace.wait(address)) for address in addresses]
    await asyncio.sleep(0)
    left = sum(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return left


def people(count: int) -> list[str]:
    """So many chats."""
    return [str(number) for number in range(1, count + 1)]


async def test_a_chat_has_a_burst() -> None:
    """So many to one chat, and as many to the next."""
    pace = Pace(PLENTY, chat_per_second=0.01, chat_burst=5, group_per_minute=0.5)
    assert await leaving_at_once(pace, ["5001"] * 20) == 5
    assert await leaving_at_once(pace, ["5001"] * 20) == 0
    assert await leaving_at_once(pace, ["5002"] * 20) == 5


async def test_a_bot_has_a_budget_for_all_chats() -> None:
    """As many as it may send in a second leave at once, to whomever."""
    pace = Pace(4, chat_per_second=PLENTY, chat_burst=1000, group_per_minute=PLENTY)
    assert await leaving_at_once(pace, people(50)) == 4
    assert await leaving_at_once(pace, people(50)) == 0


async def test_a_slow_bot_sends_one_by_one() -> None:
    """Less than one in a second is one at once."""
    pace = Pace(0.01, chat_per_second=PLENTY, chat_burst=1000, group_per_minute=PLENTY)
    assert await leaving_at_once(pace, people(50)) == 1


async def test_a_group_has_a_budget_of_a_minute() -> None:
    """A negative address is a group; people keep the budget of a chat."""
    pace = Pace(PLENTY, chat_per_second=0.01, chat_burst=2, group_per_minute=20)
    assert await leaving_at_once(pace, ["-4001"] * 50) == 20
    assert await leaving_at_once(pace, ["-4002"] * 50) == 20
    assert await leaving_at_once(pace, ["5001"] * 50) == 2


async def test_a_pause_holds_back_everybody() -> None:
    """Nobody leaves, whoever is asked; another channel has a pace of its own."""
    pace, other = (Pace(10, PLENTY, 1000, PLENTY) for _ in range(2))
    assert await leaving_at_once(pace, people(3)) == 3
    pace.pause(60)
    assert await leaving_at_once(pace, people(3)) == 0
    assert await leaving_at_once(other, people(3)) == 3


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """The channel's longest wish counts."""
    pace = Pace(10, PLENTY, 1000, PLENTY)
    pace.pause(60)
    pace.pause(0)
    assert await leaving_at_once(pace, people(3)) == 0


async def test_a_pause_does_not_end_in_a_burst() -> None:
    """Who waited for its end leaves within the budget, as before it."""
    pace = Pace(20, PLENTY, 1000, PLENTY)
    pace.pause(0.3)
    waiting = [asyncio.create_task(pace.wait(person)) for person in people(50)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0)
    assert sum(task.done() for task in waiting) <= 20
    for task in waiting:
        task.cancel()


async def test_urgent_parcels_pass_those_that_wait() -> None:
    """A crisis card does not stand at the end of the queue."""
    pace = Pace(5, PLENTY, 1000, PLENTY)
    left: list[str] = []

    async def leave(name: str, *, urgent: bool) -> None:
        await pace.wait(name, urgent=urgent)
        left.append(name)

    assert await leaving_at_once(pace, people(50)) == 5
    ordinary = [asyncio.create_task(leave(person, urgent=False)) for person in people(3)]
    await asyncio.sleep(0)
    await leave("112", urgent=True)
    await asyncio.gather(*ordinary)
    assert left == ["112", *people(3)]


async def test_a_chat_that_used_its_burst_is_remembered() -> None:
    """However many chats there are; those that may send everything again are forgotten."""
    pace = Pace(10 * PLENTY, chat_per_second=0.001, chat_burst=2, group_per_minute=1)
    assert await leaving_at_once(pace, ["5001"] * 20) == 2
    assert await leaving_at_once(pace, people(10_001)) == 10_000
    assert await leaving_at_once(pace, ["5001"] * 20) == 0
