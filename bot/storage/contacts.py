"""Contacts and the state of their conversation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import contacts
from handlers.turn import Conversation

EMPTY = msgspec.json.encode(Conversation())

Key = tuple[str, str]
"""Channel and address."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Known:
    """A contact as stored."""

    id: int
    channel: str
    address: str
    conversation: Conversation
    revision: int
    reachable: bool
    last_inbound_at: datetime


async def load_or_create(
    connection: AsyncConnection, keys: Sequence[Key], now: datetime
) -> dict[Key, Known]:
    """The contacts of these keys, locked for this transaction; new ones are made."""
    found = await load(connection, keys, lock=True)
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if not missing:
        return found
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    await connection.execute(
        insert(contacts).on_conflict_do_nothing(index_elements=["channel", "address"]),
        [
            {
                "channel": channel,
                "address": address,
                "state": EMPTY,
                "revision": 0,
                "reachable": True,
                "created_at": now,
                "last_inbound_at": now,
            }
            for channel, address in sorted(missing)
        ],
    )
    return found | await load(connection, missing, lock=True)


async def load(
    connection: AsyncConnection, keys: Sequence[Key], *, lock: bool = False
) -> dict[Key, Known]:
    """The contacts of these keys that exist."""
    query = select(contacts).where(
        tuple_(contacts.c.channel, contacts.c.address).in_(list(dict.fromkeys(keys)))
    )
    if lock and connection.dialect.name == "postgresql":
        query = query.order_by(contacts.c.id).with_for_update()
    rows = (await connection.execute(query)).all()
    return {
        (row.channel, row.address): Known(
            row.id,
            row.channel,
            row.address,
            _conversation(row),
            row.revision,
            row.reachable,
            row.last_inbound_at,
        )
        for row in rows
    }


def _conversation(row: Row[Any]) -> Conversation:
    """The stored state; one that can't be read begins anew, so that nobody else has to wait."""
    try:
        return msgspec.json.decode(row.state, type=Conversation)
    except msgspec.DecodeError:
        log.error("state_unreadable", contact=row.id)
        return Conversation()
