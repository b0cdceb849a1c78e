"""Carries out what a handler wanted to happen, inside the transaction of its turn."""

from datetime import datetime

import structlog
from sqlalchemy import exists, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.cases import close_cases, open_case
from bot.storage.contacts import Known
from bot.storage.erasure import erase_contact
from bot.storage.tables import contacts, outbox
from handlers.turn import (
    AnyEffect,
    CloseCase,
    Erase,
    MoveContact,
    OpenCase,
    Outcome,
    SetReachable,
)
from knowledge.languages import Lang

log = structlog.get_logger()


async def carry_out(
    connection: AsyncConnection, contact: Known, outcome: Outcome, lang: Lang, now: datetime
) -> None:
    """All effects of an outcome, in order. RecordCrisis and RecordFeedback are only counted."""
    for effect in outcome.effects:
        await _carry_out(connection, contact, effect, lang, now)


async def _carry_out(
    connection: AsyncConnection, contact: Known, effect: AnyEffect, lang: Lang, now: datetime
) -> None:
    match effect:
        case OpenCase(reason=reason):
            await open_case(connection, contact.id, reason, lang, now)
            log.info("case_opened", contact=contact.id, reason=reason)
        case CloseCase():
            await close_cases(connection, contact.id, now)
        case Erase():
            await erase_contact(connection, contact.id)
            log.info("contact_erased")
        case SetReachable(reachable=reachable):
            await connection.execute(
                update(contacts).where(contacts.c.id == contact.id).values(reachable=reachable)
            )
        case MoveContact(address=address):
            await move_contact(connection, contact.id, address)


async def move_contact(connection: AsyncConnection, contact_id: int, address: str) -> None:
    """Follow a contact to its new address; what waits for it goes there.

    Somebody may have written from the new address before: that contact stays as it is.
    """
    other = contacts.alias()
    is_known = exists().where(other.c.channel == contacts.c.channel, other.c.address == address)
    await connection.execute(
        update(contacts).where(contacts.c.id == contact_id, ~is_known).values(address=address)
    )
    await connection.execute(
        update(outbox)
        .where(outbox.c.contact_id == contact_id, outbox.c.state.in_(["queued", "retry"]))
        .values(address=address)
    )
