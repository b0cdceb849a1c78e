"""Telegram from the update to the answer: our real server, a pretend Telegram at the other end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from sqlalchemy import Table, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from telegram import Chat, InlineKeyboardMarkup, Message

from bot.app import TELEGRAM_PATH, Helpline
from bot.channels.plain import text_of
from bot.settings import Settings
from bot.storage import tables
from bot.storage.database import Database
from bot.web.server import create_web
from handlers import menu, texts
from handlers.action import Action, Name
from handlers.entry import answer
from handlers.reply import Paragraph, Reply
from handlers.router import build_turn
from handlers.turn import CaseState, Conversation, Inbound, Kind, Turn
from knowledge.languages import LANGS, Lang
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot
from tests.conftest import Clock
from tests.fakes.telegram import (
    BLOCKED,
    SECRET_HEADER,
    SERVER_ERROR,
    TOKEN,
    FakeTelegram,
    Webhook,
    migrated,
)
from tests.fakes.telegram_updates import Json, Person
from tests.fakes.viber import TOKEN as VIBER_TOKEN
from tests.fakes.viber import FakeViber
from tests.serving import settings_for

SECRET: Final = "a-secret-of-the-webhook"
PESEL: Final = "stay.pesel-ukr"
QUESTIONS: Final[dict[Lang, str]] = {
    "uk": "Як отримати PESEL UKR?",
    "ru": "Как получить PESEL UKR?",
    "en": "How do I get a PESEL UKR?",
    "pl": "Jak dostać PESEL UKR?",
}

Shown = tuple[str, list[list[str]]]
"""A message as people see it: its text and the labels of its buttons."""


@dataclass
class House:
    """The help line with the two ends of its wires: Telegram and the database."""

    telegram: FakeTelegram
    helpline: Helpline
    http: httpx.AsyncClient

    async def post(self, body: bytes, secret: str | bytes | None = SECRET) -> int:
        """Post to the webhook what Telegram might never post; the status of the answer."""
        plain = secret.encode() if isinstance(secret, str) else secret
        headers = {} if plain is None else {SECRET_HEADER.encode(): plain}
        said = await self.http.post(TELEGRAM_PATH, content=body, headers=headers)
        return said.status_code

    async def hears(self, update: Json) -> None:
        """An update is delivered and taken."""
        assert await self.telegram.deliver(update) == 200

    async def asks(self, person: Person, update: Json, answers: int = 1) -> list[Message]:
        """What a person is told after an update."""
        before = len(self.telegram.messages_to(person.place.id))
        await self.hears(update)
        said = await self.telegram.wait_for_messages(before + answers, person.place.id)
        return said[before:]

    async def presses(self, person: Person, label: str) -> Message:
        """What a person is told after pressing a button of the last message."""
        last = self.telegram.messages_to(person.place.id)[-1]
        (said,) = await self.asks(person, person.presses(data_of(last, label), under=last))
        return said

    def turn(self, lang: Lang, **conversation: Any) -> Turn:
        """The turn of somebody greeted who speaks this language."""
        helpline = self.helpline
        started = Inbound("telegram", "1", "1", Kind.STARTED, helpline.clock())
        stood = Conversation(lang=lang, greeted=True, **conversation)
        service = Hours(helpline.settings.service_hours)
        kept = helpline.settings.kept_days
        now, knowledge = helpline.clock(), helpline.knowledge
        return build_turn(started, stood, now, knowledge, service, kept_days=kept)

    def entry(self, lang: Lang, topic: str = PESEL, **conversation: Any) -> Shown:
        """The answer of the knowledge base, as it must be shown."""
        entry = self.helpline.knowledge.content.entries[topic]
        return as_shown(answer(self.turn(lang, **conversation), entry))


def data_of(message: Message, label: str) -> str:
    """What the button with this label carries."""
    assert isinstance(message.reply_markup, InlineKeyboardMarkup)
    buttons = [button for row in message.reply_markup.inline_keyboard for button in row]
    return next(str(button.callback_data) for button in buttons if button.text == label)


def shown(message: Message) -> Shown:
    """What came, as people see it."""
    markup = message.reply_markup or InlineKeyboardMarkup([])
    return message.text or "", [[button.text for button in row] for row in markup.inline_keyboard]


def as_shown(reply: Reply) -> Shown:
    """What must come, as people see it."""
    return text_of(reply.blocks), [[button.label for button in row] for row in reply.buttons]


def said(sentence: str, lang: Lang, *rows: tuple[str, ...]) -> Shown:
    """One sentence with buttons."""
    text, _ = as_shown(Reply((Paragraph(sentence),), lang))
    return text, [list(row) for row in rows]


@asynccontextmanager
async def web(helpline: Helpline, listener: socket.socket, *, works: bool) -> AsyncIterator[str]:
    """The application, served in this loop."""
    app = create_web(helpline, works=works)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield helpline.settings.base_url()
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def opened(
    settings: Settings, knowledge: Snapshot, clock: Clock, listener: socket.socket, *, works: bool
) -> AsyncIterator[House]:
    """A house that is ready to be called; closing it finishes what is under way."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(FakeTelegram())
        settings = settings.model_copy(update={"telegram_api_url": telegram.url})
        helpline = Helpline.of(settings, knowledge, clock)
        url = await stack.enter_async_context(web(helpline, listener, works=works))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url))
        await http.get("/health/live")
        if works:
            await telegram.wait_until(lambda: telegram.webhook is not None)
        else:
            telegram.webhook = Webhook(url + TELEGRAM_PATH, SECRET)
        yield House(telegram, helpline, http)
        assert telegram.refusals == []


