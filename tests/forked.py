"""The `helpline` command in processes of their own, forked from one that has imported it.

Importing takes seconds, so a test that starts the command often would mostly wait for that.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.kill_at import main

PATIENCE = 60.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.kill_at"])


class Command:
    """The command in a folder, started again and again."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._process: ForkServerProcess | None = None

    def start(self, *arguments: str, **settings: str) -> None:
        """Begin `python -m tests.kill_at ARGUMENTS`, with some settings of this start only."""
        environment = self._environment | settings
        self._process = _context.Process(target=_run, args=(self._folder, environment, arguments))
        self._process.start()

    async def ended(self) -> int | None:
        """How it ended: the exit code, negative for a signal; None if it goes on."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, PATIENCE)
        return self._process.exitcode

    async def stop(self) -> int | None:
        """Stop it as a deployment does."""
        assert self._process is not None
        self._process.terminate()
        return await self.ended()

    def kill(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    @property
    def log(self) -> str:
        """What all starts have written."""
        path = self._folder / "log"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _run(folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with (folder / "log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    main(arguments)
