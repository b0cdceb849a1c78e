"""The schema and the first things asked of it, on both databases."""

from typing import Any

from sqlalchemy import insert, select

from bot.delivery.receipts import record_receipt, take_up_receipts
from bot.storage.contacts import load_or_create
from bot.storage.database import Database
from bot.storage.migrate import differences
from bot.storage.tables import outbox, receipts
from handlers.turn import Conversation
from tests.conftest import MONDAY


async def test_the_migrations_make_the_tables(database: Database) -> None:
    """Migrated, a database is exactly what tables.py says."""
    assert await differences(database) == []


async def test_a_receipt_may_come_before_its_parcel_is_marked(database: Database) -> None:
    """Viber is sometimes quicker than our own commit; nothing of it is lost."""
    await record_receipt(database, "viber", "4912661846655238145", "delivered", MONDAY)
    async with database.write() as connection:
        key = ("viber", "u")
        known = (await load_or_create(connection, [key], MONDAY))[key]
        await connection.execute(insert(outbox).values(_sent(known.id)))
        await take_up_receipts(connection, ["4912661846655238145"])
    async with database.read() as connection:
        assert (await connection.execute(select(outbox.c.delivered_at))).scalar_one() == MONDAY
        assert (await connection.execute(select(receipts))).all() == []


def _sent(contact_id: int) -> dict[str, Any]:
    return {
        "contact_id": contact_id,
        "channel": "viber",
        "address": "u",
        "parcel": b"{}",
        "author": "bot",
        "revision": 0,
        "priority": 5,
        "state": "sent",
        "next_at": MONDAY,
        "created_at": MONDAY,
        "external_id": "4912661846655238145",
    }


async def test_a_contact_is_made_once(database: Database) -> None:
    """The same address gives the same contact, in one call or in two."""
    key = ("telegram", "7")
    async with database.write() as connection:
        first = await load_or_create(connection, [key, key], MONDAY)
    async with database.write() as connection:
        second = await load_or_create(connection, [key], MONDAY)
    assert first == second
    assert first[key].conversation == Conversation()
