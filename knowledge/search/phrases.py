"""Finds curated phrases in a message whatever its alphabet, endings and small typos.

A phrase is words in order: `stem*` is any word that begins so, `(a|b*)` any of these, `..` up
to four words between; elsewhere one word may stand between. The matching needs no model.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from knowledge.search.normalise import skeleton, skeletons

_ELEMENT = re.compile(r"\([^)]*\)|\S+")
_GAP = 4
_NEAR = 1


class PhraseError(ValueError):
    """The phrase can't be read."""


@dataclass(frozen=True)
class Stem:
    """A word to find, as a skeleton; open at its end when it is only a beginning."""

    form: str
    is_open: bool

    def allowed_typos(self) -> int:
        """How many letters may be wrong: none in short words, where a letter changes the sense."""
        return 0 if len(self.form) < 6 else 1 if len(self.form) < 10 else 2

    def fits(self, word: str) -> bool:
        """Whether a word's skeleton is this one, but for the allowed typos."""
        if word == self.form or (self.is_open and word.startswith(self.form)):
            return True
        typos = self.allowed_typos()
        if not typos or not word or word[0] != self.form[0]:
            return False
        if not self.is_open:
            return OSA.distance(word, self.form, score_cutoff=typos) <= typos
        size = len(self.form)
        return any(
            OSA.distance(word[:end], self.form, score_cutoff=typos) <= typos
            for end in {size - 1, size, size + 1}
            if 0 < end <= len(word)
        )


@dataclass(frozen=True)
class Step:
    """One place of a phrase: any of these stems, at most `reach` words after the one before."""

    stems: tuple[Stem, ...]
    reach: int


@dataclass(frozen=True)
class Phrase:
    """A phrase ready to be looked for."""

    source: str
    steps: tuple[Step, ...]


def read_phrase(source: str) -> Phrase:
    """Read one phrase; PhraseError says what is wrong with it."""
    steps: list[Step] = []
    reach = _NEAR
    for element in _ELEMENT.findall(source.lower()):
        if element == "..":
            reach = _GAP
            continue
        options = element[1:-1].split("|") if element.startswith("(") else [element]
        stems = tuple(_read_stem(option.strip()) for option in options)
        if not all(stem.form for stem in stems):
            raise PhraseError(f"“{source}”: “{element}” has no letters")
        steps.append(Step(stems, reach))
        reach = _NEAR
    if not steps:
        raise PhraseError(f"“{source}” has no words")
    return Phrase(source, tuple(steps))


def _read_stem(option: str) -> Stem:
    is_open = option.endswith("*")
    return Stem(skeleton(option.rstrip("*").replace("'", "").replace("’", "")), is_open)


class PhraseBook:
    """Many phrases, looked for together; immutable after building."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.phrases = tuple(read_phrase(source) for source in sources)
        self._stems = {
            stem for phrase in self.phrases for step in phrase.steps for stem in step.stems
        }

    def find(self, text: str) -> Phrase | None:
        """The first phrase the text holds, or None."""
        found = skeletons(text)
        if not found:
            return None
        places = self._places(found)
        return next((phrase for phrase in self.phrases if self._stands(phrase, places)), None)

    def _places(self, found: list[str]) -> dict[Stem, tuple[int, ...]]:
        return {
            stem: tuple(index for index, word in enumerate(found) if stem.fits(word))
            for stem in self._stems
        }

    def _stands(self, phrase: Phrase, places: dict[Stem, tuple[int, ...]]) -> bool:
        ends: set[int] | None = None
        for step in phrase.steps:
            here = {place for stem in step.stems for place in places[stem]}
            if ends is not None:
                here = {
                    place
                    for place in here
                    if any(end < place <= end + 1 + step.reach for end in ends)
                }
            if not here:
                return False
            ends = here
        return True
