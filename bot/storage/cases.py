"""Cases: conversations that need a person. The states and their transitions are here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import cases, contacts, messages
from handlers.turn import CaseState

OPEN = (CaseState.WAITING, CaseState.TAKEN)


@dataclass(frozen=True)
class CaseRow:
    """A case as listed: no text of anybody."""

    id: int
    state: str
    reason: str
    lang: str
    channel: str
    opened_at: datetime
    messages: int


async def open_case(
    connection: AsyncConnection, contact_id: int, reason: str, lang: str, now: datetime
) -> bool:
    """Open a waiting case unless one is open; whether a new one was made."""
    existing = select(cases.c.id).where(cases.c.contact_id == contact_id, cases.c.state.in_(OPEN))
    if (await connection.execute(existing)).first():
        return False
    await connection.execute(
        insert(cases).values(
            contact_id=contact_id,
            state=CaseState.WAITING,
            reason=reason,
            lang=lang,
            opened_at=now,
        )
    )
    return True


async def close_cases(connection: AsyncConnection, contact_id: int, now: datetime) -> None:
    """Close the waiting case of a contact: the person does not want it any more."""
    await connection.execute(
        update(cases)
        .where(cases.c.contact_id == contact_id, cases.c.state == CaseState.WAITING)
        .values(state=CaseState.CLOSED, closed_at=now)
    )


async def list_cases(connection: AsyncConnection, *, closed: bool = False) -> list[CaseRow]:
    """Cases, the longest waiting first, with how many messages the transcript has."""
    counted = (
        select(messages.c.contact_id, func.count().label("messages"))
        .group_by(messages.c.contact_id)
        .subquery()
    )
    query = (
        select(cases, contacts.c.channel, func.coalesce(counted.c.messages, 0).label("messages"))
        .join(contacts, contacts.c.id == cases.c.contact_id)
        .outerjoin(counted, counted.c.contact_id == cases.c.contact_id)
        .order_by(cases.c.opened_at, cases.c.id)
    )
    if not closed:
        query = query.where(cases.c.state.in_(OPEN))
    return [
        CaseRow(row.id, row.state, row.reason, row.lang, row.channel, row.opened_at, row.messages)
        for row in (await connection.execute(query)).all()
    ]
