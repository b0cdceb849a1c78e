"""A turn and its outcome: the only things handlers take and return."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from handlers.action import Action, Name, decode
from handlers.reply import Reply
from handlers.translate import Translator, translator
from knowledge.languages import Lang
from knowledge.places.hours import POLAND, Hours
from knowledge.search.engine import Finding
from knowledge.snapshot import Snapshot


class Kind(StrEnum):
    """What sort of thing a contact sent."""

    TEXT = "text"
    COMMAND = "command"
    ACTION = "action"
    LOCATION = "location"
    PHONE = "phone"
    ATTACHMENT = "attachment"
    STARTED = "started"
    EDITED = "edited"
    UNSUPPORTED = "unsupported"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    MOVED = "moved"


class Attachment(Struct, frozen=True):
    """A reference to a file that stays with the channel until an operator opens it.

    `kind` is photo, voice, video, audio, document, sticker or animation; `size` in bytes.
    """

    kind: str
    reference: str
    name: str = ""
    mime: str = ""
    size: int | None = None
    album: str = ""


class Inbound(Struct, frozen=True):
    """One thing a contact sent, whatever the channel.

    `external_id` is unique in the channel: a repeated delivery has the same. `contact` is the
    channel's id of the person. Latitude and longitude are degrees (WGS 84).
    """

    channel: str
    external_id: str
    contact: str
    kind: Kind
    at: datetime
    text: str = ""
    argument: str = ""
    """What follows a command, a deep link's parameter, or the new address after a move."""
    latitude: float | None = None
    longitude: float | None = None
    attachment: Attachment | None = None
    device_lang: str = ""
    callback: str = ""
    """The id of a button press that must be acknowledged."""
    message: str = ""
    """The channel's id of the message meant: the one edited, or the one a button stood under."""
    group: bool = False

    @property
    def action(self) -> Action | None:
        """The pressed button, if it is one of ours."""
        return decode(self.text) if self.kind is Kind.ACTION else None


class CaseState(StrEnum):
    """Whether a person of the hotline is needed; the transitions are in bot/storage/cases."""

    NONE = "none"
    WAITING = "waiting"
    TAKEN = "taken"
    CLOSED = "closed"


class Conversation(Struct, frozen=True):
    """Where a conversation stands. Everything the next turn has to know."""

    lang: Lang | None = None
    greeted: bool = False
    case: CaseState = CaseState.NONE
    topic: str = ""
    """The topic last answered."""
    offered: tuple[str, ...] = ()
    """The topics last offered as choices."""
    rated: tuple[str, ...] = ()
    """Topics the person has said 👍 or 👎 to: each is asked once."""
    unsure: int = 0
    """How many messages in a row found no answer."""
    switch_offered: Lang | None = None
    """The language last offered; not offered again."""
    album: str = ""
    """The album last answered: its photos come one by one and are answered once."""
    erasing: bool = False
    """Whether /delete has been asked and not yet confirmed."""

    def but(self, **changes: object) -> "Conversation":
        """The conversation with some things changed."""
        return msgspec.structs.replace(self, **changes)


class Turn(Struct, frozen=True):
    """One inbound to be answered: it, the conversation as it stood, the time, the knowledge."""

    inbound: Inbound
    conversation: Conversation
    now: datetime
    knowledge: Snapshot
    service: Hours
    lang: Lang
    """The language to answer in."""
    finding: Callable[[], Finding]
    """What the search says of the text; asked once and remembered, by whoever needs it first."""
    kept_days: int = 30
    kept_messages: int = 0
    """How many messages of this conversation are stored now, for /privacy."""
    privacy_contact: str = ""

    def in_language(self, lang: Lang) -> "Turn":
        """The same turn, answered in another language."""
        return msgspec.structs.replace(self, lang=lang)

    @property
    def t(self) -> Translator:
        """The texts in the language of this turn."""
        return translator(self.lang)

    @property
    def action(self) -> Action | None:
        """The pressed button, if any."""
        return self.inbound.action

    @property
    def today(self) -> date:
        """The day in Poland."""
        return self.now.astimezone(POLAND).date()

    def pressed(self, *names: Name) -> bool:
        """Whether one of these buttons was pressed."""
        return self.action is not None and self.action.name in names

    def commanded(self, *commands: str) -> bool:
        """Whether one of these commands was given, such as "help"."""
        return self.inbound.kind is Kind.COMMAND and self.inbound.text in commands

    @property
    def words(self) -> str:
        """What the person wrote, if it is something to understand: a text or a caption."""
        kinds = (Kind.TEXT, Kind.EDITED, Kind.ATTACHMENT)
        return self.inbound.text.strip() if self.inbound.kind in kinds else ""


class Effect(Struct, frozen=True, tag=True):
    """Something to do that is not saying. bot/delivery/effects carries it out."""


class OpenCase(Effect, frozen=True):
    """A person of the hotline is needed; `reason` is asked, crisis or failed."""

    reason: str


class CloseCase(Effect, frozen=True):
    """The person does not want to wait any longer."""


class RecordFeedback(Effect, frozen=True):
    """Whether an answer helped."""

    topic: str
    helped: bool


class RecordCrisis(Effect, frozen=True):
    """Count a crisis: its kind and nothing else is kept."""

    kind: str


class Erase(Effect, frozen=True):
    """Remove the person and everything of theirs, after the replies are said."""


class SetReachable(Effect, frozen=True):
    """The person blocked or unblocked us."""

    reachable: bool


class MoveContact(Effect, frozen=True):
    """The contact has a new address in the channel (a group became a supergroup)."""

    address: str


AnyEffect = (
    OpenCase | CloseCase | RecordFeedback | RecordCrisis | Erase | SetReachable | MoveContact
)


class Verdict(Struct, frozen=True):
    """How a message was understood: what `helpline ask --jsonl` prints and statistics count.

    `kind` is answer, choices, unsure, crisis, human or smalltalk; `score` is a probability.
    """

    kind: str
    topics: tuple[str, ...] = ()
    score: float = 0.0


class Outcome(Struct, frozen=True):
    """What a handler decided: the conversation afterwards, what to say, what to do."""

    conversation: Conversation
    replies: tuple[Reply, ...] = ()
    effects: tuple[AnyEffect, ...] = ()
    verdict: Verdict | None = None

    def but(self, **changes: object) -> "Outcome":
        """The outcome with some things changed."""
        return msgspec.structs.replace(self, **changes)


Handler = Callable[[Turn], Outcome | None]
"""Decides one turn, or leaves it to the next handler with None."""
