"""Whatever line the process dies at: everybody is answered, in order, and nothing is said twice.

Nothing but the parcel that Telegram has taken and nobody could mark any more.
"""

import asyncio
import json
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bot.storage.database import Database
from bot.storage.tables import inbox, outbox
from handlers import texts
from handlers.translate import translator
from knowledge.languages import Lang
from knowledge.search.build import fingerprint
from knowledge.snapshot import Snapshot
from tests.conftest import CACHE
from tests.fakes.telegram import TOKEN, Call, FakeTelegram
from tests.fakes.telegram_html import parse_html
from tests.fakes.telegram_updates import Person
from tests.forked import Command
from tests.kill_at import kill_points
from tests.serving import free_port

MARKERS = (
    "intake-before-commit",
    "intake-committed",
    "pipeline-claimed",
    "pipeline-before-commit",
    "pipeline-committed",
    "outbox-before-send",
    "outbox-sent-not-marked",
    "outbox-marked",
)
WINDOW = "outbox-sent-not-marked"
"""The one line where a death says something twice: Telegram has it, the outbox does not know."""

ONE_PARCEL = {"TELEGRAM_RATE": "0.001"}
"""A process that may send one parcel and no more: what it has sent when it dies is certain."""

PATIENCE = 180.0

Saying = tuple[str, str]
"""To whom, and the first line; or of which press, and nothing."""

Json = dict[str, Any]


class Story:
    """What one person does, and what they must hear, in order."""

    def __init__(self, person: Person, lang: Lang, knowledge: Snapshot) -> None:
        t = translator(lang)
        first, second = ("work.find-job", "stay.pesel-ukr")
        presses = [person.presses(f"t:{first}"), person.presses(f"t:{second}")]
        thanks = {"uk": "Дякую!", "pl": "Dziękuję!", "en": "Thank you!"}[lang]
        self.updates = [
            person.commands("/start"),
            presses[0],
            person.writes(thanks),
            presses[1],
        ]
        chat = str(person.id)
        entries = knowledge.content.entries
        self.heard: list[Saying] = [
            (chat, texts.greeting(t)),
            acknowledged(presses[0]),
            (chat, entries[first].texts[lang].title),
            (chat, texts.you_are_welcome(t)),
            acknowledged(presses[1]),
            (chat, entries[second].texts[lang].title),
        ]

    def part_of(self, said: Sequence[Saying]) -> list[Saying]:
        """What was said to this person."""
        mine = {name for name, _ in self.heard}
        return [saying for saying in said if saying[0] in mine]


def acknowledged(press: Json) -> Saying:
    """The acknowledgement of a press."""
    return (str(press["callback_query"]["id"]), "")


def saying_of(method: str, params: Json) -> Saying:
    """What a call says to a person."""
    if method == "answerCallbackQuery":
        return (str(params["callback_query_id"]), "")
    return (str(params["chat_id"]), str(params["text"]).split("\n")[0])


@pytest.fixture
def stories(knowledge: Snapshot) -> list[Story]:
    """Three people who write at the same time."""
    langs: tuple[Lang, ...] = ("uk", "pl", "en")
    return [
        Story(Person(6000 + number, lang), lang, knowledge)
        for number, lang in enumerate(langs, start=1)
    ]


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram, played."""
    async with FakeTelegram() as played:
        yield played


@pytest.fixture(scope="session")
def search(knowledge: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the search, kept from other runs that clear the cache."""
    name = f"search-{fingerprint(knowledge.content)[:16]}.npz"
    return Path(shutil.copy(CACHE / name, tmp_path_factory.mktemp("search")))


@pytest.fixture
def command(
    tmp_path: Path,
    small_content: Path,
    search: Path,
    telegram: FakeTelegram,
    database_url: str,
) -> Command:
    """`helpline`, set up for webhooks, with the small content and its search."""
    var = tmp_path / "var"
    var.mkdir()
    shutil.copy(search, var)
    port = free_port()
    return Command(
        tmp_path,
        {
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "VAR_DIR": str(var),
            "CONTENT_DIR": str(small_content),
            "DATABASE_URL": database_url.replace("+aiosqlite", "").replace("+asyncpg", ""),
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": telegram.url,
            "TELEGRAM_WEBHOOK_SECRET": "a-secret-of-the-test",
            "TELEGRAM_CHAT_RATE": "1000",
            "TELEGRAM_CHAT_BURST": "1000",
        },
    )


