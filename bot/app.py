"""Chooses everything real, in one place: the database, the channels, the knowledge, the worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog

from bot.channels.base import Channel
from bot.channels.telegram import Telegram
from bot.channels.viber import Viber
from bot.channels.webchat import WebChat
from bot.delivery.inbox import Inbox
from bot.delivery.outbox import Sender
from bot.delivery.pace import Pace
from bot.delivery.pipeline import House, Pipeline
from bot.delivery.polling import poll
from bot.delivery.wakeups import Wakeups, relay
from bot.delivery.worker import Worker
from bot.logs import where
from bot.settings import Settings
from bot.storage.database import Database
from knowledge.files import CONTENT, read_content
from knowledge.languages import LANGS, Lang
from knowledge.places.hours import Hours
from knowledge.search.build import load_or_build
from knowledge.snapshot import Snapshot

TELEGRAM_PATH = "/webhooks/telegram"
VIBER_PATH = "/webhooks/viber"

log = structlog.get_logger()


def utc_now() -> datetime:
    """The time; everything below is handed this function, so that tests can hand another."""
    return datetime.now(UTC)


def load_knowledge(settings: Settings, langs: tuple[Lang, ...] = LANGS) -> Snapshot:
    """Read the content and load or build its search; slow on the very first start only."""
    content = read_content(settings.content_dir or CONTENT, langs)
    search = load_or_build(content, settings.var_dir)
    # The phrasings have done their work; a serving process need not carry forty thousand lines.
    return Snapshot(replace(content, phrasings={}, outside={}, lines={}), search)


def open_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that have a token, and the web chat, which needs none."""
    channels: dict[str, Channel] = {"webchat": WebChat()}
    if settings.telegram_token:
        channels["telegram"] = Telegram(
            settings.telegram_token.get_secret_value(), str(settings.telegram_api_url)
        )
    if settings.viber_token:
        channels["viber"] = Viber(
            settings.viber_token.get_secret_value(),
            str(settings.viber_api_url),
            settings.viber_name,
            str(settings.viber_avatar) if settings.viber_avatar else None,
        )
    return channels


def paces(settings: Settings) -> dict[str, Pace]:
    """One budget for each channel that limits how fast one may send."""
    return {
        "telegram": Pace(
            settings.telegram_rate,
            settings.telegram_chat_rate,
            settings.telegram_chat_burst,
            settings.telegram_group_rate,
        ),
        "viber": Pace(settings.viber_rate, settings.viber_rate, 10, 60),
    }


@dataclass
class Helpline:
    """Everything that runs, put together."""

    settings: Settings
    knowledge: Snapshot
    database: Database
    channels: Mapping[str, Channel]
    wakeups: Wakeups
    inbox: Inbox
    pipeline: Pipeline
    worker: Worker
    clock: Callable[[], datetime]
    stopping: asyncio.Event

    @classmethod
    def of(
        cls,
        settings: Settings,
        knowledge: Snapshot,
        clock: Callable[[], datetime] = utc_now,
    ) -> "Helpline":
        """Put everything together; nothing runs yet."""
        database = Database(settings.database_url)
        channels = open_channels(settings)
        wakeups = Wakeups()
        house = House(
            service=Hours(settings.service_hours),
            kept_days=settings.kept_days,
            privacy_contact=settings.privacy_contact,
            attempts=settings.attempts,
        )
        pipeline = Pipeline(database, channels, lambda: knowledge, house, wakeups, clock)
        sender = Sender(database, channels, paces(settings), wakeups, clock)
        return cls(
            settings=settings,
            knowledge=knowledge,
            database=database,
            channels=channels,
            wakeups=wakeups,
            inbox=Inbox(database, wakeups, clock),
            pipeline=pipeline,
            worker=Worker(database, pipeline, sender, wakeups, clock, settings.kept_days),
            clock=clock,
            stopping=asyncio.Event(),
        )

    @property
    def telegram(self) -> Telegram | None:
        """The Telegram channel, if it is configured."""
        channel = self.channels.get("telegram")
        return channel if isinstance(channel, Telegram) else None

    @property
    def viber(self) -> Viber | None:
        """The Viber channel, if it is configured."""
        channel = self.channels.get("viber")
        return channel if isinstance(channel, Viber) else None

    @asynccontextmanager
    async def running(self, *, works: bool, listens: bool) -> AsyncIterator[None]:
        """Run in the background: `works` answers and sends, `listens` talks to the channels."""
        tasks = [asyncio.create_task(relay(self.database, self.wakeups))]
        worker = asyncio.create_task(self.worker.run()) if works else None
        if listens:
            tasks.append(asyncio.create_task(self._listen()))
        try:
            yield
        finally:
            self.end_streams()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if worker:
                self.worker.stop()
                await worker
            for channel in self.channels.values():
                await channel.close()
            await self.database.close()

    def end_streams(self) -> None:
        """Let the streams of open pages end; the pages connect again to the next process."""
        self.stopping.set()
        self.wakeups.wake_all()

    async def _listen(self) -> None:
        """Let both channels call us; one that is away does not hold up the other."""
        await asyncio.gather(self._listen_to_telegram(), self._listen_to_viber())

    async def _listen_to_telegram(self) -> None:
        """Set the webhook, or poll when nobody can call us. Tries until it works."""
        if self.telegram is None:
            return
        await _until_done(self.telegram.register, "telegram_commands")
        if self.settings.public_url:
            url = self.settings.base_url() + TELEGRAM_PATH
            secret = self.settings.webhook_secret()
            await _until_done(partial(self.telegram.set_webhook, url, secret), "telegram_webhook")
        else:
            await _until_done(self.telegram.remove_webhook, "telegram_webhook")
            await poll(self.telegram, self.inbox, self.clock)

    async def _listen_to_viber(self) -> None:
        if self.viber:
            url = self.settings.base_url() + VIBER_PATH
            await _until_done(partial(self.viber.set_webhook, url), "viber_webhook")


async def _until_done(work: Callable[[], Awaitable[None]], name: str) -> None:
    pause = 1.0
    while True:
        try:
            await work()
        except Exception as error:
            log.warning("not_set", kind=name, error=type(error).__name__, where=where(error))
            await asyncio.sleep(pause)
            pause = min(60.0, pause * 2)
        else:
            log.info("set", kind=name)
            return
