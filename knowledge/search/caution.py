"""When even a likely topic is not answered: other countries' rules, and what is against the law."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knowledge.entries import Entry
from knowledge.search.phrases import PhraseBook


@dataclass(frozen=True)
class Caution:
    """Curated phrases beside which an answer becomes a choice, or no answer at all."""

    elsewhere: PhraseBook
    unlawful: PhraseBook
    abroad: frozenset[str]
    """Topics that are about other countries themselves, where naming one says nothing."""

    @classmethod
    def of(
        cls, elsewhere: Iterable[str], unlawful: Iterable[str], entries: Mapping[str, Entry]
    ) -> "Caution":
        """The caution of one content."""
        abroad = frozenset(topic for topic, entry in entries.items() if entry.abroad)
        return cls(PhraseBook(elsewhere), PhraseBook(unlawful), abroad)

    def names_another_country(self, text: str, topic: str) -> str | None:
        """The phrase that names another country, unless the topic is about such."""
        found = None if topic in self.abroad else self.elsewhere.find(text)
        return found.source if found else None

    def is_unlawful(self, text: str) -> str | None:
        """The phrase that asks for what we never help with."""
        found = self.unlawful.find(text)
        return found.source if found else None