@pytest.fixture
def listener() -> socket.socket:
    """Where our server is called."""
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)
    return bound


@pytest.fixture
def settings(tmp_path: Path, database_url: str, listener: socket.socket) -> Settings:
    """A public help line with Telegram, that sends as fast as it can."""
    port = listener.getsockname()[1]
    return settings_for(
        tmp_path,
        database_url=database_url,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        telegram_token=TOKEN,
        telegram_webhook_secret=SECRET,
        telegram_rate=10_000,
        telegram_chat_rate=10_000,
        telegram_chat_burst=10_000,
        telegram_group_rate=10_000,
    )


@pytest.fixture
async def house(
    settings: Settings, knowledge: Snapshot, clock: Clock, listener: socket.socket
) -> AsyncIterator[House]:
    """The whole help line: it takes, answers and sends."""
    async with opened(settings, knowledge, clock, listener, works=True) as house:
        yield house


@pytest.fixture
async def office(
    settings: Settings, knowledge: Snapshot, clock: Clock, listener: socket.socket
) -> AsyncIterator[House]:
    """A process that only takes; the test answers with helpline.pipeline when it likes."""
    async with opened(settings, knowledge, clock, listener, works=False) as house:
        yield house


on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For claims in which the database has no part."""


async def stored(database: Database) -> list[tuple[str, str, str]]:
    """What the inbox holds: address, external id and state."""
    box = tables.inbox.c
    async with database.read() as connection:
        rows = await connection.execute(
            select(box.address, box.external_id, box.state).order_by(box.id)
        )
        return [(row.address, row.external_id, row.state) for row in rows]


def as_body(update: Json) -> bytes:
    """An update as it travels."""
    return json.dumps(update).encode()


WRONG_SECRETS: dict[str, str | bytes | None] = {
    "missing": None,
    "empty": "",
    "wrong": SECRET + "x",
    "not ascii": "секрет",
    "not utf-8": b"\xff\xfe",
}


@on_sqlite
async def test_without_the_secret_nothing_is_taken(office: House, database: Database) -> None:
    """403 for every other secret, and no row; the right one makes a row."""
    update = Person(5001).writes("Dzień dobry")
    answered = {
        name: await office.post(as_body(update), secret) for name, secret in WRONG_SECRETS.items()
    }
    assert answered == dict.fromkeys(WRONG_SECRETS, 403)
    assert await stored(database) == []
    assert await office.post(as_body(update)) == 200
    assert await stored(database) == [("5001", str(update["update_id"]), "waiting")]


BAD_BODIES = {
    "empty": b"",
    "no json": b"{",
    "not utf-8": b'{"update_id": 1, "message": "\xff"}',
    "a list": b"[1]",
    "a number": b"7",
    "no update": b"{}",
    "an odd number": b'{"update_id": "7", "message": {}}',
    "an odd message": b'{"update_id": 7, "message": []}',
}


@on_sqlite
async def test_what_can_never_be_read_is_let_go(office: House, database: Database) -> None:
    """200, so that it does not come again and block the chat; nothing is stored."""
    answered = {name: await office.post(body) for name, body in BAD_BODIES.items()}
    assert answered == dict.fromkeys(BAD_BODIES, 200)
    assert await stored(database) == []


async def lock_inbox(connection: AsyncConnection) -> None:
    """Nobody else can write to the inbox until this transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"))


