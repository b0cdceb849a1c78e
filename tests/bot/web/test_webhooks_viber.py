"""The way of a Viber event: signed, stored, answered; on both databases, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, func, select, text

from bot.app import VIBER_PATH, Helpline, paces
from bot.channels.viber import EVENTS
from bot.delivery.outbox import Sender
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.tables import cases, contacts, inbox, messages, outbox
from handlers import texts
from handlers.translate import translator
from handlers.turn import Inbound, Kind
from knowledge.languages import LANGS, Lang
from knowledge.snapshot import Snapshot
from tests.bot.web.served import listening, served, url_of
from tests.conftest import MONDAY, Clock
from tests.fakes import viber as played
from tests.fakes.viber import FIRST_MESSAGE_TOKEN, SIGNATURE_HEADER, TOKEN, FakeViber, sign
from tests.fakes.viber_events import PERSON, event, message, raw_event, started
from tests.fakes.viber_rules import buttons_of, faults

Json = dict[str, Any]

NAME = "Helpline Małopolska"
TABLES = (contacts, inbox, messages, outbox, cases)


# Without a repr: asyncio's runner makes one of every fixture's value, here of all knowledge.
@dataclass(repr=False)
class House:
    """The help line, Viber, and a second look into the database."""

    helpline: Helpline
    sender: Sender
    viber: FakeViber
    database: Database
    clock: Clock
    knowledge: Snapshot

    async def answer(self) -> list[Json]:
        """Do what the worker does until nothing is left to do; what was sent meanwhile."""
        before = len(self.viber.sent)
        while await self.helpline.pipeline.run_once():
            pass
        while await self.sender.run_once():
            await self.sender.drain(10)
        return self.viber.sent[before:]

    async def tell(self, said: Json | bytes) -> int:
        """An event of Viber; the HTTP status it hears."""
        return (await self.viber.deliver(said)).http

    async def count(self, table: Table) -> int:
        """How many rows a table has."""
        async with self.database.read() as connection:
            query = select(func.count()).select_from(table)
            return int((await connection.execute(query)).scalar_one())

    async def counts(self) -> dict[str, int]:
        """How many rows each table of people has; those without an address are nobody's."""
        found = {table.name: await self.count(table) for table in TABLES}
        addresses = await self.rows(inbox, "address")
        return {**found, "inbox": sum(address != "" for (address,) in addresses)}

    async def rows(self, table: Table, *names: str) -> list[tuple[Any, ...]]:
        """Some columns of all rows, in the order in which they were made."""
        async with self.database.read() as connection:
            query = select(*[table.c[name] for name in names]).order_by(table.c.id)
            return [tuple(row) for row in (await connection.execute(query)).all()]

    async def change(self, statement: str) -> None:
        """Change the database behind the back of the help line."""
        async with self.database.write() as connection:
            await connection.execute(text(statement))


@pytest.fixture
async def viber() -> AsyncIterator[FakeViber]:
    """Viber's side; the bot has made no mistake when it ends."""
    async with FakeViber() as server:
        yield server
        assert server.faults == []


def settings_of(viber: FakeViber, database: Database, folder: Path, url: str) -> Settings:
    """Settings of an installation with Viber alone."""
    return Settings(
        _env_file=None,
        public_url=url,
        database_url=database.url,
        var_dir=folder,
        viber_token=TOKEN,
        viber_api_url=viber.url,
        viber_name=NAME,
    )


@pytest.fixture
async def house(
    viber: FakeViber, database: Database, tmp_path: Path, knowledge: Snapshot, clock: Clock
) -> AsyncIterator[House]:
    """The application without its worker: tests say when it answers. The webhook is set."""
    listener = listening()
    settings = settings_of(viber, database, tmp_path, url_of(listener))
    helpline = Helpline.of(settings, knowledge, clock)
    sender = Sender(database, helpline.channels, paces(settings), helpline.wakeups, clock)
    async with served(helpline, listener, works=False):
        assert helpline.viber is not None
        await helpline.viber.set_webhook(settings.base_url() + VIBER_PATH)
        yield House(helpline, sender, viber, database, clock, knowledge)


