"""Builds the search of a content and keeps it in a file keyed by the content's hash.

Building trains with scikit-learn in a process of its own, so that the serving process never
pays for it; loading is two seconds at most. A damaged or stale file is rebuilt, never trusted.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.entries import CrisisCard
from knowledge.files import Content, read_content
from knowledge.languages import Lang, is_lang
from knowledge.search.calibrate import Calibration
from knowledge.search.caution import Caution
from knowledge.search.engine import Engine, labelled_lines
from knowledge.search.features import SPACE, features
from knowledge.search.language_id import LanguageId, learnt_counts
from knowledge.search.rank import Ranker, idf_of, quantise, vector_values

Column = NDArray[np.float32]

FORMAT = 2
"""Raised whenever features, training or the file change: older files are then rebuilt."""


def fingerprint(content: Content) -> str:
    """A hash of everything the search is built from, and of this format."""
    lines = labelled_lines(content.phrasings, content.outside)
    crisis = sorted(card.topic for card in content.cards.values())
    code = [
        (Path(__file__).parent / name).read_text(encoding="utf-8")
        for name in ("build.py", "features.py", "normalise.py", "rank.py", "language_id.py")
    ]
    told = json.dumps([FORMAT, lines, crisis, code, list(content.langs)], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def load_or_build(content: Content, folder: Path) -> Engine:
    """The engine of a content, from its file in `folder` if it is there and whole."""
    key = fingerprint(content)
    path = folder / f"search-{key[:16]}.npz"
    try:
        return load(path, key, content)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    _build_aside(content, path)
    for old in folder.glob("search-*.npz"):
        if old != path:
            old.unlink(missing_ok=True)
    return load(path, key, content)


def _build_aside(content: Content, path: Path) -> None:
    subprocess.run(  # noqa: S603 - our own interpreter and our own module
        [
            sys.executable,
            "-m",
            "knowledge.search.build",
            str(content.folder),
            str(path),
            ",".join(content.langs),
        ],
        check=True,
    )


def load(path: Path, key: str, content: Content) -> Engine:
    """Read an engine from its file; ValueError if it is not the one of this key."""
    with np.load(path, allow_pickle=False) as stored:
        head = json.loads(str(stored["head"]))
        if head["key"] != key:
            raise ValueError("the file was built from other content")
        ranker = Ranker(
            labels=tuple(head["labels"]),
            idf=stored["idf"],
            weights=stored["weights"],
            scales=stored["scales"],
            bias=stored["bias"],
        )
    if ranker.weights.shape != (SPACE, len(ranker.labels)):
        raise ValueError("the file has another shape")
    return Engine(
        ranker,
        Calibration(),
        LanguageId(head["grams"]),
        crisis_topics(content.cards.values()),
        Caution.of(content.elsewhere, content.unlawful, content.entries),
    )


def crisis_topics(cards: Iterable[CrisisCard]) -> frozenset[str]:
    """The topics whose recognition shows a crisis card."""
    return frozenset(card.topic for card in cards)


def build(content: Content, path: Path) -> None:
    """Train on all phrasings of a content and write the file, whole or not at all."""
    lines = labelled_lines(content.phrasings, content.outside)
    texts, labels = [line[0] for line in lines], [line[1] for line in lines]
    ranker = train(texts, labels, show_progress)
    by_language: dict[Lang, list[str]] = {lang: [] for lang in content.langs}
    for text, _, lang in lines:
        by_language[lang].append(text)
    head = {
        "key": fingerprint(content),
        "labels": ranker.labels,
        "grams": learnt_counts(by_language),
    }
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        np.savez(
            part,
            head=np.array(json.dumps(head, ensure_ascii=False)),
            idf=ranker.idf,
            weights=ranker.weights,
            scales=ranker.scales,
            bias=ranker.bias,
        )
    Path(part.name).replace(path)


def silent(_: int, __: int) -> None:
    """Progress that nobody watches."""


def show_progress(done: int, of: int) -> None:
    """Progress on standard error, a line for each quarter."""
    if done % max(1, of // 4) == 0:
        print(f"  building the search: {done} of {of}", file=sys.stderr, flush=True)


def train(texts: list[str], labels: list[str], tell: Callable[[int, int], None] = silent) -> Ranker:
    """A linear classifier over the texts; deterministic. `tell` hears how many labels are done."""
    from joblib import Parallel, delayed
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    idf = idf_of(texts)
    indices, values, starts = [], [], [0]
    for text in texts:
        found, term = features(text)
        indices.append(found)
        values.append(vector_values(term, idf[found]))
        starts.append(starts[-1] + len(found))
    matrix = csr_matrix(
        (np.concatenate(values).astype(np.float64), np.concatenate(indices), starts),
        shape=(len(texts), SPACE),
    )
    names = tuple(sorted(set(labels)))
    numbers = np.array([names.index(label) for label in labels])

    def fit(number: int) -> tuple[Column, float]:
        classifier = LinearSVC(C=1.0, tol=0.02, random_state=0)
        classifier.fit(matrix, numbers == number)
        tell(number + 1, len(names))
        return classifier.coef_[0].astype(np.float32), float(classifier.intercept_[0])

    # One label against all others, side by side: liblinear lets other threads run.
    fitted = Parallel(n_jobs=-1, prefer="threads")(delayed(fit)(n) for n in range(len(names)))
    weights, scales = quantise(np.stack([column for column, _ in fitted], axis=1))
    bias = np.array([bias for _, bias in fitted], dtype=np.float32)
    return Ranker(names, idf, weights, scales, bias)


def main() -> None:
    """`python -m knowledge.search.build CONTENT FILE LANGS`, run by load_or_build."""
    folder, path, langs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(",")
    build(read_content(folder, tuple(lang for lang in langs if is_lang(lang))), path)


if __name__ == "__main__":
    main()
