"""The web chat when the connection or the server goes away: nothing lost, nothing doubled."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from playwright.async_api import Browser

from handlers.translate import translator
from handlers.turn import CaseState, Conversation
from knowledge.snapshot import Snapshot
from tests.browser.chat_page import ChatPage, Line, Opener
from tests.conftest import Clock
from tests.serving import Server, migrate_now, settings_for

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EN = translator("en")
POST_TWICE = """async (body) => {
    const options = {method: 'POST', headers: {'Content-Type': 'application/json'}, body};
    const answers = await Promise.all([1, 2].map(() => fetch('/chat/messages', options)));
    return answers.map((answer) => answer.status);
}"""


@pytest.fixture
def server(browser: Browser, knowledge: Snapshot, tmp_path: Path) -> Iterator[Server]:
    """A help line of its own that a test may stop and start."""
    settings = settings_for(tmp_path)
    migrate_now(settings.database_url)
    own = Server(settings, knowledge, Clock())
    own.start()
    yield own
    own.stop()


async def test_what_is_said_while_one_is_offline_comes_once_afterwards(chat: ChatPage) -> None:
    """Messages of before, during and after the gap stand in order, each once."""
    await chat.ask("/help before")
    async with httpx.AsyncClient(cookies=await chat.cookies()) as elsewhere:
        await chat.context.set_offline(True)
        for number in range(3):
            body = _message(number, f"/help during {number}")
            answer = await elsewhere.post(f"{chat.page.url}chat/messages", content=body)
            assert answer.status_code == 202
    await chat.write("/help typed")
    await (
        chat.page.get_by_text(EN.gettext("No connection. I'll send it as soon"))
        .or_(chat.page.locator(".state:not(:empty)"))
        .first.wait_for()
    )
    await chat.context.set_offline(False)
    await _until_said(chat, 11)
    said = ["/help before", *(f"/help during {number}" for number in range(3)), "/help typed"]
    assert await chat.own() == said
    await _is_the_same_on_a_fresh_page(chat)


async def test_a_restart_of_the_server_loses_and_doubles_nothing(
    opener: Opener, server: Server
) -> None:
    """What is typed while the server is away is sent when it is back, in order."""
    chat = await opener.open(url=server.url)
    await chat.ask("/help one")
    server.stop()
    await chat.write("/help two")
    await chat.write("/help three")
    server.start()
    await _until_said(chat, 7)
    assert await chat.own() == ["/help one", "/help two", "/help three"]
    await _is_the_same_on_a_fresh_page(chat)


async def test_what_is_typed_without_a_server_survives_the_tab(
    opener: Opener, server: Server
) -> None:
    """A page reloaded before its message was sent sends it then, once."""
    chat = await opener.open(url=server.url)
    await chat.ask("/help one")
    await chat.page.route("**/chat/messages", lambda route: route.abort())
    await chat.write("/help two")
    await chat.page.locator(".state:not(:empty)").wait_for()
    await chat.page.unroute("**/chat/messages")
    await chat.answered(chat.reload)
    assert await chat.own() == ["/help one", "/help two"]
    await _is_the_same_on_a_fresh_page(chat)


async def test_the_answer_is_waited_for_in_sight(opener: Opener, server: Server) -> None:
    """While nobody answers yet, the page says so; the answer takes that place."""
    server.stop()
    server.start(works=False)
    chat = await opener.open(url=server.url)
    await chat.write("/help")
    typing = chat.page.locator(".typing")
    await typing.wait_for()
    assert await typing.text_content() == EN.gettext("The answer is being written")
    server.stop()
    server.start()
    await typing.wait_for(state="detached")
    assert [author for author, _ in await chat.lines()] == ["bot", "contact", "bot"]


async def test_no_answer_is_awaited_while_a_person_has_the_case(
    opener: Opener, server: Server
) -> None:
    """The bot is silent then, so the page must not go on showing that it writes."""
    chat = await opener.open(url=server.url)
    await chat.ask("/help")
    _take_every_case(server)
    async with chat.page.expect_response("**/chat/messages"):
        await chat.write("are you there?")
    await chat.page.wait_for_function("() => !document.querySelector('.typing')")
    second = await chat.second_tab()
    await second.page.get_by_text("are you there?").wait_for()
    assert await chat.own() == await second.own() == ["/help", "are you there?"]
    assert await chat.page.locator(".typing").count() == 0


async def test_the_same_message_posted_twice_is_answered_once(chat: ChatPage) -> None:
    """Its own number makes it the same, also when both arrive at once."""
    body = _message(7, "/help twice").decode()
    assert await chat.page.evaluate(POST_TWICE, body) == [202, 202]
    await chat.page.get_by_text("/help twice").wait_for()
    await chat.ask("/help afterwards")
    authors = [author for author, _ in await chat.lines()]
    assert await chat.own() == ["/help twice", "/help afterwards"]
    assert authors == ["bot", "contact", "bot", "contact", "bot"]


async def test_two_tabs_of_one_visitor_show_the_same(chat: ChatPage) -> None:
    """Whatever is said in one appears in the other without a reload."""
    other = await chat.second_tab()
    await other.answered(lambda: chat.ask("/help from the first"))
    await chat.answered(lambda: other.ask("/help from the second"))
    assert await chat.own() == ["/help from the first", "/help from the second"]
    assert await chat.lines() == await other.lines()


async def test_another_visitor_sees_none_of_it(chat: ChatPage, opener: Opener) -> None:
    """A browser of its own is a conversation of its own."""
    stranger = await opener.open()
    await chat.ask("/help mine")
    await stranger.ask("/help theirs")
    assert await chat.own() == ["/help mine"]
    assert await stranger.own() == ["/help theirs"]


def _message(number: int, text: str) -> bytes:
    body = {"id": f"{number:08d}-aaaa", "kind": "text", "text": text, "lang": "en"}
    return msgspec.json.encode(body)


async def _until_said(chat: ChatPage, count: int) -> None:
    """Wait until so many messages, of whomever, stand on the page and none is awaited."""
    await chat.page.wait_for_function(
        """(count) => document.querySelectorAll('#log .message').length >= count
            && !document.querySelector('.typing, .state:not(:empty)')""",
        arg=count,
    )


async def _is_the_same_on_a_fresh_page(chat: ChatPage) -> None:
    fresh = await chat.second_tab()
    lines: list[Line] = await fresh.lines()
    assert await chat.lines() == lines


def _take_every_case(server: Server) -> None:
    """What the desk does when an operator takes a conversation over."""
    path = server.settings.database_url.removeprefix("sqlite+aiosqlite:///")
    state = msgspec.json.encode(Conversation(lang="en", greeted=True, case=CaseState.TAKEN))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE contacts SET state = ?", [state])
    connection.close()
