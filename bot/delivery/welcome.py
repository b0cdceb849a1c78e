"""Viber's conversation_started: answered in the body of the webhook, not through the outbox."""

from datetime import datetime

import msgspec
from sqlalchemy import update

from bot.channels.base import Channel
from bot.delivery.pipeline import Pipeline
from bot.storage.contacts import load_or_create
from bot.storage.database import Database
from bot.storage.tables import contacts
from handlers.reply import Reply
from handlers.router import decide
from handlers.turn import Inbound


async def welcome(
    database: Database, pipeline: Pipeline, channel: Channel, inbound: Inbound, now: datetime
) -> bytes | None:
    """The one parcel to return, and the conversation saved as greeted so it is not said twice.

    A repeated event answers the same again: it is Viber's repetition, seen once by the person.
    """
    key = (inbound.channel, inbound.contact)
    async with database.write() as connection:
        known = (await load_or_create(connection, [key], now))[key]
        outcome = decide(await pipeline.turn(connection, inbound, known, now))
        state = msgspec.json.encode(outcome.conversation)
        await connection.execute(
            update(contacts).where(contacts.c.id == known.id).values(state=state)
        )
    parcels = channel.render(_as_one(outcome.replies)) if outcome.replies else ()
    return parcels[0] if parcels else None


def _as_one(replies: tuple[Reply, ...]) -> Reply:
    blocks = tuple(block for reply in replies for block in reply.blocks)
    return replies[-1].but(blocks=blocks)
