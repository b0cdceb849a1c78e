"""What came in is committed here before the channel hears that we have it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy.dialects import postgresql, sqlite

from bot.delivery.batch import Batcher
from bot.delivery.wakeups import INBOX, Wakeups, notify
from bot.storage.database import Database
from bot.storage.tables import inbox
from handlers.turn import Inbound

WAITING, DONE, PARKED = "waiting", "done", "parked"


class Inbox:
    """Takes inbounds. Those that arrive together share one commit."""

    def __init__(self, database: Database, wakeups: Wakeups, clock: Callable[[], datetime]) -> None:
        self._database, self._wakeups, self._clock = database, wakeups, clock
        self._batcher = Batcher(self._write)

    async def accept(self, inbounds: Sequence[Inbound]) -> None:
        """Return when all are committed; a repeated one changes nothing. Raises if they aren't."""
        await self._batcher.put(inbounds)

    async def _write(self, inbounds: Sequence[Inbound]) -> None:
        now = self._clock()
        rows = [
            {
                "channel": inbound.channel,
                "external_id": inbound.external_id,
                "address": inbound.contact,
                "payload": msgspec.json.encode(inbound),
                "state": WAITING,
                "attempts": 0,
                "next_at": now,
                "received_at": now,
            }
            for inbound in inbounds
        ]
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        async with self._database.write() as connection:
            statement = insert(inbox).on_conflict_do_nothing(
                index_elements=["channel", "external_id"]
            )
            await connection.execute(statement, rows)
            await notify(connection, [INBOX])  # kill-point: intake-before-commit
        # Committed: from here on a crash loses nothing, so the channel may hear 200.
        self._wakeups.wake([INBOX])  # kill-point: intake-committed