async def test_telegram_hears_200_after_the_commit(office: House, database: Database) -> None:
    """While the row can't be committed there is no answer; when there is one, the row is there."""
    order: list[str] = []
    update = Person(5001).writes("Dzień dobry")
    async with database.write() as connection:
        await lock_inbox(connection)
        posting = asyncio.create_task(office.post(as_body(update)))
        posting.add_done_callback(lambda _: order.append("answered"))
        for _ in range(3):
            assert (await office.http.get("/health/live")).status_code == 200
        order.append("can be committed")
    assert await posting == 200
    assert order == ["can be committed", "answered"]
    assert await stored(database) == [("5001", str(update["update_id"]), "waiting")]


async def rename(database: Database, old: str, new: str) -> None:
    """Give a table another name."""
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_without_the_database_telegram_hears_an_error(
    office: House, database: Database
) -> None:
    """It is not taken, so Telegram delivers it again; then it is."""
    update = Person(5001).writes("Dzień dobry")
    await rename(database, "inbox", "hidden")
    assert await office.post(as_body(update)) == 500
    await rename(database, "hidden", "inbox")
    assert await stored(database) == []
    assert await office.post(as_body(update)) == 200
    assert await stored(database) == [("5001", str(update["update_id"]), "waiting")]


async def test_a_repeated_delivery_changes_nothing(house: House, database: Database) -> None:
    """One row and one answer, also when it comes again after it was answered."""
    person = Person(5001, "en")
    first, second = person.commands("/help"), person.commands("/language")
    await asyncio.gather(house.hears(first), house.hears(first))
    await house.telegram.wait_for_messages(2)
    await house.hears(first)
    await house.asks(person, second)
    ids = [str(update["update_id"]) for update in (first, second)]
    assert [(address, number) for address, number, _ in await stored(database)] == [
        ("5001", number) for number in ids
    ]
    lines = [(message.text or "").splitlines()[0] for message in house.telegram.messages]
    t = house.turn("en").t
    assert lines == [texts.greeting(t), texts.help_text(t), texts.choose_language(t)]


async def test_everybody_is_answered_in_their_language(house: House) -> None:
    """The question's language, whatever the phone speaks: a greeting, then the whole answer."""
    found: dict[str, list[Shown]] = {}
    for number, lang in enumerate(LANGS, start=5001):
        person = Person(number, "de")
        told = await house.asks(person, person.writes(QUESTIONS[lang]), 2)
        found[lang] = [shown(message) for message in told]
    assert found == {
        lang: [as_shown(Reply(menu.greeting_blocks(house.turn(lang)), lang)), house.entry(lang)]
        for lang in LANGS
    }


@on_sqlite
async def test_a_deep_link_shows_its_topic(house: House) -> None:
    """t.me/…?start=stay_pesel-ukr answers at once, in the language of the phone."""
    person = Person(5001, "pl")
    _, told = await house.asks(person, person.commands("/start stay_pesel-ukr"), 2)
    assert shown(told) == house.entry("pl")


