"""From scores to probabilities, and the thresholds between answer, choices and unsure.

A wrong answer costs far more than a choice, so the threshold of an answer is set where few
held-out phrasings are answered wrongly, not where most are answered (docs/search.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """How scores become probabilities and what they must reach. Probabilities are 0 to 1."""

    temperature: float = 6.0
    answer: float = 0.30
    choices: float = 0.15
    human: float = 0.35
    outside: float = 0.30
    crisis: float = 0.40
    fluent: float = -7.8
    """A fluency (language_id.fluency) from which the keyboard layout is not doubted."""
    layout_lead: float = 1.0
    longest: int = 1500
    """Characters of a message that are looked at."""

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of all labels from their decision values."""
        powers = np.exp((scores - scores.max()) * self.temperature)
        return np.asarray(powers / powers.sum(), dtype=np.float32)
