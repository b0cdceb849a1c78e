"""Which of the four languages a message is in: letters that only one has, then n-grams.

The n-grams are learnt from the phrasings, which also hold Ukrainian and Russian typed in Latin
letters and Polish without diacritics. The language chosen before is the prior.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from knowledge.languages import Lang
from knowledge.search.normalise import words

_OWN_LETTERS: dict[Lang, frozenset[str]] = {
    "uk": frozenset("іїєґ"),
    "ru": frozenset("ыэъё"),
    "pl": frozenset("ąćęłńśźż"),
}
_OWN_LETTER_WEIGHT = 3.0
_CLEAR = 4.0
"""By how much (natural logarithm) another language must be more probable than the prior."""
_PER_WORD = 0.8
"""A longer message in another language is clearer: its words must agree on average."""
_MAX_NGRAM = 4


class LanguageId:
    """Tells languages apart; immutable after building."""

    def __init__(self, counts: Mapping[Lang, Mapping[str, int]]) -> None:
        vocabulary = {gram for grams in counts.values() for gram in grams}
        self.langs: tuple[Lang, ...] = tuple(counts)
        self._unseen: dict[Lang, float] = {}
        self._logs: dict[Lang, dict[str, float]] = {}
        for lang, grams in counts.items():
            total = sum(grams.values()) + len(vocabulary) + 1
            self._unseen[lang] = -math.log(total)
            self._logs[lang] = {
                gram: math.log((count + 1) / total) for gram, count in grams.items()
            }

    @classmethod
    def learn(cls, texts: Mapping[Lang, Sequence[str]]) -> "LanguageId":
        """Learn from messages of each language."""
        return cls({lang: count_grams(texts[lang]) for lang in texts})

    def scores(self, text: str) -> dict[Lang, float]:
        """How well each language explains the text, in natural logarithms."""
        grams = Counter(_grams(text))
        scores = {
            lang: sum(
                times * self._logs[lang].get(gram, self._unseen[lang])
                for gram, times in grams.items()
            )
            / _MAX_NGRAM
            for lang in self.langs
        }
        lowered = text.lower()
        for lang, letters in _OWN_LETTERS.items():
            if lang in scores:
                scores[lang] += _OWN_LETTER_WEIGHT * sum(char in letters for char in lowered)
        return scores

    def detect(self, text: str, prior: Lang | None) -> Lang | None:
        """The language of a text if it is clear, else the prior, else the most probable.

        None when the text has no letters and there is no prior.
        """
        found = words(text)
        if not any(char.isalpha() for word in found for char in word) or not self.langs:
            return prior
        scores = self.scores(text)
        best = max(scores, key=lambda lang: scores[lang])
        if prior is None or prior not in scores or best == prior:
            return best
        lead = scores[best] - scores[prior]
        return best if lead > max(_CLEAR, _PER_WORD * len(found)) else prior


def count_grams(texts: Sequence[str], most: int = 12_000) -> dict[str, int]:
    """The most frequent character n-grams of texts and how often they occur."""
    counts = Counter(gram for text in texts for gram in _grams(text))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _grams(text: str) -> Iterator[str]:
    for word in words(text):
        padded = f" {word} "
        for size in range(1, _MAX_NGRAM + 1):
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]