def labels(said: Json) -> list[str]:
    """What stands on the buttons of a message."""
    return [button["Text"] for button in buttons_of(said)]


def question(knowledge: Snapshot, lang: Lang) -> str:
    """A question about the PESEL number as an editor wrote it down."""
    return knowledge.content.phrasings["stay.pesel-ukr"][lang][0]


def greeting(lang: Lang) -> str:
    """The first words of a conversation."""
    t = translator(lang)
    return f"{texts.greeting(t)}\n\n{texts.privacy_line(t, 30)}"


async def test_only_viber_can_tell_us_anything(house: House) -> None:
    """Unsigned or signed by somebody else: 403, and nothing is stored."""
    assert await house.tell(raw_event("message-text")) == 200
    assert (await house.counts())["inbox"] == 1
    other = message("Хто я?", 1)
    for token in (None, "another-token", ""):
        assert (await house.viber.deliver(other, token=token)).http == 403
        assert (await house.viber.deliver(other, token=token, signed_in="query")).http == 403
    assert await house.counts() == {
        "contacts": 0, "inbox": 1, "messages": 0, "outbox": 0, "cases": 0
    }  # fmt: skip


async def test_a_signature_is_of_these_very_bytes(house: House) -> None:
    """The same event written a little differently needs a signature of its own."""
    body = raw_event("message-text")
    headers = {SIGNATURE_HEADER: sign(TOKEN, body)}
    async with house.viber.client.post(
        house.viber.webhook, data=body + b" ", headers=headers
    ) as said:
        assert said.status == 403
    async with house.viber.client.post(house.viber.webhook, data=body, headers=headers) as said:
        assert said.status == 200
    assert await house.count(inbox) == 1


async def test_a_signature_in_the_address_is_as_good(house: House) -> None:
    """Where Viber's own library for Node looks for it; a wrong header is not mended by it."""
    first = await house.viber.deliver(message("Добрий день", 1), signed_in="query")
    assert (first.http, await house.count(inbox)) == (200, 1)
    body = raw_event("message-text")
    headers, query = {SIGNATURE_HEADER: "0" * 64}, {"sig": sign(TOKEN, body)}
    async with house.viber.client.post(
        house.viber.webhook, data=body, headers=headers, params=query
    ) as said:
        assert said.status == 403
    assert await house.count(inbox) == 1


async def test_what_means_nothing_is_acknowledged_and_not_kept(house: House) -> None:
    """Otherwise Viber would repeat for an hour what nobody will ever understand."""
    strange = [b"", b"{", b"[]", b"null", b"\xff", b'{"event": 7}']
    for said in [*strange, raw_event("unknown"), raw_event("webhook")]:
        assert await house.tell(said) == 200
    assert await house.count(inbox) == 0
    assert await house.tell(raw_event("message-text")) == 200
    assert await house.count(inbox) == 1


async def test_who_opens_the_chat_is_greeted_in_their_language(house: House) -> None:
    """One message in the body of the answer, and nothing in inbox or outbox."""
    for number, lang in enumerate(LANGS):
        opened = started("conversation-started", number, person=lang, language=lang)
        heard = await house.viber.deliver(opened)
        t = translator(lang)
        assert (heard.http, faults(heard.json, is_answer=True)) == (200, [])
        assert heard.json["sender"] == {"name": NAME}
        assert heard.json["text"] == f"{greeting(lang)}\n\n{texts.ask_freely(t)}"
        assert labels(heard.json)[-4:] == [
            texts.button_danger(t), texts.button_person(t),
            texts.button_language(t), texts.button_privacy(t),
        ]  # fmt: skip
    assert await house.counts() == {
        "contacts": 4, "inbox": 0, "messages": 0, "outbox": 0, "cases": 0
    }  # fmt: skip


