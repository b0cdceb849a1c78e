"""Something to say, channel-neutral. What a channel can't show degrades in bot/channels."""

import msgspec
from msgspec import Struct

from handlers.action import Action


class Block(Struct, frozen=True, tag=True):
    """One piece of a reply. All texts are plain: each channel escapes them its own way."""


class Heading(Block, frozen=True):
    """A title line."""

    text: str


class Paragraph(Block, frozen=True):
    """A paragraph; `small` ones are asides such as the date of the last check."""

    text: str
    small: bool = False


class Listing(Block, frozen=True):
    """A list, numbered where the order matters, with an optional label above."""

    items: tuple[str, ...]
    numbered: bool = False
    label: str = ""


class Field(Block, frozen=True):
    """A labelled fact on one line: "Cost: free"."""

    label: str
    text: str


class Call(Block, frozen=True):
    """Somebody to call or write to. `phone` is as people read it, `tel` as a phone dials it."""

    name: str
    phone: str = ""
    tel: str = ""
    sms: bool = False
    email: str = ""
    web: str = ""
    about: str = ""
    is_open: bool = False


class Link(Block, frozen=True):
    """A web page, shown with a label."""

    url: str
    label: str = ""


AnyBlock = Heading | Paragraph | Listing | Field | Call | Link


class Button(Struct, frozen=True):
    """A button under a reply; pressing it comes back as the action."""

    label: str
    action: str

    @classmethod
    def of(cls, label: str, action: Action) -> "Button":
        """A button for an action."""
        return cls(label, action.encode())


class Reply(Struct, frozen=True):
    """One thing to say.

    `entry` is the id of the topic shown, for the transcript. `urgent` replies leave before
    those of other people. `asks_place` offers to share a location where the channel can.
    """

    blocks: tuple[AnyBlock, ...]
    lang: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    entry: str = ""
    urgent: bool = False
    asks_place: str = ""
    """The label of the button that shares a location; empty: none is asked for."""

    def but(self, **changes: object) -> "Reply":
        """The reply with some things changed."""
        return msgspec.structs.replace(self, **changes)
