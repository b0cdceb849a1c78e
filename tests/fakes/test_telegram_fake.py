"""The played Telegram is strict enough: it refuses what Telegram refuses, and forgets nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from tests.fakes import telegram as played
from tests.fakes.telegram import ME, TOKEN, FakeTelegram
from tests.fakes.telegram_html import HtmlRefused, parse_html
from tests.fakes.telegram_rules import Refusal, Stranger, understand
from tests.fakes.telegram_updates import Person

HTML_REFUSED = {
    "🏟 🏟&lt;<abacaba": "Unclosed start tag at byte offset 13",
    "🏟 🏟&lt;<abac aba>": 'Unsupported start tag "abac" at byte offset 13',
    "🏟 🏟&lt;<i   =aba>": 'Empty attribute name in the tag "i" at byte offset 13',
    "🏟 🏟&lt;<i    aba>": 'Can\'t find end tag corresponding to start tag "i"',
    "🏟 🏟&lt;<i    aba  =  ": 'Unclosed start tag "i" at byte offset 13',
    "🏟 🏟&lt;</": "Unexpected end tag at byte offset 13",
    "🏟 🏟&lt;<b></b></": "Unexpected end tag at byte offset 20",
    "🏟 🏟&lt;<i>a</i   ": "Unclosed end tag at byte offset 17",
    "🏟 🏟&lt;<i>a</em   >": ('Unmatched end tag at byte offset 17, expected "</i>", found "</em>"'),
    "<b>a <i>b</b></i>": 'Unmatched end tag at byte offset 9, expected "</i>", found "</b>"',
    "<span>a</span>": 'Tag "span" must have class "tg-spoiler" at byte offset 0',
    "2 < 3": 'Unsupported start tag "" at byte offset 2',
    "<br/>": 'Unsupported start tag "br/" at byte offset 0',
}
"""Most are cases of Telegram's own tests (tdlib, test/message_entities.cpp)."""


@pytest.mark.parametrize("html", HTML_REFUSED)
def test_broken_html_is_refused(html: str) -> None:
    """In Telegram's words."""
    with pytest.raises(HtmlRefused) as caught:
        parse_html(html)
    assert str(caught.value) == HTML_REFUSED[html]


HTML_TAKEN: dict[str, tuple[str, list[MessageEntity]]] = {
    "": ("", []),
    "&lt;&gt;&amp;&quot;&laquo;&raquo;&#12345678;": ('<>&"&laquo;&raquo;&#12345678;', []),
    "&#1103;&#x44f;&": ("яя&", []),
    "➡️ ➡️<i>➡️ ➡️</i>": ("➡️ ➡️➡️ ➡️", [MessageEntity("italic", 5, 5)]),
    "😀<b>a</b>": ("😀a", [MessageEntity("bold", 2, 1)]),
    "<B>a</B><b></b>": ("a", [MessageEntity("bold", 0, 1)]),
    "<a href='https://example.org'>a</a>": (
        "a",
        [MessageEntity("text_link", 0, 1, url="https://example.org")],
    ),
}


@pytest.mark.parametrize("html", HTML_TAKEN)
def test_html_becomes_text_and_entities(html: str) -> None:
    """Only four names and numbers are decoded; entities are counted in UTF-16."""
    assert parse_html(html) == HTML_TAKEN[html]


def message(text: str, **changes: str) -> dict[str, str]:
    """The parameters of a message in HTML mode."""
    return {"chat_id": "5001", "text": text, "parse_mode": "HTML", **changes}


def keyboard(*rows: list[dict[str, str]]) -> str:
    """An inline keyboard as it travels."""
    return json.dumps({"inline_keyboard": rows})


def button(data: str, text: str = "так") -> dict[str, str]:
    """An inline button."""
    return {"text": text, "callback_data": data}


def menu_of(count: int, name: str = "help", description: str = "Help") -> dict[str, str]:
    """The parameters of setMyCommands."""
    command = {"command": name, "description": description}
    return {"commands": json.dumps([command] * count)}


AT_THE_LIMIT: list[tuple[str, dict[str, str], dict[str, str], str]] = [
    (
        "sendMessage", message("<b>" + "😀" * 2048 + "</b>"), message("😀" * 2048 + "."),
        "Bad Request: message is too long",
    ),
    (
        "sendMessage", message("<b>.</b>"), message("<b> \n</b>"),
        "Bad Request: message text is empty",
    ),
    (
        "sendMessage", message("2 &lt; 3"), message("2 < 3"),
        'Bad Request: can\'t parse entities: Unsupported start tag "" at byte offset 2',
    ),
    (
        "sendMessage",
        message("a", reply_markup=keyboard([button("я" * 32)])),
        message("a", reply_markup=keyboard([button("я" * 32 + "x")])),
        "Bad Request: BUTTON_DATA_INVALID",
    ),
    (
        "sendMessage",
        message("a", reply_markup=keyboard(*[[button("m")]] * 100)),
        message("a", reply_markup=keyboard(*[[button("m")]] * 101)),
        "Bad Request: reply markup is too long",
    ),
    (
        "setMyCommands", menu_of(100), menu_of(101), "Bad Request: BOT_COMMANDS_TOO_MUCH",
    ),
    (
        "setMyCommands", menu_of(1, "a" * 32), menu_of(1, "a" * 33),
        "Bad Request: BOT_COMMAND_INVALID",
    ),
    (
        "setMyCommands", menu_of(1, "a", "я" * 256), menu_of(1, "a", "я" * 257),
        "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID",
    ),
    (
        "answerCallbackQuery",
        {"callback_query_id": "1", "text": "я" * 200},
        {"callback_query_id": "1", "text": "я" * 201},
        "Bad Request: MESSAGE_TOO_LONG",
    ),
    (
        "sendVenue",
        {"chat_id": "1", "latitude": "50", "longitude": "20", "title": "a", "address": "b"},
        {"chat_id": "1", "latitude": "50", "longitude": "20", "title": "a"},
        "Bad Request: parameter address is required",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "taken", "refused", "words"), AT_THE_LIMIT)