async def test_a_phone_of_no_known_language_is_asked(house: House) -> None:
    """The question stands in all four; the choice is then greeted in its language, once."""
    heard = await house.viber.deliver(event("conversation-started-no-language"))
    asked = [texts.choose_language(translator(lang)) for lang in LANGS]
    assert heard.json["text"] == "\n\n".join(asked)
    assert labels(heard.json) == [texts.NAMES[lang] for lang in LANGS]
    await house.tell(message(buttons_of(heard.json)[3]["ActionBody"], 1, lang=""))
    [welcome] = await house.answer()
    t = translator("pl")
    assert welcome["text"] == f"{greeting('pl')}\n\n{texts.ask_freely(t)}"


async def test_a_link_with_a_topic_opens_with_its_answer(house: House) -> None:
    """viber://pa?chatURI=…&context=stay_pesel-ukr on a poster, read on a Polish phone."""
    heard = await house.viber.deliver(event("conversation-started-context"))
    entry = house.knowledge.content.entries["stay.pesel-ukr"]
    assert entry.texts["pl"].title in heard.json["text"].splitlines()
    assert faults(heard.json, is_answer=True) == []
    assert labels(heard.json)[-2:] == [
        texts.button_person(translator("pl")), texts.button_menu(translator("pl"))
    ]  # fmt: skip


async def test_who_is_known_is_not_greeted_by_a_link(house: House) -> None:
    """A poster seen later shows its topic at once, however often Viber repeats the event."""
    await house.viber.deliver(started("conversation-started", 1))
    link = started("conversation-started-context", 2, language="uk")
    heard = [await house.viber.deliver(link) for _ in range(2)]
    assert heard[0] == heard[1]
    assert_answers(heard[0].json, house.knowledge, "uk")


async def test_who_was_greeted_is_not_greeted_again(house: House) -> None:
    """Neither in the first answer after the welcome nor later; a stranger is, once."""
    opened = started("conversation-started", 1)
    first = await house.viber.deliver(opened)
    again = await house.viber.deliver(opened)
    assert first == again
    await house.tell(message(question(house.knowledge, "uk"), 1))
    [answer] = await house.answer()
    assert not answer["text"].startswith(greeting("uk"))
    for number in (2, 3):
        await house.tell(message(question(house.knowledge, "uk"), number, person="stranger"))
    said = [one["text"] for one in await house.answer()]
    assert [one == greeting("uk") for one in said] == [True, False, False]


async def test_a_question_is_stored_and_then_answered(house: House) -> None:
    """In the language it was asked in, whatever the phone speaks, with buttons in it."""
    for number, lang in enumerate(LANGS):
        asked = message(question(house.knowledge, lang), number, lang="uk", person=lang)
        assert await house.tell(asked) == 200
    # Viber has heard 200 and nobody has answered yet: all four are committed.
    waiting = await house.rows(inbox, "state", "address", "external_id", "payload")
    assert [row[:3] for row in waiting] == [
        ("waiting", lang, f"message:{5000000000000000000 + number}")
        for number, lang in enumerate(LANGS)
    ]
    assert [msgspec.json.decode(row[3], type=Inbound).text for row in waiting] == [
        question(house.knowledge, lang) for lang in LANGS
    ]
    assert house.viber.sent == []
    said = await house.answer()
    for lang in LANGS:
        hello, answer = [one for one in said if one["receiver"] == lang]
        assert hello["text"] == greeting(lang)
        assert_answers(answer, house.knowledge, lang)
    assert {row[0] for row in await house.rows(inbox, "state")} == {"done"}


