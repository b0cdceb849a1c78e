"""Asks Telegram for updates when it can't call us. The offset moves after the commit."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from bot.channels.telegram import Telegram, parse
from bot.delivery.inbox import Inbox
from bot.logs import where
from handlers.turn import Inbound

log = structlog.get_logger()


def _parsed(update: dict[str, Any], now: datetime) -> Inbound | None:
    """One update; a fault of ours in reading it must not keep the others from being taken."""
    try:
        return parse(update, now)
    except Exception as error:
        log.error("update_not_parsed", error=type(error).__name__, where=where(error))
        return None


async def poll(telegram: Telegram, inbox: Inbox, clock: Callable[[], datetime]) -> None:
    """Take updates for ever. Asking with an offset is what tells Telegram that we have them."""
    offset: int | None = None
    pause = 1.0
    while True:
        try:
            updates = await telegram.updates(offset)
            parsed = (_parsed(update, clock()) for update in updates)
            await inbox.accept([inbound for inbound in parsed if inbound])
        except Exception as error:
            log.warning("polling_failed", error=type(error).__name__, where=where(error))
            await asyncio.sleep(pause)
            pause = min(30.0, pause * 2)
            continue
        pause = 1.0
        if updates:
            offset = max(update["update_id"] for update in updates) + 1