@on_sqlite
async def test_a_press_is_acknowledged_before_it_is_answered(house: House) -> None:
    """The button stops spinning, then the answer comes."""
    person = Person(5001, "uk")
    press = person.presses(Action(Name.TOPIC, PESEL).encode())
    _, told = await house.asks(person, press, 2)
    assert shown(told) == house.entry("uk")
    calls = [call for call in house.telegram.calls if call.method != "setMyCommands"]
    assert [(call.method, call.status) for call in calls] == [
        ("setWebhook", 200),
        ("answerCallbackQuery", 200),
        ("sendMessage", 200),
        ("sendMessage", 200),
    ]
    assert calls[1].params == {"callback_query_id": press["callback_query"]["id"]}


async def test_everything_can_be_reached_by_pressing(house: House, database: Database) -> None:
    """From /start through a theme to a topic, its rating (once), another language, a person."""
    person = Person(5001, "uk")
    uk, pl = house.turn("uk"), house.turn("pl")
    await house.asks(person, person.commands("/start"))
    theme = await house.presses(person, texts.theme_name(uk.t, "stay"))
    label = house.helpline.knowledge.content.entries[PESEL].texts["uk"].label
    told = await house.presses(person, label)
    thanks = await house.presses(person, texts.button_helped(uk.t))
    again = await house.asks(person, person.presses(f"fn:{PESEL}", under=told))
    menu_again = await house.asks(person, person.presses("m", under=told))
    choice = await house.presses(person, texts.button_language(uk.t))
    chosen = await house.presses(person, texts.NAMES["pl"])
    called = await house.presses(person, texts.button_person(pl.t))

    assert shown(theme)[0] == texts.choose_topic(uk.t, texts.theme_name(uk.t, "stay"))
    assert shown(told) == house.entry("uk")
    assert shown(thanks) == said(texts.thanks_for_helped(uk.t), "uk")
    assert [shown(message) for message in again] == [said(texts.rated_already(uk.t), "uk")]
    assert [shown(message) for message in menu_again] == [
        as_shown(menu.themes(uk, texts.ask_freely(uk.t)))
    ]
    assert shown(choice)[0] == texts.choose_language(uk.t)
    welcome = f"{texts.language_chosen(pl.t)} {texts.ask_freely(pl.t)}"
    assert shown(chosen) == as_shown(menu.themes(pl, welcome))
    now, service = house.helpline.clock(), house.turn("pl").service
    assert (called.text or "").startswith(texts.person_called(pl.t, "pl", service, now))
    async with database.read() as connection:
        counted = await connection.execute(
            select(tables.counts.c.name, tables.counts.c.count).where(
                tables.counts.c.value == PESEL
            )
        )
        opened = await connection.execute(select(tables.cases.c.state, tables.cases.c.lang))
        assert sorted(map(tuple, counted)) == [("answer", 1), ("helped", 1)]
        assert list(map(tuple, opened)) == [(CaseState.WAITING, "pl")]


def of_contact(table: Table, contact: int, address: str) -> Any:
    """The rows of a table that belong to a contact, however it is named there."""
    known = {"contact_id": contact, "address": address}
    mine = [table.c[name] == value for name, value in known.items() if name in table.c]
    if table is tables.contacts:
        mine.append(table.c.id == contact)
    return or_(*mine)


async def rows_of(database: Database, contact: int, address: str) -> dict[str, int]:
    """How many rows each table has of a contact."""
    found = {}
    async with database.read() as connection:
        for name, table in tables.metadata.tables.items():
            if name in ("counts", "receipts"):
                continue
            query = select(func.count()).where(of_contact(table, contact, address))
            found[name] = int((await connection.execute(query.select_from(table))).scalar_one())
    return found


