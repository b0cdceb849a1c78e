"""The schema and the first things asked of it, on both databases."""

from bot.storage.contacts import load_or_create
from bot.storage.database import Database
from bot.storage.migrate import differences
from handlers.turn import Conversation
from tests.conftest import MONDAY


async def test_the_migrations_make_the_tables(database: Database) -> None:
    """Migrated, a database is exactly what tables.py says."""
    assert await differences(database) == []


async def test_a_contact_is_made_once(database: Database) -> None:
    """The same address gives the same contact, in one call or in two."""
    key = ("telegram", "7")
    async with database.write() as connection:
        first = await load_or_create(connection, [key, key], MONDAY)
    async with database.write() as connection:
        second = await load_or_create(connection, [key], MONDAY)
    assert first == second
    assert first[key].conversation == Conversation()
