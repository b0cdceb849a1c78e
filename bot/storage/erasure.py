"""Removes a person from every table."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.contacts import EMPTY
from bot.storage.tables import cases, contacts, inbox, messages, outbox, receipts


async def erase_contact(connection: AsyncConnection, contact_id: int) -> None:
    """Remove everything of a contact but its address, which the last reply still needs.

    forget_contact removes that too, once the reply is said.
    """
    row = (
        await connection.execute(
            select(contacts.c.channel, contacts.c.address).where(contacts.c.id == contact_id)
        )
    ).one()
    for table in (outbox, messages, cases):
        await connection.execute(delete(table).where(table.c.contact_id == contact_id))
    # What the person sent after this still waits: it is answered, and belongs to a new contact.
    # Without address and words an answered row says only that this delivery was seen: the last
    # press delivered again must not make the person known anew. (The numbers of the web chat
    # hold the address, so there the rows go.)
    theirs = (
        inbox.c.channel == row.channel,
        inbox.c.address == row.address,
        inbox.c.state != "waiting",
    )
    if row.channel == "webchat":
        await connection.execute(delete(inbox).where(*theirs))
    else:
        await connection.execute(update(inbox).where(*theirs).values(address="", payload=b""))
    await connection.execute(
        update(contacts).where(contacts.c.id == contact_id).values(state=EMPTY, revision=0)
    )


async def forget_contact(
    connection: AsyncConnection, contact_id: int, unless_after: datetime
) -> None:
    """Remove an erased contact itself, unless the person wrote again after that moment."""
    await connection.execute(
        delete(contacts).where(
            contacts.c.id == contact_id, contacts.c.last_inbound_at <= unless_after
        )
    )


async def remove_old(connection: AsyncConnection, before: datetime) -> int:
    """Remove contacts who have not written since, with all of theirs; how many they were.

    Answered inbox rows go with them: they are kept only to know repeated deliveries.
    """
    await connection.execute(
        delete(inbox).where(inbox.c.received_at < before, inbox.c.state != "waiting")
    )
    # Receipts of parcels that never were ours, such as a welcome said in the webhook's answer.
    await connection.execute(delete(receipts).where(receipts.c.at < before))
    removed = await connection.execute(delete(contacts).where(contacts.c.last_inbound_at < before))
    return removed.rowcount
