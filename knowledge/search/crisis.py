"""Recognises a crisis by curated phrases alone: no model, no network."""

from knowledge.entries import CrisisKind
from knowledge.files import CrisisRules
from knowledge.search.phrases import PhraseBook


class CrisisFinder:
    """All crisis phrases of one content; immutable."""

    def __init__(self, rules: tuple[CrisisRules, ...]) -> None:
        # Phrases of all languages are looked for together: people mix languages when they hurry.
        self._books = tuple(
            (
                rule.kind,
                PhraseBook(phrase for phrases in rule.phrases.values() for phrase in phrases),
                PhraseBook(phrase for phrases in rule.unless.values() for phrase in phrases),
            )
            for rule in rules
        )

    def find(self, text: str) -> CrisisKind | None:
        """The first kind of crisis a message holds, in the order the content lists them."""
        for kind, phrases, unless in self._books:
            if phrases.find(text) and not unless.find(text):
                return kind
        return None
