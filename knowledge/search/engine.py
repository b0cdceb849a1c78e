"""The one door of the search: a question and the chosen language → a finding.

Deterministic, without network, immutable after building, safe to share between tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from knowledge.languages import Lang
from knowledge.search.calibrate import Calibration
from knowledge.search.caution import Caution
from knowledge.search.language_id import LanguageId
from knowledge.search.normalise import other_layouts
from knowledge.search.rank import Ranker

OUTSIDE_PREFIX = "outside:"
"""Labels of messages that belong to no topic: outside:human, outside:greeting, …"""

MOST_CHOICES = 4


class FindingKind(StrEnum):
    """What the search makes of a message."""

    ANSWER = "answer"
    CHOICES = "choices"
    UNSURE = "unsure"
    CRISIS = "crisis"
    HUMAN = "human"
    ERASE = "erase"
    SMALLTALK = "smalltalk"


class Smalltalk(StrEnum):
    """Kinds of small talk; the values are the names of files in content/questions."""

    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    ACKNOWLEDGEMENT = "acknowledgement"
    ABOUT_BOT = "about-bot"
    RUDE = "rude"


@dataclass(frozen=True)
class Finding:
    """What was found: topics best first, the probability of the best, and why."""

    kind: FindingKind
    topics: tuple[str, ...]
    lang: Lang
    score: float
    smalltalk: Smalltalk | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranked:
    """Probabilities of all labels for one reading of a message."""

    text: str
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]

    @property
    def best(self) -> str:
        """The most probable label."""
        return self.labels[int(self.probabilities.argmax())]

    def of(self, label: str) -> float:
        """The probability of a label; 0 for one the model does not have."""
        return float(self.probabilities[self.labels.index(label)]) if label in self.labels else 0.0

    def topics(self, most: int) -> tuple[tuple[str, float], ...]:
        """The most probable topics, best first."""
        order = np.argsort(-self.probabilities, kind="stable")
        found = (
            (self.labels[index], float(self.probabilities[index]))
            for index in order
            if not self.labels[index].startswith(OUTSIDE_PREFIX)
        )
        return tuple(item for item, _ in zip(found, range(most), strict=False))

    def outside(self) -> float:
        """The probability that the message belongs to no topic."""
        return float(
            sum(
                probability
                for label, probability in zip(self.labels, self.probabilities, strict=True)
                if label.startswith(OUTSIDE_PREFIX)
            )
        )


@dataclass(frozen=True)
class Engine:
    """The search over one content."""

    ranker: Ranker
    calibration: Calibration
    language_id: LanguageId
    crisis_topics: frozenset[str]
    caution: Caution

    def ask(self, text: str, lang: Lang) -> Finding:
        """What a message is about. `lang` is the language to fall back on."""
        ranked = self.rank(text)
        spoken = self.language_id.detect(text, lang) or lang
        return self._careful(text, self._judge(ranked, spoken))

    def _careful(self, text: str, finding: Finding) -> Finding:
        """Less than an answer where another country's rules or something unlawful may be meant."""
        if finding.kind not in (FindingKind.ANSWER, FindingKind.CHOICES):
            return finding
        phrase = self.caution.is_unlawful(text)
        if phrase:
            evidence = (*finding.evidence, f"unlawful: {phrase}")
            return replace(finding, kind=FindingKind.UNSURE, evidence=evidence)
        phrase = self.caution.names_another_country(text, finding.topics[0])
        if phrase:
            evidence = (*finding.evidence, f"names another country: {phrase}")
            return replace(finding, kind=FindingKind.CHOICES, evidence=evidence)
        return finding

    def rank(self, text: str) -> Ranked:
        """The probabilities of all labels, for the keyboard layout that makes most sense."""
        shortened = text[: self.calibration.longest]
        return self._ranked(self._best_layout(shortened))

    def _best_layout(self, text: str) -> str:
        fluency = self.language_id.fluency(text)
        if fluency >= self.calibration.fluent:
            return text
        others = [(self.language_id.fluency(other), other) for other in other_layouts(text)]
        best = max(others, default=(fluency, text))
        return best[1] if best[0] > fluency + self.calibration.layout_lead else text

    def _ranked(self, text: str) -> Ranked:
        scores = self.ranker.scores(text)
        return Ranked(text, self.ranker.labels, self.calibration.probabilities(scores))

    def _judge(self, ranked: Ranked, lang: Lang) -> Finding:
        topics = ranked.topics(MOST_CHOICES)
        ids = tuple(topic for topic, _ in topics)
        limits = self.calibration
        crisis = sum(ranked.of(topic) for topic in self.crisis_topics)
        evidence = self._evidence(ranked)
        if crisis >= limits.crisis:
            best = max(sorted(self.crisis_topics), key=ranked.of)
            return Finding(FindingKind.CRISIS, (best,), lang, crisis, evidence=evidence)
        outside = self._outside(ranked, lang, evidence)
        if outside is not None:
            return outside
        top = topics[0][1] if topics else 0.0
        if top >= limits.answer and top > ranked.outside():
            return Finding(FindingKind.ANSWER, ids, lang, top, evidence=evidence)
        within = sum(probability for _, probability in topics)
        if within >= limits.choices and top > 0:
            return Finding(FindingKind.CHOICES, ids, lang, top, evidence=evidence)
        return Finding(FindingKind.UNSURE, ids, lang, top, evidence=evidence)

    def _outside(self, ranked: Ranked, lang: Lang, evidence: tuple[str, ...]) -> Finding | None:
        human = ranked.of(f"{OUTSIDE_PREFIX}human")
        if human >= self.calibration.human:
            return Finding(FindingKind.HUMAN, (), lang, human, evidence=evidence)
        best = ranked.best
        score = ranked.of(best)
        if not best.startswith(OUTSIDE_PREFIX) or score < self.calibration.outside:
            return None
        name = best.removeprefix(OUTSIDE_PREFIX)
        if name == FindingKind.ERASE:
            return Finding(FindingKind.ERASE, (), lang, score, evidence=evidence)
        if name in Smalltalk.__members__.values():
            kind = Smalltalk(name)
            return Finding(FindingKind.SMALLTALK, (), lang, score, kind, evidence)
        return None

    def _evidence(self, ranked: Ranked) -> tuple[str, ...]:
        order = np.argsort(-ranked.probabilities, kind="stable")[:5]
        return tuple(f"{ranked.labels[index]} {ranked.probabilities[index]:.2f}" for index in order)


def labelled_lines(
    phrasings: Mapping[str, Mapping[Lang, tuple[str, ...]]],
    outside: Mapping[str, Mapping[Lang, tuple[str, ...]]],
) -> list[tuple[str, str, Lang]]:
    """Every line a person wrote for the search: text, label and language, in a fixed order."""
    named = {**phrasings, **{OUTSIDE_PREFIX + kind: lines for kind, lines in outside.items()}}
    return [
        (text, label, lang)
        for label in sorted(named)
        for lang, texts in named[label].items()
        for text in texts
    ]
