"""Brings the database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from bot.storage.database import Database
from bot.storage.tables import metadata

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x48454C4D


async def migrate(database: Database) -> None:
    """Run all missing migrations; of several processes one works and the others wait."""
    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade)


async def differences(database: Database) -> list[object]:
    """How the database differs from tables.py; empty when it is up to date."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: list(compare_metadata(MigrationContext.configure(sync), metadata))
        )


def _upgrade(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