async def deliver_all(telegram: FakeTelegram, updates: Sequence[Json]) -> None:
    """One chat as Telegram delivers it: the next update only after 200, the same until then."""
    for update in updates:
        while await status_of(telegram, update) != 200:  # noqa: ASYNC110 - so does Telegram
            await asyncio.sleep(0.05)


async def status_of(telegram: FakeTelegram, update: Json) -> int | None:
    """What the webhook answers; None when nobody is there, or not yet."""
    if telegram.webhook is None:
        return None
    try:
        return await telegram.deliver(update)
    except aiohttp.ClientError:
        return None


def said(telegram: FakeTelegram) -> list[Saying]:
    """All that Telegram has taken, in order."""
    return [saying_of(call.method, call.params) for call in telegram.calls if is_said(call)]


def is_said(call: Call) -> bool:
    """Whether a call was taken and is for a person."""
    return call.method in ("sendMessage", "answerCallbackQuery") and call.status == 200


async def marked_sent(database: Database) -> list[Saying]:
    """What the outbox knows to be sent."""
    query = select(outbox.c.address, outbox.c.parcel).where(outbox.c.state == "sent")
    async with database.read() as connection:
        return [_of_row(*row) for row in (await connection.execute(query)).all()]


def _of_row(address: str, parcel: bytes) -> Saying:
    call = json.loads(parcel)
    params = {"chat_id": address, **call["params"]}
    if "text" in params:
        params["text"] = parse_html(params["text"])[0]
    return saying_of(call["method"], params)


async def states(database: Database) -> set[tuple[str, str]]:
    """In which states the rows of both tables are."""
    async with database.read() as connection:
        return {
            (table.name, state)
            for table in (inbox, outbox)
            for state in (await connection.execute(select(table.c.state))).scalars()
        }


def without_repeats(sayings: Sequence[Saying]) -> list[Saying]:
    """The same without what is said a second time in a row."""
    before = [None, *sayings]
    return [now for last, now in zip(before, sayings, strict=False) if now != last]


def test_every_kill_point_has_a_test() -> None:
    """Each stands on one line of the product, and each is among those below."""
    assert {marker: len(lines) for marker, lines in kill_points().items()} == dict.fromkeys(
        MARKERS, 1
    )


async def die(command: Command, marker: str) -> None:
    """Serve until that line."""
    command.start(marker, "--", "serve", **ONE_PARCEL)
    assert await command.ended() == -signal.SIGKILL, command.log


async def in_the_window(telegram: FakeTelegram, database: Database) -> Counter[Saying]:
    """What Telegram has taken and the outbox has not marked."""
    return Counter(said(telegram)) - Counter(await marked_sent(database))


@pytest.mark.parametrize(
    "deaths",
    [*((marker,) for marker in MARKERS), MARKERS],
    ids=[*MARKERS, "one-after-the-other"],
)
async def test_a_killed_process_loses_nothing(
    deaths: Sequence[str],
    command: Command,
    telegram: FakeTelegram,
    database: Database,
    stories: list[Story],
) -> None:
    """Processes die at these lines, each at its first chance; the last says what is left to say."""
    everything = sum(len(story.heard) for story in stories) + deaths.count(WINDOW)
    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as chats:
            delivered = [
                chats.create_task(deliver_all(telegram, story.updates)) for story in stories
            ]
            for marker in deaths:
                await die(command, marker)
            unmarked = await in_the_window(telegram, database)
            command.start("--", "serve")
            await asyncio.gather(*delivered)
            await telegram.wait_until(lambda: len(said(telegram)) >= everything)
            assert await command.stop() == -signal.SIGTERM, command.log
    finally:
        command.kill()
    heard = said(telegram)
    assert [without_repeats(story.part_of(heard)) for story in stories] == [
        story.heard for story in stories
    ]
    assert Counter(heard) - Counter(set(heard)) == unmarked
    assert unmarked.total() == deaths.count(WINDOW)
    assert await states(database) == {("inbox", "done"), ("outbox", "sent")}
