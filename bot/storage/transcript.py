"""What was said with a contact, as it may be shown to them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import contacts, messages


@dataclass(frozen=True)
class Message:
    """One line of the transcript; `body` is an Inbound or a Reply as JSON."""

    id: int
    author: str
    external_id: str | None
    body: bytes
    at: datetime


async def shown_after(
    connection: AsyncConnection, channel: str, address: str, after: int, most: int
) -> list[Message]:
    """What is visible after a message, oldest first."""
    query = (
        _visible(channel, address).where(messages.c.id > after).order_by(messages.c.id).limit(most)
    )
    return [Message(*row) for row in (await connection.execute(query)).all()]


async def shown_before(
    connection: AsyncConnection, channel: str, address: str, before: int | None, most: int
) -> list[Message]:
    """The last messages before one (or of all), oldest first."""
    query = _visible(channel, address).order_by(messages.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(messages.c.id < before)
    return [Message(*row) for row in reversed((await connection.execute(query)).all())]


def _visible(channel: str, address: str) -> Select[Any]:
    return (
        select(
            messages.c.id,
            messages.c.author,
            messages.c.external_id,
            messages.c.body,
            messages.c.at,
        )
        .join(contacts, contacts.c.id == messages.c.contact_id)
        .where(contacts.c.channel == channel, contacts.c.address == address, messages.c.visible)
    )
