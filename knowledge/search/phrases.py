"""Finds curated phrases in a message whatever its alphabet, endings and small typos.

A phrase is words in order: `stem*` is any word that begins so, `(a|b*)` any of these, `..` up
to four words between; elsewhere one word may stand between. The matching needs no model.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from knowledge.search.normalise import skeleton, typed_skeletons

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
    is_latin: bool = False
    """Written in Latin letters: then only words typed in Latin letters are meant."""
    is_strict: bool = False
    """The only word of its phrase: then no letter may be wrong."""

    def allowed_typos(self) -> int:
        """How many letters may be wrong: none in short words, where a letter changes the sense."""
        if self.is_strict or len(self.form) < 6:
            return 0
        return 1 if len(self.form) < 10 else 2

    def fits(self, word: str, *, is_latin: bool = True) -> bool:
        """Whether a word's skeleton is this one, but for the allowed typos."""
        if self.is_latin and not is_latin:
            return False
        if word == self.form or (self.is_open and word.startswith(self.form)):
            return True
        typos, size = self.allowed_typos(), len(self.form)
        if not typos or len(word) < size - typos or word[0] != self.form[0]:
            return False
        if not self.is_open:
            return OSA.distance(word, self.form, score_cutoff=typos) <= typos
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
    elements = _ELEMENT.findall(source.lower())
    is_alone = len(elements) == 1
    for element in elements:
        if element == "..":
            reach = _GAP
            continue
        options = element[1:-1].split("|") if element.startswith("(") else [element]
        stems = tuple(_read_stem(option.strip(), is_alone) for option in options)
        if not all(stem.form for stem in stems):
            raise PhraseError(f"“{source}”: “{element}” has no letters")
        steps.append(Step(stems, reach))
        reach = _NEAR
    if not steps:
        raise PhraseError(f"“{source}” has no words")
    return Phrase(source, tuple(steps))


def _read_stem(option: str, is_alone: bool) -> Stem:
    form = skeleton(option.rstrip("*").replace("'", "").replace("’", ""))
    is_latin = any("a" <= letter <= "z" for letter in option)
    return Stem(form, option.endswith("*"), is_latin, is_alone)


class PhraseBook:
    """Many phrases, looked for together; immutable after building."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.phrases = tuple(read_phrase(source) for source in sources)
        # A phrase is looked at only when a stem of its rarest step stands in the message.
        steps = [step for phrase in self.phrases for step in phrase.steps]
        uses = Counter(stem for step in steps for stem in step.stems)
        self._starts: dict[Stem, list[int]] = defaultdict(list)
        for number, phrase in enumerate(self.phrases):
            rarest = min(phrase.steps, key=lambda step: sum(uses[stem] for stem in step.stems))
            for stem in rarest.stems:
                self._starts[stem].append(number)
        self._by_letter: dict[str, list[Stem]] = defaultdict(list)
        for stem in uses:
            self._by_letter[stem.form[0]].append(stem)
        self._stems_of = lru_cache(maxsize=20_000)(self._find_stems)

    def find(self, text: str) -> Phrase | None:
        """The first phrase the text holds, or None."""
        places: dict[Stem, list[int]] = defaultdict(list)
        for place, (word, is_latin) in enumerate(typed_skeletons(text)):
            for stem in self._stems_of(word, is_latin):
                places[stem].append(place)
        worth_looking = {number for stem in places for number in self._starts.get(stem, ())}
        return next(
            (
                self.phrases[number]
                for number in sorted(worth_looking)
                if _stands(self.phrases[number], places)
            ),
            None,
        )

    def _find_stems(self, word: str, is_latin: bool) -> tuple[Stem, ...]:
        near = self._by_letter.get(word[0], ())
        return tuple(stem for stem in near if stem.fits(word, is_latin=is_latin))


def _stands(phrase: Phrase, places: Mapping[Stem, Sequence[int]]) -> bool:
    """Whether the steps of a phrase stand in order, each within reach of the one before."""
    ends: set[int] | None = None
    for step in phrase.steps:
        here = {place for stem in step.stems for place in places.get(stem, ())}
        if ends is not None:
            reach = step.reach
            here = {place for place in here if any(0 < place - end <= reach + 1 for end in ends)}
        if not here:
            return False
        ends = here
    return True
