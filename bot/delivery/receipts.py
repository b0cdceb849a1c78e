"""What Viber tells later of a sent parcel: delivered, seen or failed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database import Database
from bot.storage.tables import outbox, receipts

TIMES = {"delivered": "delivered_at", "seen": "seen_at"}


async def record_receipt(
    database: Database, channel: str, external_id: str, kind: str, now: datetime
) -> None:
    """Write a receipt to its parcel, or keep it until the parcel is marked as sent."""
    async with database.write() as connection:
        if await _apply(connection, channel, external_id, kind, now):
            return
        insert = sqlite.insert if database.is_sqlite else postgresql.insert
        row = {"channel": channel, "external_id": external_id, "kind": kind, "at": now}
        await connection.execute(insert(receipts).values(row).on_conflict_do_nothing())


async def take_up_receipts(connection: AsyncConnection, external_ids: Sequence[str]) -> None:
    """Apply receipts that came before their parcels were marked."""
    wanted = [external_id for external_id in external_ids if external_id]
    if not wanted:
        return
    query = select(receipts).where(receipts.c.external_id.in_(wanted))
    for row in (await connection.execute(query)).all():
        if await _apply(connection, row.channel, row.external_id, row.kind, row.at):
            await connection.execute(
                delete(receipts).where(
                    receipts.c.channel == row.channel,
                    receipts.c.external_id == row.external_id,
                    receipts.c.kind == row.kind,
                )
            )


async def _apply(
    connection: AsyncConnection, channel: str, external_id: str, kind: str, at: datetime
) -> bool:
    values: dict[str, Any] = {TIMES[kind]: at} if kind in TIMES else {}
    values = values or {"state": "refused", "reason": kind}
    done = await connection.execute(
        update(outbox)
        .where(outbox.c.channel == channel, outbox.c.external_id == external_id)
        .values(values)
    )
    return bool(done.rowcount)
