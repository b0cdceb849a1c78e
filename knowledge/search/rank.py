"""Scores every topic for a message: one linear model over all languages.

Training is scikit-learn's and happens aside (build.py); answering is one gather and one sum
over the rows of the message's features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.search.features import SPACE, features

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Ranker:
    """Weights of every feature for every label. Arrays are read only."""

    labels: tuple[str, ...]
    idf: NDArray[np.float32]
    weights: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, text: str) -> Scores:
        """A decision value per label; shape (labels,)."""
        indices, term = features(text)
        if not len(indices):
            return self.bias.copy()
        values = vector_values(term, self.idf[indices])
        rows = self.weights[indices].astype(np.float32)
        return (values @ rows) * self.scales + self.bias


def vector_values(term: NDArray[np.float32], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    """Term weights times idf, scaled to length 1."""
    values = term * idf
    length = float(np.sqrt((values * values).sum()))
    return values / length if length else values


def quantise(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (features, labels) as bytes with one scale per label: an eighth of the memory."""
    scales = np.abs(weights).max(axis=0) / 127
    scales[scales == 0] = 1
    return np.round(weights / scales).astype(np.int8), scales.astype(np.float32)


def idf_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """Smoothed inverse document frequency of each feature, 0 for those never seen."""
    counts = np.zeros(SPACE, dtype=np.float32)
    for text in texts:
        indices, _ = features(text)
        counts[np.unique(indices)] += 1
    idf = np.log((1 + len(texts)) / (1 + counts)) + 1
    idf[counts == 0] = 0
    return idf.astype(np.float32)