def test_each_limit_stands_where_telegrams_stands(
    method: str, taken: Mapping[str, str], refused: Mapping[str, str], words: str
) -> None:
    """What fits is taken; one more is refused."""
    understand(method, taken)
    with pytest.raises(Refusal) as caught:
        understand(method, refused)
    assert str(caught.value) == words


STRANGE: list[tuple[str, dict[str, str]]] = [
    ("sendMoney", {}),
    ("send_message", message("a")),
    ("sendMessage", message("a", colour="red")),
    ("sendMessage", message("a", reply_markup=keyboard([{**button("m"), "colour": "red"}]))),
    ("sendMessage", message("a", link_preview_options='{"is_off": true}')),
    ("sendMessage", message("a", parse_mode="Markdown")),
    ("setMyCommands", {"commands": '[{"command": "a", "description": "b", "icon": "c"}]'}),
]


@pytest.mark.parametrize(("method", "params"), STRANGE)
def test_what_the_bot_api_does_not_have_is_strange(method: str, params: dict[str, str]) -> None:
    """An unknown method, parameter or nested field is not passed over, as Telegram would."""
    with pytest.raises(Stranger):
        understand(method, params)


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """A pretend Telegram."""
    async with FakeTelegram() as telegram:
        yield telegram


async def call(server: FakeTelegram, method: str, **params: Any) -> tuple[int, Any]:
    """Status and JSON of a call."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.url}/bot{TOKEN}/{method}", json=params) as said,
    ):
        return said.status, await said.json()


async def test_a_strange_call_fails_the_test() -> None:
    """The mistake is seen when the server stops, whatever the bot made of the answer."""
    with pytest.raises(AssertionError, match="has no parameter colour"):
        async with FakeTelegram() as server:
            await call(server, "sendMessage", chat_id=1, text="a", colour="red")


async def test_another_implementation_can_use_it(server: FakeTelegram) -> None:
    """python-telegram-bot's own client understands every answer."""
    async with Bot(TOKEN, base_url=f"{server.url}/bot") as bot:
        assert await bot.get_me() == ME
        rows = InlineKeyboardMarkup([[InlineKeyboardButton("так", callback_data="m")]])
        sent = await bot.send_message(5001, "<b>Добрий</b> день", "HTML", reply_markup=rows)
        assert (sent.text_html, sent.reply_markup) == ("<b>Добрий</b> день", rows)
        press = Person(5001).presses("m", under=sent)
        await server.deliver(press)
        (update,) = await bot.get_updates(timeout=0)
        assert update.to_dict() == press
        assert update.callback_query
        assert await bot.answer_callback_query(update.callback_query.id)
        assert await bot.get_updates(offset=update.update_id + 1, timeout=0) == ()
    assert server.pending == []


async def test_a_poll_waits_for_an_update(server: FakeTelegram) -> None:
    """It returns when there is one."""
    polling = asyncio.create_task(call(server, "getUpdates", timeout=30))
    await server.wait_until(lambda: bool(server.calls))
    update = Person(5001).writes("Dzień dobry")
    await server.deliver(update)
    assert await polling == (200, {"ok": True, "result": [update]})


async def test_nobody_polls_beside_a_webhook_or_another(server: FakeTelegram) -> None:
    """409 while a webhook is set; of two who ask, the second is served."""
    await call(server, "setWebhook", url="https://help.example.org")
    assert (await call(server, "getUpdates"))[0] == 409
    await call(server, "deleteWebhook")
    first = asyncio.create_task(call(server, "getUpdates", timeout=30))
    await server.wait_until(lambda: server.calls[-1].method == "getUpdates")
    assert (await call(server, "getUpdates", timeout=0))[0] == 200
    assert (await first)[0] == 409


async def test_only_what_was_asked_for_is_delivered(server: FakeTelegram) -> None:
    """A kind of update that is not among the allowed ones never comes."""
    await call(server, "getUpdates", timeout=0, allowed_updates=["message"])
    await server.deliver(Person(5001).writes("a"))
    with pytest.raises(ValueError, match="my_chat_member"):
        await server.deliver(Person(5001).blocks())


async def test_it_can_be_told_how_to_answer(server: FakeTelegram) -> None:
    """The next calls of a method fail as told, in order; then all is well again."""
    server.answer_next(played.too_many(3), played.BLOCKED, played.migrated(-1004001))
    told = [await call(server, "sendMessage", chat_id=1, text="a") for _ in range(4)]
    assert [(status, said.get("parameters")) for status, said in told] == [
        (429, {"retry_after": 3}),
        (403, None),
        (400, {"migrate_to_chat_id": -1004001}),
        (200, None),
    ]
    assert [(one.method, one.status) for one in server.calls] == [
        ("sendMessage", status) for status, _ in told
    ]
    assert [shown.text for shown in server.messages] == ["a"]
