"""A real browser on the real help line. Without a Chromium its tests skip, and say so once."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from knowledge.snapshot import Snapshot
from tests.browser.chat_page import ChatPage, Opener
from tests.conftest import Clock
from tests.serving import Server, migrate_now, serving, settings_for

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no Chromium on this machine: install one (Debian: apt-get install chromium) "
    "or set CHROMIUM to its path"
)
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]


def chromium() -> str | None:
    """The path of a Chromium: $CHROMIUM, else the first one that is installed."""
    given = os.environ.get("CHROMIUM")
    names = (given,) if given else NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once why no page was looked at, also where skips are not listed."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(MISSING in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} browser tests skipped: {MISSING}.")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the whole run; every test has its own profile in it."""
    path = chromium()
    if path is None:
        pytest.skip(MISSING)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=path, args=[*sandbox, *ARGUMENTS]
        )
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
def chat_server(
    browser: Browser, knowledge: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A help line whose limits no test reaches by accident."""
    settings = settings_for(tmp_path_factory.mktemp("chat"), chat_contact_rate=100_000)
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def opener(browser: Browser, chat_server: Server) -> AsyncIterator[Opener]:
    """Opens chats, one person each; at the end nobody's browser may have complained."""
    opened = Opener(browser, chat_server.url)
    yield opened
    await opened.close()
    assert opened.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def chat(opener: Opener) -> ChatPage:
    """The chat of a new visitor whose browser is in English."""
    return await opener.open()
