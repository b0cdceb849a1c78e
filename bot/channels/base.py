"""What every channel is: a way to render a reply into parcels and to send a parcel.

A parcel is one call to the channel, as JSON bytes; it is rendered before it is queued, so that
what waits in the outbox is exactly what will be sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from handlers.reply import Reply
from handlers.turn import Inbound


class DeliveryError(Exception):
    """The channel did not take the parcel."""

    def __init__(self, reason: str) -> None:
        self.reason = reason[:80]
        super().__init__(self.reason)


class Later(DeliveryError):
    """Try again after so many seconds: a rate limit, an outage, a refused connection."""

    def __init__(self, reason: str, seconds: float = 0.0, whole_channel: bool = False) -> None:
        self.seconds = seconds
        self.whole_channel = whole_channel
        super().__init__(reason)


class Gone(DeliveryError):
    """The person can't be reached any more: blocked, unsubscribed, deleted."""


class Refused(DeliveryError):
    """The channel will never take this parcel: our mistake, shown to the team."""


class Unknown(DeliveryError):
    """Nobody answered in time. It may have been sent; it is never called sent."""


class Moved(DeliveryError):
    """The chat has a new address (a group became a supergroup)."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__("moved")


@dataclass(frozen=True)
class Receipt:
    """What the channel says of a parcel it took. `billing` is Viber's billing_status."""

    external_id: str = ""
    billing: int | None = None


@dataclass(frozen=True)
class Letter:
    """A parcel with what a channel has to know to send it."""

    address: str
    parcel: bytes
    author: str
    created_at: datetime
    last_inbound_at: datetime
    sent_since_inbound: int
    """Parcels sent to this address since the person last wrote, within the last hour."""


class Channel(Protocol):
    """One channel. `is_local` channels need no sending: a committed reply is already there."""

    name: str
    is_local: bool

    def render(self, reply: Reply) -> tuple[bytes, ...]:
        """The parcels of a reply, in order."""

    def acknowledge(self, inbound: Inbound) -> tuple[bytes, ...]:
        """Parcels that must go before the replies, such as the answer to a button press."""

    async def send(self, letter: Letter, now: datetime) -> Receipt:
        """Send one parcel, or raise a DeliveryError."""

    async def close(self) -> None:
        """Close connections."""
