"""One budget for everything sent: per bot, per chat, per group. Limits of Telegram and Viber."""

import asyncio
import time

from aiolimiter import AsyncLimiter

_FORGET = 10_000
_LESS = 0.999


class Pace:
    """Waits until a parcel may leave. `pause` holds back a whole channel or one chat."""

    def __init__(
        self,
        per_second: float,
        chat_per_second: float,
        chat_burst: int,
        group_per_minute: float,
    ) -> None:
        self._all = AsyncLimiter(max(1.0, per_second), max(1.0, per_second) / per_second)
        self._chat_rate, self._chat_burst = chat_per_second, chat_burst
        self._group_rate = group_per_minute
        self._chats: dict[str, AsyncLimiter] = {}
        self._paused_until = 0.0

    async def wait(self, address: str, *, urgent: bool = False) -> None:
        """Return when the next parcel to this address may leave; urgent ones pass all others."""
        await self._of(address).acquire()
        # The limiter serves the smallest amount first.
        amount = _LESS if urgent else 1
        await self._all.acquire(amount)
        while (rest := self._paused_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)
            # What the limiter let through meanwhile must not leave in one burst now.
            await self._all.acquire(amount)

    def pause(self, seconds: float) -> None:
        """Hold everything back: the channel said 429 for the whole bot."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def _of(self, address: str) -> AsyncLimiter:
        if len(self._chats) > _FORGET:
            self._chats = {
                known: limiter
                for known, limiter in self._chats.items()
                if not limiter.has_capacity(limiter.max_rate)
            }
        return self._chats.setdefault(address, self._new(address))

    def _new(self, address: str) -> AsyncLimiter:
        if address.startswith("-"):
            return AsyncLimiter(self._group_rate, 60)
        return AsyncLimiter(self._chat_burst, self._chat_burst / self._chat_rate)