async def contact_of(database: Database, address: str) -> int:
    """The number of a contact."""
    query = select(tables.contacts.c.id).where(tables.contacts.c.address == address)
    async with database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def test_delete_removes_a_person_entirely(
    settings: Settings,
    knowledge: Snapshot,
    clock: Clock,
    listener: socket.socket,
    database: Database,
) -> None:
    """After /delete and its confirmation no table has a row of the contact; others keep theirs."""
    person, other = Person(5001, "uk"), Person(5002, "uk")
    async with opened(settings, knowledge, clock, listener, works=True) as house:
        t = house.turn("uk").t
        await house.asks(other, other.commands("/start"))
        await house.asks(person, person.commands("/start"))
        await house.presses(person, texts.button_person(t))
        (asked,) = await house.asks(person, person.commands("/delete"))
        contact = await contact_of(database, "5001")
        before = await rows_of(database, contact, "5001")
        done = await house.presses(person, texts.button_erase(t))
    buttons = (texts.button_erase(t), texts.button_keep(t))
    assert shown(asked) == said(texts.erase_ask(t), "uk", buttons)
    assert shown(done) == said(texts.erased(t), "uk")
    assert before == {"contacts": 1, "inbox": 3, "messages": 6, "outbox": 4, "cases": 1}
    assert await rows_of(database, contact, "5001") == dict.fromkeys(before, 0)
    kept = await rows_of(database, await contact_of(database, "5002"), "5002")
    assert kept == {"contacts": 1, "inbox": 1, "messages": 2, "outbox": 1, "cases": 0}


@on_sqlite
async def test_delete_asks_first(house: House, database: Database) -> None:
    """Without the confirmation nothing is deleted, and "no" is an answer."""
    person = Person(5001, "en")
    t = house.turn("en").t
    await house.asks(person, person.commands("/start"))
    await house.asks(person, person.commands("/delete"))
    kept = await house.presses(person, texts.button_keep(t))
    assert shown(kept) == said(texts.kept(t), "en")
    contact = await contact_of(database, "5001")
    assert (await rows_of(database, contact, "5001"))["inbox"] == 3


async def contact_rows(database: Database) -> list[tuple[str, bool]]:
    """Address and reachability of every contact."""
    query = select(tables.contacts.c.address, tables.contacts.c.reachable).order_by("id")
    async with database.read() as connection:
        return [(row.address, row.reachable) for row in await connection.execute(query)]


async def test_blocking_and_unblocking_is_kept(office: House, database: Database) -> None:
    """Who blocks us is not reachable until they let us in again; nothing is said to them."""
    person = Person(5001, "uk")
    marks = []
    for update in (person.commands("/start"), person.blocks(), person.unblocks()):
        await office.hears(update)
        await office.helpline.pipeline.run_once()
        marks += await contact_rows(database)
    assert marks == [("5001", True), ("5001", False), ("5001", True)]


async def test_a_refused_message_marks_the_contact(
    settings: Settings,
    knowledge: Snapshot,
    clock: Clock,
    listener: socket.socket,
    database: Database,
) -> None:
    """403 means that they are not reachable; the next thing they write says that they are."""
    person = Person(5001, "uk")
    async with opened(settings, knowledge, clock, listener, works=True) as house:
        house.telegram.answer_next(BLOCKED)
        await house.hears(person.commands("/start"))
        await house.telegram.wait_for_calls("sendMessage")
    assert await contact_rows(database) == [("5001", False)]
    async with database.read() as connection:
        states = await connection.execute(select(tables.outbox.c.state, tables.outbox.c.reason))
        assert list(map(tuple, states)) == [("gone", "blocked or deleted")]


GROUP: Final = Chat(-4001, Chat.GROUP, title="Сусіди")
SUPERGROUP: Final = Chat(-1004001, Chat.SUPERGROUP, title="Сусіди")


async def test_a_group_is_followed_by_its_own_word(office: House, database: Database) -> None:
    """The message that a group became a supergroup moves the contact."""
    member = Person(5001, "uk").within(GROUP)
    for update in (member.commands("/help"), member.sends(migrate_to_chat_id=SUPERGROUP.id)):
        await office.hears(update)
        await office.helpline.pipeline.run_once()
    assert await contact_rows(database) == [("-1004001", True)]