def assert_answers(said: Json, knowledge: Snapshot, lang: Lang) -> None:
    """The message is the answer about the PESEL number in a language, with all its buttons."""
    entry, t = knowledge.content.entries["stay.pesel-ukr"], translator(lang)
    related = [knowledge.content.entries.get(topic) for topic in entry.related]
    assert said["text"].splitlines()[0] == entry.texts[lang].title
    assert entry.texts[lang].answer in said["text"]
    assert labels(said) == [
        texts.button_helped(t),
        texts.button_not_helped(t),
        *[other.texts[lang].label for other in related if other][:3],
        texts.button_person(t),
        texts.button_menu(t),
    ]


async def test_a_command_is_answered_in_the_language_of_the_phone(house: House) -> None:
    """A command has no language of its own."""
    await house.tell(message("/help", 1, lang="pl-PL"))
    hello, said = await house.answer()
    assert hello["text"].startswith(texts.greeting(translator("pl")))
    assert said["text"].startswith(texts.help_text(translator("pl")))


async def test_a_pressed_button_is_answered(house: House) -> None:
    """What Viber sends for a press is what stood in the keyboard."""
    await house.tell(started("conversation-started", 1))
    await house.tell(message("hl!th:stay", 1))
    [topics] = await house.answer()
    [pesel] = [button for button in buttons_of(topics) if "pesel-ukr" in button["ActionBody"]]
    await house.tell(message(pesel["ActionBody"], 2))
    [answer] = await house.answer()
    assert_answers(answer, house.knowledge, "uk")


async def test_what_can_not_be_stored_is_not_acknowledged(house: House) -> None:
    """Viber hears 500 and comes again; then it is stored and answered."""
    asked = message(question(house.knowledge, "uk"), 1)
    await house.change("ALTER TABLE inbox RENAME TO inbox_away")
    assert await house.tell(asked) == 500
    await house.change("ALTER TABLE inbox_away RENAME TO inbox")
    assert await house.count(inbox) == 0
    assert await house.tell(asked) == 200
    assert_answers((await house.answer())[-1], house.knowledge, "uk")


async def test_a_repeated_delivery_is_answered_once(house: House) -> None:
    """Before the answer, after it, and at the same time: the same token is the same message."""
    asked = message(question(house.knowledge, "uk"), 1)
    heard = [await house.tell(asked) for _ in range(3)]
    heard += await asyncio.gather(*[house.tell(asked) for _ in range(5)])
    assert len(await house.answer()) == 2
    assert [*heard, await house.tell(asked)] == [200] * 9
    assert await house.answer() == []
    await house.tell(message(question(house.knowledge, "uk"), 2))
    assert len(await house.answer()) == 1


RECORD = ("external_id", "billing", "state", "reason", "sent_at", "delivered_at", "seen_at")


async def test_receipts_are_written_beside_what_was_sent(house: House) -> None:
    """Delivered, seen or failed, each at its time; the billing status is kept from the sending."""
    house.viber.billing_status = 3
    await house.tell(message(question(house.knowledge, "uk"), 1))
    await house.answer()
    first, second = str(FIRST_MESSAGE_TOKEN), str(FIRST_MESSAGE_TOKEN + 1)
    unread = (3, "sent", None, MONDAY, None, None)
    assert await house.rows(outbox, *RECORD) == [(first, *unread), (second, *unread)]
    for kind in ("delivered", "seen"):
        house.clock.forward(minutes=1)
        assert await house.tell(event(kind, message_token=FIRST_MESSAGE_TOKEN)) == 200
    assert await house.tell(event("failed", message_token=FIRST_MESSAGE_TOKEN + 1)) == 200
    later = [MONDAY + timedelta(minutes=minutes) for minutes in (1, 2)]
    assert await house.rows(outbox, *RECORD) == [
        (first, 3, "sent", None, MONDAY, *later),
        (second, 3, "refused", "failed", MONDAY, None, None),
    ]
    assert await house.tell(event("seen", message_token=1)) == 200
    assert (await house.counts())["inbox"] == 1


