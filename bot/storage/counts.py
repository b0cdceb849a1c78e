"""How often something happened on a day. No person, no words."""

from collections import Counter
from datetime import date

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import counts

Counted = tuple[str, str, str]
"""Name (crisis, answer, helped …), value (a kind or topic) and language."""


async def add_counts(connection: AsyncConnection, day: date, found: Counter[Counted]) -> None:
    """Add to the counts of a day."""
    if not found:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(counts)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "name", "value", "lang"],
            set_={"count": counts.c.count + statement.excluded.count},
        ),
        [
            {"day": day.isoformat(), "name": name, "value": value, "lang": lang, "count": number}
            for (name, value, lang), number in sorted(found.items())
        ],
    )
