"""A channel whose far end is this object: it takes parcels, or fails in the way it is told."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.channels.base import Letter, Receipt
from bot.channels.plain import text_of
from handlers.reply import Reply
from handlers.turn import Inbound

PATIENCE = 10.0
"""Seconds a test waits for what should happen at once."""

Happening = Callable[[], Awaitable[None]]


@dataclass
class FarEnd:
    """Tries, and takes what it is not told to refuse. Its name decides which pace it has."""

    name: str = "telegram"
    is_local: bool = False
    letters: list[Letter] = field(default_factory=list)
    """Every try, in order."""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Address and text of what was taken, in order."""
    refuses: deque[Exception | None] = field(default_factory=deque)
    """What the next tries end with; None is taken."""
    before_taking: Happening | None = None
    """Happens while the bot waits for the answer."""

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()

    def render(self, reply: Reply) -> tuple[bytes, ...]:
        """One parcel for each reply: its text."""
        return (text_of(reply.blocks).encode(),)

    def acknowledge(self, inbound: Inbound) -> tuple[bytes, ...]:
        """A press is acknowledged by its number."""
        return (f"ack {inbound.callback}".encode(),) if inbound.callback else ()

    async def send(self, letter: Letter, now: datetime) -> Receipt:
        """Take a parcel or fail."""
        self.letters.append(letter)
        if self.before_taking:
            await self.before_taking()
        error = self.refuses.popleft() if self.refuses else None
        if error:
            raise error
        self.taken.append((letter.address, letter.parcel.decode()))
        self._changed.set()
        return Receipt(external_id=str(len(self.taken)))

    async def wait_for_taken(self, count: int) -> None:
        """Return when so many parcels are taken."""
        async with asyncio.timeout(PATIENCE):
            while len(self.taken) < count:
                await self._changed.wait()
                self._changed.clear()

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Gate:
    """Holds a far end until it is opened; `reached` is set when somebody stands before it."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        """Wait before the gate."""
        self.reached.set()
        await self.opened.wait()
