"""How long to wait before trying again, and when to give up. One policy each, in one place."""

from datetime import timedelta
from typing import Final

SEND_ATTEMPTS: Final = 12
"""Later is tried so many times (about three hours with the pauses below), then refused."""

UNKNOWN_ATTEMPTS: Final = 2
"""A bot reply whose sending nobody confirmed is said once more: silence is worse than a repeat."""

UNKNOWN_PAUSE: Final = timedelta(seconds=10)


def handler_pause(attempts: int) -> timedelta:
    """Before a failed inbound is handled again: 1, 2, 4, 8 … seconds, at most a minute."""
    return timedelta(seconds=min(60, 2 ** max(0, attempts - 1)))


def send_pause(attempts: int, asked: float) -> timedelta:
    """Before a parcel is sent again: what the channel asked for, or 2, 4, 8 … at most 30 min."""
    return timedelta(seconds=asked or min(1800.0, 2.0**attempts))