async def test_who_unsubscribes_can_not_be_reached(house: House) -> None:
    """Nothing is said to them; a message or a new subscription makes them reachable again."""
    await house.tell(message(question(house.knowledge, "uk"), 1))
    await house.answer()
    assert await house.rows(contacts, "address", "reachable") == [(PERSON, True)]
    for number, back in enumerate((event("subscribed"), message("/help", 2))):
        gone = event("unsubscribed", message_token=77 + number)
        assert await house.tell(gone) == 200
        assert await house.answer() == []
        assert await house.rows(contacts, "address", "reachable") == [(PERSON, False)]
        assert await house.tell(back) == 200
        await house.answer()
        assert await house.rows(contacts, "address", "reachable") == [(PERSON, True)]


async def test_whom_viber_calls_unsubscribed_can_not_be_reached(house: House) -> None:
    """Status 6 to a message says the same as the event."""
    house.viber.answer_next(played.answer(6, "receiverNotSubscribed"))
    await house.tell(message("/help", 1))
    await house.answer()
    assert await house.rows(contacts, "reachable") == [(False,)]


async def test_delete_leaves_no_row_of_the_person(house: House) -> None:
    """Asked, confirmed, said to be done, and then even the address is gone; others stay."""
    await house.tell(message(question(house.knowledge, "uk"), 1, person="neighbour"))
    await house.answer()
    neighbours = await house.counts()
    await house.tell(message("Покличте людину", 2))
    await house.tell(message("hl!p", 3))
    await house.tell(message("/delete", 4))
    *_, asked = await house.answer()
    assert asked["text"] == texts.erase_ask(translator("uk"))
    assert (await house.counts())["cases"] == 1
    yes = buttons_of(asked)[0]["ActionBody"]
    await house.tell(message(yes, 5))
    [done] = await house.answer()
    assert done["text"] == texts.erased(translator("uk"))
    assert await house.counts() == neighbours
    assert {row[0] for row in await house.rows(contacts, "address")} == {"neighbour"}
    left = await house.rows(inbox, "address", "payload")
    assert set(left) == {("neighbour", b""), ("", b"")}
    token = FIRST_MESSAGE_TOKEN + len(house.viber.sent) - 1
    assert await house.tell(event("delivered", message_token=token)) == 200
    assert await house.counts() == neighbours


async def test_a_place_is_used_and_not_kept(house: House) -> None:
    """The points are shown; where the person was is in no table afterwards."""
    await house.tell(started("conversation-started", 1))
    assert await house.tell(event("message-location")) == 200
    [(waiting,)] = await house.rows(inbox, "payload")
    sent = msgspec.json.decode(waiting, type=Inbound)
    assert (sent.kind, sent.latitude, sent.longitude) == (Kind.LOCATION, 50.0647, 19.945)
    [answer] = await house.answer()
    assert house.knowledge.content.entries["info.points"].texts["uk"].title in answer["text"]
    bodies = await house.rows(messages, "body")
    kept = msgspec.json.decode(bodies[0][0], type=Inbound)
    assert (kept.kind, kept.latitude, kept.longitude) == (Kind.LOCATION, None, None)
    everything = b"".join(row[0] for row in [*bodies, *await house.rows(inbox, "payload")])
    assert b"50.06" not in everything


async def test_served_whole_it_answers_by_itself(
    viber: FakeViber, database: Database, tmp_path: Path, knowledge: Snapshot
) -> None:
    """The webhook is set at the start, Viber's trial call included, and a message is answered."""
    listener = listening()
    settings = settings_of(viber, database, tmp_path, url_of(listener))
    async with served(Helpline.of(settings, knowledge), listener, works=True):
        [call] = await viber.wait_called("set_webhook")
        assert call.body == {"url": url_of(listener) + VIBER_PATH, "event_types": EVENTS}
        assert viber.webhook == url_of(listener) + VIBER_PATH
        heard = await viber.deliver(message(question(knowledge, "en"), 1))
        assert heard.http == 200
        hello, answer = await viber.wait_sent(2)
        assert hello["text"] == greeting("en")
        assert_answers(answer, knowledge, "en")
