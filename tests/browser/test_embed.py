"""The chat on another site: a launcher and a frame, on the sites that were allowed."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.async_api import Browser, FrameLocator, Locator, Route

from handlers import texts
from handlers.translate import translator
from knowledge.snapshot import Snapshot
from tests.browser.chat_page import ChatPage, Opener
from tests.conftest import Clock
from tests.serving import Server, migrate_now, serving, settings_for

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PL = translator("pl")
ELSEWHERE = "https://pl.wikipedia.org/"


@contextmanager
def site_with(script: str) -> Iterator[str]:
    """The address of a small site whose one page has the script of the help line in it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                '<!doctype html><html lang="pl"><title>A library</title><h1>A library</h1>'
                f'<script src="{script}" async></script></html>'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = Thread(target=site.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()
    thread.join()


@pytest.fixture(scope="module")
def pair(
    browser: Browser, knowledge: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, str]]:
    """A help line and a site that it allows to show it."""
    folder: Path = tmp_path_factory.mktemp("embed")
    settings = settings_for(folder)
    migrate_now(settings.database_url)
    with site_with(f"{settings.base_url()}/embed.js") as site:
        allowing = settings.model_copy(update={"chat_allowed_origins": (site,)})
        with serving(allowing, knowledge, Clock()) as server:
            yield server, site


@pytest.fixture
def site(pair: tuple[Server, str]) -> str:
    """The address of the allowed site."""
    return pair[1]


async def test_an_allowed_site_shows_the_chat_in_its_language(opener: Opener, site: str) -> None:
    """The launcher opens a frame; a question asked in it is answered in it."""
    page = await opener.open(url=site, locale="en-GB")
    frame = await _opened(page)
    await frame.locator("#log .message.bot").first.wait_for()
    assert await frame.locator("html").get_attribute("lang") == "pl"
    await frame.locator("#text").fill("/help")
    await frame.locator("#text").press("Enter")
    await frame.get_by_text(texts.help_text(PL)).wait_for()


async def test_the_launcher_opens_and_closes_by_keyboard(opener: Opener, site: str) -> None:
    """It says whether the chat is open; Escape closes and returns to it."""
    chat = await opener.open(url=site)
    launcher = _launcher(chat)
    await launcher.press("Enter")
    frame = chat.page.locator("iframe")
    await frame.wait_for()
    assert await launcher.get_attribute("aria-expanded") == "true"
    await launcher.focus()
    await chat.page.keyboard.press("Escape")
    assert await launcher.get_attribute("aria-expanded") == "false"
    assert await frame.is_hidden()
    assert await chat.page.evaluate("document.activeElement.tagName") == "BUTTON"


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_frame_fits_the_window(opener: Opener, site: str, width: int) -> None:
    """On a phone as on a laptop the whole frame and its launcher are in sight."""
    chat = await opener.open(url=site, viewport={"width": width, "height": 700})
    await _opened(chat)
    for part in (chat.page.locator("iframe"), _launcher(chat)):
        box = await part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 700
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert await chat.page.evaluate(overflow) is False


async def test_leaving_in_the_frame_leaves_the_whole_page(opener: Opener, site: str) -> None:
    """Who must hide the chat must hide the site around it too."""

    async def answer(route: Route) -> None:
        await route.fulfill(body="", content_type="text/html")

    chat = await opener.open(url=site)
    await chat.page.route(ELSEWHERE, answer)
    frame = await _opened(chat)
    await frame.locator("#leave").click()
    await chat.page.wait_for_url(ELSEWHERE)
    await chat.page.go_back()
    assert chat.page.url == "about:blank"


async def test_a_site_that_was_not_allowed_shows_nothing(
    opener: Opener, pair: tuple[Server, str]
) -> None:
    """The browser refuses the frame, so that no foreign page can dress up as the help line."""
    server, _ = pair
    with site_with(f"{server.url}/embed.js") as stranger:
        chat = await opener.open(url=stranger)
        refusal = "chrome-error://chromewebdata/"
        async with chat.page.expect_event("framenavigated", lambda frame: frame.url == refusal):
            await _opened(chat)
        assert [frame.url for frame in chat.page.frames[1:]] == [refusal]
    refused = [said for said in opener.complaints if "frame-ancestors" in said]
    assert refused == opener.complaints
    opener.complaints.clear()


def _launcher(chat: ChatPage) -> Locator:
    return chat.page.get_by_role("button", name=texts.service_name(PL))


async def _opened(chat: ChatPage) -> FrameLocator:
    await _launcher(chat).click()
    return chat.page.frame_locator("iframe")
