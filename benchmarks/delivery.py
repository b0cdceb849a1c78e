"""From the webhook to the send call: rate, delay, start and memory, against a bare echo."""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from benchmarks.far_end import SECRET, TOKEN, FarEnd, Load, update

PEOPLE = 600
QUESTIONS_EACH = 5
UPDATES = PEOPLE * QUESTIONS_EACH
CONNECTIONS = 40
STEADY = 50
STEADY_SECONDS = 20

QUESTIONS = (
    "де отримати песель",
    "jak znaleźć pracę w Krakowie",
    "where can I learn Polish for free",
    "нужна консультация юриста бесплатно",
    "дякую",
    "скільки коштує карта побиту",
)


async def run() -> None:
    """Print the figures of both processes and their ratio."""
    print("\nDelivery: webhook in → committed → answered → sent to a local Bot API")
    # The first start ever builds the search; that is not the start measured here.
    subprocess.run([sys.executable, "-m", "bot", "ask", "ok"], check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        async with FarEnd() as far, _echo(far) as (url, _):
            echo = await _rate(far, url, 0)
        async with FarEnd() as far, _helpline(far, Path(folder)) as (url, process):
            started = await _first_answer(far, url, process)
            ours = await _rate(far, url, 1)
            delays = await _delays(far, url)
            memory = _resident(process.pid)
        size = (Path(folder) / "helpline.db").stat().st_size
    print(f"  bare aiogram echo, no database    {echo:8.0f} updates/s")
    print(f"  help line, SQLite, synchronous    {ours:8.0f} updates/s   ratio {ours / echo:.2f}")
    p50, p99 = statistics.median(delays), statistics.quantiles(delays, n=100)[98]
    print(f"  at {STEADY}/s, webhook to send call   p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"  start to first answer             {started:8.1f} s")
    print(f"  resident memory after the load    {memory:8.0f} MB")
    per_thousand = size / 1e3 / (PEOPLE + STEADY * STEADY_SECONDS)
    print(f"  database per 1,000 conversations  {per_thousand:8.1f} MB")


@asynccontextmanager
async def _echo(far: FarEnd) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    arguments = ["-m", "benchmarks.echo", str(port), f"http://127.0.0.1:{far.port}"]
    async with _process(arguments, {}, port) as process:
        yield f"http://127.0.0.1:{port}/webhooks/telegram", process


@asynccontextmanager
async def _helpline(
    far: FarEnd, folder: Path
) -> AsyncIterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = {
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/helpline.db",
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": f"http://127.0.0.1:{far.port}",
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        # The budget of the real Bot API would be what is measured otherwise.
        "TELEGRAM_RATE": "100000",
        "TELEGRAM_CHAT_RATE": "100000",
        "TELEGRAM_CHAT_BURST": "100000",
        "LOG_LEVEL": "ERROR",
    }
    async with _process(["-m", "bot", "serve"], environment, port) as process:
        yield f"http://127.0.0.1:{port}/webhooks/telegram", process


@asynccontextmanager
async def _process(
    arguments: list[str], environment: dict[str, str], port: int
) -> AsyncIterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        await _listening(port, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        if process.poll() is not None:
            raise RuntimeError("the process ended")
        try:
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/"):
                return
        except ClientError:
            await asyncio.sleep(0.02)
    raise TimeoutError("the process does not listen")


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _updates(first_chat: int, count: int) -> list[dict[str, Any]]:
    return [
        update(first_chat + number, first_chat + number, QUESTIONS[number % len(QUESTIONS)])
        for number in range(count)
    ]


async def _rate(far: FarEnd, url: str, greetings: int) -> float:
    warm = _updates(1_000, 100)
    await Load(url, CONNECTIONS).all_at_once(warm)
    await far.wait_for({str(one["message"]["chat"]["id"]) for one in warm}, 60)
    updates = [
        update(100_000 + number, 100_000 + number % PEOPLE, QUESTIONS[number // PEOPLE])
        for number in range(UPDATES)
    ]
    began = time.perf_counter()
    await Load(url, CONNECTIONS).all_at_once(updates)
    chats = {str(one["message"]["chat"]["id"]) for one in updates}
    await far.wait_for(chats, 120, QUESTIONS_EACH + greetings)
    return UPDATES / (time.perf_counter() - began)


async def _delays(far: FarEnd, url: str) -> list[float]:
    updates = _updates(500_000, STEADY * STEADY_SECONDS)
    load = Load(url, CONNECTIONS)
    await load.at_rate(updates, STEADY)
    await far.wait_for(set(load.posted), 60)
    return [(far.sent[chat][0] - posted) * 1000 for chat, posted in load.posted.items()]


async def _first_answer(far: FarEnd, url: str, process: subprocess.Popen[bytes]) -> float:
    await Load(url, 1).all_at_once(_updates(1, 1))
    await far.wait_for({"1"}, 60)
    return time.time() - _born(process.pid)


def _born(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000
