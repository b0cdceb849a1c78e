"""Which of the four languages a message is in: letters that only one has, then n-grams.

The n-grams are learnt from the phrasings, which also hold Ukrainian and Russian typed in Latin
letters and Polish without diacritics. The language chosen before is the prior.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from knowledge.languages import LANGS, Lang, is_lang
from knowledge.search.normalise import typed_in_latin, words

_OWN_LETTERS: dict[Lang, frozenset[str]] = {
    "uk": frozenset("іїєґ"),
    "ru": frozenset("ыэъё"),
    "pl": frozenset("ąćęłńśźż"),
}
_OWN_LETTER_WEIGHT = 3.0
_CLEAR = 4.0
"""By how much (natural logarithm) another language must be more probable than the prior."""
_PER_WORD = 1.2
"""A longer message in another language is clearer: its words must agree on average."""
_MAX_NGRAM = 4
_LATIN = "-latin"


class LanguageId:
    """Tells languages apart; immutable after building.

    Learnt are writings: a language, and Ukrainian and Russian typed in Latin letters ("uk-latin").
    """

    def __init__(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        # A message is asked about three times in one turn: its layout, its language, its answer.
        self._explained = lru_cache(maxsize=8)(self._explain)
        vocabulary = {gram for grams in counts.values() for gram in grams}
        self._writings = {name: name.removesuffix(_LATIN) for name in counts}
        self.langs = tuple(lang for lang in LANGS if lang in self._writings.values())
        self._unseen: dict[str, float] = {}
        self._logs: dict[str, dict[str, float]] = {}
        for name, grams in counts.items():
            total = sum(grams.values()) + len(vocabulary) + 1
            self._unseen[name] = -math.log(total)
            self._logs[name] = {
                gram: math.log((count + 1) / total) for gram, count in grams.items()
            }

    @classmethod
    def learn(cls, texts: Mapping[Lang, Sequence[str]]) -> "LanguageId":
        """Learn from messages of each language."""
        return cls(learnt_counts(texts))

    def fluency(self, text: str) -> float:
        """How likely the n-grams are on average in the language that knows them best.

        About -6 for words people write, -9 for words typed on the wrong keyboard layout.
        """
        scores = self._explained(text)
        count = sum(1 for _ in _grams(text))
        return max(scores.values()) * _MAX_NGRAM / count if scores and count else 0.0

    def scores(self, text: str) -> dict[Lang, float]:
        """How well each language explains the text, in natural logarithms."""
        scores = dict(self._explained(text))
        lowered = text.lower()
        for lang, letters in _OWN_LETTERS.items():
            if lang in scores:
                scores[lang] += _OWN_LETTER_WEIGHT * sum(char in letters for char in lowered)
        return scores

    def _explain(self, text: str) -> Mapping[Lang, float]:
        grams = tuple(_grams(text))
        found: dict[Lang, float] = {}
        for name, lang in self._writings.items():
            known, unseen = self._logs[name], self._unseen[name]
            score = sum([known.get(gram, unseen) for gram in grams]) / _MAX_NGRAM
            if is_lang(lang):
                found[lang] = max(score, found.get(lang, score))
        return found

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


def learnt_counts(texts: Mapping[Lang, Sequence[str]]) -> dict[str, dict[str, int]]:
    """The n-grams of each writing: what a LanguageId is made of, ready to be stored."""
    counts: dict[str, dict[str, int]] = {}
    for lang, lines in texts.items():
        counts[lang] = count_grams(lines)
        if lang in ("uk", "ru"):
            typed = [typed_in_latin(line, russian=lang == "ru") for line in lines]
            counts[lang + _LATIN] = count_grams(typed)
    return counts


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