async def test_a_group_is_followed_by_telegrams_answer(house: House, database: Database) -> None:
    """A 400 that names the new chat moves the contact, and what was to be said is said there.

    The word of the group itself, which comes as well, changes nothing any more.
    """
    member = Person(5001, "uk").within(GROUP)
    line = said(texts.only_private(house.turn("uk").t), "uk")
    house.telegram.answer_next(migrated(SUPERGROUP.id))
    await house.hears(member.commands("/help"))
    (moved,) = await house.telegram.wait_for_messages(1)
    assert (moved.chat_id, shown(moved)) == (SUPERGROUP.id, line)
    assert await contact_rows(database) == [("-1004001", True)]
    await house.hears(member.sends(migrate_to_chat_id=SUPERGROUP.id))
    later = member.within(SUPERGROUP)
    (again,) = await house.asks(later, later.commands("/help"))
    assert (again.chat_id, shown(again)) == (SUPERGROUP.id, line)


@on_sqlite
async def test_an_edited_question_is_answered_anew(house: House) -> None:
    """The answer is to the words as they stand after the edit."""
    person = Person(5001, "pl")
    _, first = await house.asks(person, person.writes("Jak znaleźć pracę?"), 2)
    (second,) = await house.asks(person, person.edits(text=QUESTIONS["pl"]))
    assert [shown(first), shown(second)] == [
        house.entry("pl", "work.find-job"),
        house.entry("pl"),
    ]


async def test_updates_can_be_polled(
    settings: Settings, knowledge: Snapshot, clock: Clock, database: Database
) -> None:
    """Without PUBLIC_URL the webhook is removed and updates are asked for.

    An update counts as taken only when its row is committed, and one that nobody can read does
    not hold up the others.
    """
    person = Person(5001, "en")
    odd, question = person.writes("…"), person.commands("/help")
    odd["message"]["chat"] = "nowhere"
    async with FakeTelegram(webhook=Webhook("https://old.example.org", "")) as telegram:
        for update in (odd, question):
            telegram.pending.append(update)
        changes = {"telegram_api_url": telegram.url, "public_url": None}
        helpline = Helpline.of(settings.model_copy(update=changes), knowledge, clock)
        async with helpline.running(works=True, listens=True):
            await telegram.wait_until(lambda: not telegram.pending and telegram.webhook is None)
            rows = [(address, number) for address, number, _ in await stored(database)]
            await telegram.wait_for_messages(2)
            await telegram.deliver(person.commands("/language"))
            said = await telegram.wait_for_messages(3)
    t = House(telegram, helpline, httpx.AsyncClient()).turn("en").t
    assert rows == [("5001", str(question["update_id"]))]
    assert [(message.text or "").splitlines()[0] for message in said] == [
        texts.greeting(t),
        texts.help_text(t),
        texts.choose_language(t),
    ]
    assert [call.status for call in telegram.calls_of("getUpdates")[:2]] == [200, 200]


@on_sqlite
async def test_a_channel_that_is_away_does_not_hold_up_the_other(
    settings: Settings, knowledge: Snapshot, clock: Clock
) -> None:
    """While Telegram refuses everything, Viber is told where to call."""
    async with FakeTelegram() as telegram, FakeViber(calls_back=False) as viber:
        telegram.answer_next(*[SERVER_ERROR] * 100, method="setMyCommands")
        changes = {
            "telegram_api_url": telegram.url,
            "viber_api_url": viber.url,
            "viber_token": SecretStr(VIBER_TOKEN),
        }
        helpline = Helpline.of(settings.model_copy(update=changes), knowledge, clock)
        async with helpline.running(works=False, listens=True):
            await telegram.wait_for_calls("setMyCommands")
            await viber.wait_called("set_webhook")
    assert viber.webhook == settings.base_url() + "/webhooks/viber"
    assert telegram.webhook is None
