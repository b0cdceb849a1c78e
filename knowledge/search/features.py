"""What of a message the ranking sees: hashed words, word pairs and character n-grams.

All are taken from skeletons (normalise.py), so that one model serves four languages, typed in
any alphabet. Hashing needs no dictionary: the model is two arrays.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from knowledge.search.normalise import skeletons

SPACE = 1 << 17
"""Number of hashed features."""

STEM = 5
"""Letters of a word's skeleton that carry its sense; endings of uk, ru and pl come after."""

NGRAMS = (3, 4, 5)
CHAR_WEIGHT = 1.0
WORD_WEIGHT = 1.0

Indices = NDArray[np.int64]
Weights = NDArray[np.float32]


def features(text: str) -> tuple[Indices, Weights]:
    """Feature numbers of a text and their term weights (before idf), each group of length 1."""
    found = skeletons(text)
    char_indices, char_weights = _group(_char_ngrams(found), CHAR_WEIGHT)
    word_indices, word_weights = _group(_words(found), WORD_WEIGHT)
    return (
        np.concatenate([char_indices, word_indices]),
        np.concatenate([char_weights, word_weights]),
    )


def _group(names: Iterator[str], weight: float) -> tuple[Indices, Weights]:
    counts = Counter(crc32(name.encode()) % SPACE for name in names)
    indices = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    weights = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
    weights = 1 + np.log(weights) if len(weights) else weights
    return indices, (weights * weight).astype(np.float32)


def _char_ngrams(found: Sequence[str]) -> Iterator[str]:
    for word in found:
        padded = f" {word} "
        for size in NGRAMS:
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


def _words(found: Sequence[str]) -> Iterator[str]:
    stems = [word[:STEM] for word in found]
    for word in found:
        yield f"w:{word}"
    for stem in stems:
        yield f"s:{stem}"
    for first, second in pairwise(stems):
        yield f"b:{first} {second}"
