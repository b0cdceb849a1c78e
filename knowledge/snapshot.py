"""One immutable published knowledge base: what a turn is answered from. Swapped whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from knowledge.entries import Contact, CrisisCard, CrisisKind, Entry
from knowledge.files import Content
from knowledge.search.crisis import CrisisFinder
from knowledge.search.engine import Engine


@dataclass(frozen=True)
class Snapshot:
    """The content, and what finds things in it."""

    content: Content
    search: Engine

    @cached_property
    def crisis(self) -> CrisisFinder:
        """The curated crisis phrases of this content."""
        return CrisisFinder(self.content.rules)

    def entry(self, topic: str, on: date) -> Entry | None:
        """The entry of a topic, if there is one and it is valid on that day."""
        entry = self.content.entries.get(topic)
        return entry if entry and entry.is_served_on(on) else None

    def theme(self, theme: str, on: date) -> tuple[Entry, ...]:
        """The served entries of a theme, in the order of their ids."""
        return tuple(
            entry
            for entry in self.content.entries.values()
            if entry.theme == theme and entry.is_served_on(on)
        )

    def contacts(self, ids: tuple[str, ...]) -> tuple[Contact, ...]:
        """The contact lines with these ids, in this order."""
        return tuple(self.content.contacts[id] for id in ids if id in self.content.contacts)

    @property
    def cards(self) -> Mapping[CrisisKind, CrisisCard]:
        """What is said at once in each kind of crisis."""
        return self.content.cards

    def card_of_topic(self, topic: str) -> CrisisKind | None:
        """The crisis kind whose card belongs to a topic."""
        return next((kind for kind, card in self.cards.items() if card.topic == topic), None)
