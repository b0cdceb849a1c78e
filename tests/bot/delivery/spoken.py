"""What people send and the bot says, short to write, and the rows it becomes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, select, text

from bot.channels.base import Channel
from bot.delivery.queue import Said, queue_replies
from bot.storage.contacts import Known, load_or_create
from bot.storage.database import Database
from handlers.reply import Paragraph, Reply
from handlers.turn import Inbound, Kind
from tests.conftest import MONDAY

OKSANA, PETRO, IRYNA = "5001", "5002", "5003"


def sent(address: str, number: int, kind: Kind = Kind.TEXT, **what: Any) -> Inbound:
    """Something a person sent; the number tells it from everything else."""
    return Inbound("telegram", str(number), address, kind, MONDAY, device_lang="uk", **what)


def wrote(address: str, number: int, text: str = "Дякую!") -> Inbound:
    """A text."""
    return sent(address, number, text=text)


def commanded(address: str, number: int, command: str) -> Inbound:
    """A command, which needs no search."""
    return sent(address, number, Kind.COMMAND, text=command)


def pressed(address: str, number: int, data: str) -> Inbound:
    """A button; its acknowledgement carries the number."""
    return sent(address, number, Kind.ACTION, text=data, callback=str(number))


def reply(text: str, *, urgent: bool = False) -> Reply:
    """Something to say."""
    return Reply((Paragraph(text),), "uk", urgent=urgent)


async def queue(
    database: Database,
    channel: Channel,
    address: str,
    *replies: Reply,
    author: str = "bot",
    erases: bool = False,
    now: datetime = MONDAY,
) -> Known:
    """Put replies into the outbox, as the pipeline or an operator does."""
    key = (channel.name, address)
    async with database.write() as connection:
        contact = (await load_or_create(connection, [key], now))[key]
        said = [
            replace(Said.reply(contact, one, channel, erases=erases), author=author)
            for one in replies
        ]
        await queue_replies(connection, {channel.name: channel}, said, now)
    return contact


async def queue_for_all(
    database: Database, channel: Channel, addresses: Sequence[str], one: Reply
) -> None:
    """The same reply for many people, in one transaction."""
    keys = [(channel.name, address) for address in addresses]
    async with database.write() as connection:
        known = await load_or_create(connection, keys, MONDAY)
        said = [Said.reply(known[key], one, channel) for key in keys]
        await queue_replies(connection, {channel.name: channel}, said, MONDAY)


async def rename(database: Database, table: str, new: str) -> None:
    """Take a table away, so that what needs it fails, or bring it back."""
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {new}"))


async def rows(database: Database, *columns: Column[Any]) -> Sequence[tuple[Any, ...]]:
    """These columns of a table, in the order of the rows' ids."""
    async with database.read() as connection:
        found = await connection.execute(select(*columns).order_by(columns[0].table.c.id))
        return [tuple(row) for row in found.all()]
