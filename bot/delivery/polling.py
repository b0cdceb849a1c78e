"""Asks Telegram for updates when it can't call us. The offset moves after the commit."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.channels.telegram import Telegram, parse
from bot.delivery.inbox import Inbox
from bot.logs import where

log = structlog.get_logger()


async def poll(telegram: Telegram, inbox: Inbox, clock: Callable[[], datetime]) -> None:
    """Take updates for ever. Asking with an offset is what tells Telegram that we have them."""
    offset: int | None = None
    pause = 1.0
    while True:
        try:
            updates = await telegram.updates(offset)
            parsed = (parse(update, clock()) for update in updates)
            await inbox.accept([inbound for inbound in parsed if inbound])
        except Exception as error:
            log.warning("polling_failed", error=type(error).__name__, where=where(error))
            await asyncio.sleep(pause)
            pause = min(30.0, pause * 2)
            continue
        pause = 1.0
        if updates:
            offset = max(update["update_id"] for update in updates) + 1
