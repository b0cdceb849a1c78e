"""Writes what was said into the transcript, and what must be sent into the outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.base import Channel
from bot.delivery.wakeups import OUTBOX, chat
from bot.storage.contacts import Known
from bot.storage.tables import messages, outbox
from handlers.reply import Reply
from handlers.turn import Inbound

URGENT, ORDINARY = 0, 5
"""Order among people when the rate is short: crisis cards leave before everything else."""

FAREWELL = timedelta(minutes=2)
"""How long an erased web chat still shows that it was erased."""


@dataclass(frozen=True)
class Said:
    """One thing for the transcript, for the outbox, or both."""

    contact: Known
    author: str
    body: bytes | None = None
    external_id: str = ""
    shown: bool = True
    """Whether the person's own page may show it: not what nobody could read."""
    reply_to_send: Reply | None = None
    parcels: tuple[bytes, ...] = ()
    erases: bool = False

    @classmethod
    def inbound(cls, contact: Known, inbound: Inbound) -> "Said":
        """What a person sent. Where they are is used and not kept."""
        kept = msgspec.structs.replace(inbound, latitude=None, longitude=None, callback="")
        return cls(contact, "contact", msgspec.json.encode(kept), inbound.external_id)

    @classmethod
    def kept(cls, contact: Known, payload: bytes, external_id: str) -> "Said":
        """What a person sent and nobody could handle, as it came."""
        return cls(contact, "contact", payload, external_id, shown=False)

    @classmethod
    def reply(
        cls, contact: Known, reply: Reply, channel: Channel, *, erases: bool = False
    ) -> "Said":
        """What the bot says, rendered for its channel."""
        body, parcels = msgspec.json.encode(reply), channel.render(reply)
        return cls(contact, "bot", body, reply_to_send=reply, parcels=parcels, erases=erases)

    @classmethod
    def acknowledgement(cls, contact: Known, parcel: bytes) -> "Said":
        """A parcel that is no message, such as the answer to a button press."""
        return cls(contact, "bot", parcels=(parcel,))


async def queue_replies(
    connection: AsyncConnection,
    channels: Mapping[str, Channel],
    said: Sequence[Said],
    now: datetime,
) -> set[str]:
    """Write transcript and outbox; the names to wake once this is committed."""
    if not said:
        return set()
    numbered = await _write_messages(connection, channels, said, now)
    rows = [
        row
        for item, number in numbered
        for row in _outbox_rows(channels[item.contact.channel], item, number, now)
    ]
    if rows:
        await connection.execute(insert(outbox), rows)
    return {
        chat(item.contact.address) if channels[item.contact.channel].is_local else OUTBOX
        for item in said
    }


async def _write_messages(
    connection: AsyncConnection,
    channels: Mapping[str, Channel],
    said: Sequence[Said],
    now: datetime,
) -> list[tuple[Said, int | None]]:
    told = [item for item in said if item.body is not None]
    if not told:
        return [(item, None) for item in said]
    result = await connection.execute(
        insert(messages).returning(messages.c.id, sort_by_parameter_order=True),
        [
            {
                "contact_id": item.contact.id,
                "direction": "in" if item.author == "contact" else "out",
                "author": item.author,
                "external_id": item.external_id or None,
                "body": item.body,
                "entry": (item.reply_to_send.entry or None) if item.reply_to_send else None,
                "at": now,
                "visible": item.shown
                and (item.author == "contact" or channels[item.contact.channel].is_local),
            }
            for item in told
        ],
    )
    numbers = iter(result.scalars().all())
    return [(item, next(numbers) if item.body is not None else None) for item in said]


def _outbox_rows(
    channel: Channel, item: Said, message_id: int | None, now: datetime
) -> list[dict[str, Any]]:
    reply = item.reply_to_send
    parcels, due = item.parcels, now
    if channel.is_local and item.erases:
        # Nothing is sent, but the row ends the contact when its time has come.
        parcels, due = (b"",), now + FAREWELL
    rows = [
        {
            "contact_id": item.contact.id,
            "message_id": message_id,
            "channel": channel.name,
            "address": item.contact.address,
            "parcel": parcel,
            "author": item.author,
            "revision": item.contact.revision,
            "priority": URGENT if reply and reply.urgent else ORDINARY,
            "state": "queued",
            "attempts": 0,
            "next_at": due,
            "created_at": now,
            "erases": False,
        }
        for parcel in parcels
    ]
    if rows and item.erases:
        rows[-1]["erases"] = True
    return rows
