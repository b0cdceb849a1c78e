"""Runs the `helpline` command and kills it at a line that carries `# kill-point: MARKER`.

    python -m tests.kill_at MARKER [COUNT] -- serve

The process dies by SIGKILL when the line is about to run for the COUNT-th time (else the first).
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import bot
from bot.cli import main as helpline

COMMENT = "# kill-point: "
SOURCES = Path(bot.__file__).parent


def kill_points() -> dict[str, list[tuple[Path, int]]]:
    """Every marker in the product, with the lines it stands on."""
    found: dict[str, list[tuple[Path, int]]] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            _, comment, marker = line.partition(COMMENT)
            if comment:
                found.setdefault(marker.strip(), []).append((path, number))
    return found


class Death:
    """A trace function that waits for its line."""

    def __init__(self, marker: str, count: int) -> None:
        ((path, self._line),) = kill_points()[marker]
        self._file, self._left = str(path), count

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        """Follow only what runs in the file of the marker."""
        return self._step if frame.f_code.co_filename == self._file else None

    def _step(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and frame.f_lineno == self._line:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._step


def main(arguments: Sequence[str]) -> None:
    """Run the command after `--`, watched for the marker before it, if there is one."""
    split = list(arguments).index("--")
    if split:
        marker, *count = arguments[:split]
        death = Death(marker, int(count[0]) if count else 1)
        threading.settrace(death)
        sys.settrace(death)
    sys.argv = ["helpline", *arguments[split + 1 :]]
    helpline()


if __name__ == "__main__":
    main(sys.argv[1:])
