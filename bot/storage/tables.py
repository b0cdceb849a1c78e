"""The tables. What they hold is said in docs/architecture.md; migrations/ makes them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows itself only in a column of type INTEGER."""


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC. SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _id() -> Column[int]:
    # Numbers are never given twice (sqlite_autoincrement below): a page that has seen message
    # 7 asks for what came after 7, also when 7 was erased meanwhile.
    return Column("id", BigId, primary_key=True, autoincrement=True)


contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("channel", String(16), nullable=False),
    Column("address", String(128), nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False, default=0),
    Column("reachable", Boolean, nullable=False, default=True),
    Column("created_at", Moment, nullable=False),
    Column("last_inbound_at", Moment, nullable=False),
    UniqueConstraint("channel", "address"),
    Index("ix_contacts_last_inbound_at", "last_inbound_at"),
    sqlite_autoincrement=True,
)
"""A person as one channel knows them, and the state of the one conversation with them.

One row, not two: a contact has exactly one conversation. `state` is the handlers' Conversation
as JSON; `revision` grows with everything that could make a queued bot reply wrong.
"""

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("channel", String(16), nullable=False),
    Column("external_id", String(160), nullable=False),
    Column("address", String(128), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("error", String(80)),
    UniqueConstraint("channel", "external_id"),
    Index("ix_inbox_waiting", "state", "channel", "address", "id"),
    sqlite_autoincrement=True,
)
"""What came in and waits to be answered; a row is kept for a while to know repeats."""

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("direction", String(3), nullable=False),
    Column("author", String(12), nullable=False),
    Column("external_id", String(160)),
    Column("body", LargeBinary, nullable=False),
    Column("entry", String(64)),
    Column("at", Moment, nullable=False),
    Column("visible", Boolean, nullable=False),
    Index("ix_messages_contact", "contact_id", "id"),
    sqlite_autoincrement=True,
)
"""The transcript: an Inbound or a Reply as JSON. `visible` once it was sent (or came in)."""

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", BigId, ForeignKey("messages.id", ondelete="CASCADE")),
    Column("channel", String(16), nullable=False),
    Column("address", String(128), nullable=False),
    Column("parcel", LargeBinary, nullable=False),
    Column("author", String(12), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(80)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("delivered_at", Moment),
    Column("seen_at", Moment),
    Column("external_id", String(64)),
    Column("billing", Integer),
    Column("erases", Boolean, nullable=False, default=False),
    Index("ix_outbox_waiting", "state", "channel", "contact_id", "id"),
    Index("ix_outbox_external", "channel", "external_id"),
    sqlite_autoincrement=True,
)
"""What is to be sent, one row a call to the channel. `billing` is Viber's billing_status."""

cases = Table(
    "cases",
    metadata,
    _id(),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("lang", String(2), nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index("ix_cases_state", "state", "opened_at"),
    Index("ix_cases_contact", "contact_id"),
    sqlite_autoincrement=True,
)
"""Conversations that need a person, or have or had one."""

receipts = Table(
    "receipts",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("external_id", String(64), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("at", Moment, nullable=False),
)
"""What a channel told of a parcel before its sending was marked; taken up by the marking."""

counts = Table(
    "counts",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("name", String(24), primary_key=True),
    Column("value", String(64), primary_key=True),
    Column("lang", String(2), primary_key=True),
    Column("count", Integer, nullable=False),
)
"""How often something happened on a day: crises by kind, answers by topic, 👍 and 👎. No person."""
