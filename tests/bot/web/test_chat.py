"""The web chat over HTTP: who may send what, how often, and what is streamed back."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from bot.storage.database import Database
from bot.storage.tables import inbox, messages
from handlers import texts
from handlers.translate import translator
from knowledge.languages import LANGS, Lang
from knowledge.snapshot import Snapshot
from tests.conftest import Clock
from tests.serving import Server, migrate_now, serving, settings_for

EN = translator("en")
Shown = dict[str, Any]
Event = tuple[str, str, Shown]
"""The id, the kind and the content of one event of the stream."""


@pytest.fixture(scope="module")
def server(knowledge: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A help line on SQLite for what does not depend on the database."""
    settings = settings_for(tmp_path_factory.mktemp("web"), chat_contact_rate=100_000)
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        yield running


@pytest.fixture
def fresh(database_url: str, knowledge: Snapshot, tmp_path: Path) -> Iterator[Server]:
    """A help line of its own, on each of the databases."""
    settings = settings_for(tmp_path, database_url=database_url, chat_contact_rate=100_000)
    with serving(settings, knowledge, Clock()) as running:
        yield running


@pytest.fixture
async def visitor(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A person whose browser has opened the page."""
    async with visiting(server) as client:
        yield client


@asynccontextmanager
async def visiting(server: Server, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of its own that has opened the page."""
    async with httpx.AsyncClient(
        base_url=server.url, headers={"accept-language": "en", **headers}, timeout=20
    ) as client:
        assert (await client.get("/")).status_code == 200
        yield client


def message(number: int, text: object = "/help", **other: Any) -> bytes:
    """What the page posts."""
    body = {"id": f"{number:08d}-abcd", "kind": "text", "text": text, "lang": "en"}
    return msgspec.json.encode(body | other)


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> int:
    """Send a message; the status of the answer."""
    return (await client.post("/chat/messages", content=body, headers=headers)).status_code


async def events(client: httpx.AsyncClient, count: int, **headers: str) -> list[Event]:
    """The first events of the stream, read until there are so many."""
    found: list[Event] = []
    async with client.stream("GET", "/chat/events", headers=headers) as answer:
        assert answer.status_code == 200
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif fields.get("data"):
                shown = msgspec.json.decode(fields["data"])
                found.append((fields.get("id", ""), fields["event"], shown))
            fields = fields if line else {}
            if len(found) == count:
                break
    return found


async def talk(client: httpx.AsyncClient, count: int) -> list[Event]:
    """Say so many things; all events of it: the start, the greeting, then word and answer."""
    for number in range(count):
        assert await post(client, message(number, f"/help {number}")) == 202
    return await events(client, 2 + 2 * count)


def said(found: list[Event]) -> list[tuple[str, str]]:
    """Authors and own words of events, without what a page does not show."""
    shown = [content for _, _, content in found if not content.get("hidden")]
    return [(item["author"], item.get("text", "")) for item in shown]


# ---- who may send ----


@pytest.mark.parametrize("forged", ["", "x", "InZpc2l0b3Ii.bad", "…", "a.b.c"])
async def test_a_cookie_we_did_not_sign_is_nobody(
    visitor: httpx.AsyncClient, server: Server, forged: str
) -> None:
    """It can neither write nor listen nor read; the same request with ours can."""
    assert await post(visitor, message(1)) == 202
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        headers = {"cookie": f"helpline={forged}".encode()}
        answers = [
            await nobody.post("/chat/messages", content=message(2), headers=headers),  # type: ignore[arg-type]
            await nobody.get("/chat/events", headers=headers),  # type: ignore[arg-type]
        ]
        assert [(answer.status_code, answer.json()) for answer in answers] == [
            (401, {"error": "cookie"})
        ] * 2
        history = await nobody.get("/chat/history?before=99999", headers=headers)  # type: ignore[arg-type]
        assert history.json() == {"messages": []}


async def test_somebody_elses_signature_does_not_fit_another_name(
    visitor: httpx.AsyncClient, server: Server
) -> None:
    """The signed number can't be exchanged under the signature."""
    value = visitor.cookies["helpline"]
    other = ("A" if value[1] != "A" else "B").join([value[0], value[2:]])
    async with httpx.AsyncClient(base_url=server.url, cookies={"helpline": other}) as nobody:
        assert await post(nobody, message(1)) == 401
    async with httpx.AsyncClient(base_url=server.url, cookies={"helpline": value}) as same:
        assert await post(same, message(1)) == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "{own}"}, 202),
        ({}, 202),
        ({"sec-fetch-site": "same-origin"}, 202),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "{own}.evil.example"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_only_a_page_of_ours_may_send(
    visitor: httpx.AsyncClient, server: Server, headers: dict[str, str], status: int
) -> None:
    """A form on another site can't speak in the visitor's name."""
    own = {name: value.format(own=server.url) for name, value in headers.items()}
    assert await post(visitor, message(1), **own) == status


async def test_who_leaves_is_forgotten_on_this_device(
    visitor: httpx.AsyncClient, server: Server
) -> None:
    """The next one at the same screen gets a page of their own; another site can't do this."""
    known = visitor.cookies["helpline"]
    await visitor.post("/chat/leave", headers={"origin": "https://evil.example"})
    assert visitor.cookies["helpline"] == known
    assert (await visitor.post("/chat/leave", headers={"origin": server.url})).status_code == 204
    assert "helpline" not in visitor.cookies


async def test_behind_a_proxy_the_public_address_is_ours(
    knowledge: Snapshot, tmp_path: Path
) -> None:
    """There the host of the request is an inner one; the cookie goes over https and in frames."""
    settings = settings_for(tmp_path, public_url="https://help.example.org")
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
            cookie = (await client.get("/")).headers["set-cookie"]
            client.cookies.set("helpline", cookie.split("=")[1].split(";")[0])
            ours = await post(client, message(1), origin="https://help.example.org")
            assert (ours, running.url) == (202, "https://help.example.org")
            assert await post(client, message(1), origin="https://other.example.org") == 403
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {
        "httponly", "secure", "samesite=none", "partitioned", "path=/", "max-age=31536000",
    }  # fmt: skip


async def test_the_cookie_holds_a_random_number_that_no_script_reads(server: Server) -> None:
    """Two visitors get two; on http it is not sent to other sites."""
    async with visiting(server) as one, visiting(server) as other:
        assert one.cookies["helpline"] != other.cookies["helpline"]
        cookie = (await one.get("/")).headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "samesite=lax", "path=/", "max-age=31536000"}


# ---- what may be sent ----


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"id": "\\ud800"}',
        b"[" * 60_000,
        b'{"x":' + b"[" * 60_000,
        b'{"kind": "text", "text": "a"}',
        message(1, "x" * 65_536),
        message(1, ""),
        message(1, " \n\t "),
        message(1, "\x00"),
        message(1, id="x"),
        message(1, id="ABCDEFGH"),
        message(1, id="00000001-abcd\n"),
        message(1, id="0" * 41),
        message(1, id=12345678),
        message(1, kind="started"),
        message(1, kind="blocked"),
        message(1, text=7),
        message(1, text=None),
        message(1, kind="action", text="zz"),
        message(1, kind="action", text="zz:top\nlabel"),
        message(1, kind="action", text=f"fy:{'x' * 62}"),
        message(1, kind="action", text=f"t:{'ї' * 40}"),
        message(1, kind="location"),
        message(1, kind="location", latitude=50.0),
        message(1, kind="location", latitude=91.0, longitude=0.0),
        message(1, kind="location", latitude=0.0, longitude=-180.1),
        message(1, kind="location", latitude="50", longitude="19"),
        b'{"id": "00000001-abcd", "kind": "location", "latitude": NaN, "longitude": 1e999}',
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
async def test_what_no_page_of_ours_sends_is_refused(
    visitor: httpx.AsyncClient, body: bytes
) -> None:
    """400 with a word, not an error of ours, and nothing of it is kept."""
    answer = await visitor.post("/chat/messages", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "form"})
    assert await post(visitor, message(1)) == 202


@pytest.mark.parametrize(
    "path",
    [
        "/chat/history",
        "/chat/history?before=",
        "/chat/history?before=x",
        "/chat/history?before=-1",
        f"/chat/history?before={10**30}",
        "/chat/events?after=x",
        "/chat/events?after=-1",
        f"/chat/events?after={2**63}",
    ],
)
async def test_a_number_that_is_none_is_refused(visitor: httpx.AsyncClient, path: str) -> None:
    """Before it reaches the database."""
    answer = await visitor.get(path)
    assert (answer.status_code, answer.json()) == (400, {"error": 400})


@pytest.mark.parametrize("lang", LANGS)
async def test_a_text_that_is_too_long_is_refused_in_words(
    visitor: httpx.AsyncClient, lang: Lang
) -> None:
    """The limit counts characters, not bytes; the sentence is in the language of the page."""
    assert await post(visitor, message(1, "ї" * 2000)) == 202
    answer = await visitor.post("/chat/messages", content=message(2, "ї" * 2001, lang=lang))
    assert answer.status_code == 413
    assert answer.json() == {"notice": texts.too_long(translator(lang), 2000)}


@pytest.mark.parametrize(
    "text", ["/help", "/HELP me now", "/ where", "/etc/passwd", f"/help {'x' * 90}", "/помощь"]
)
async def test_what_begins_with_a_slash_is_shown_as_typed(server: Server, text: str) -> None:
    """A command or a slip of the finger: nothing of it is lost from the conversation."""
    async with visiting(server) as client:
        assert await post(client, message(1, text)) == 202
        found = await events(client, 4)
    shown = next(words for author, words in said(found) if author == "contact")
    assert shown.lower() == text.lower()


async def test_zero_characters_are_dropped(fresh: Server) -> None:
    """PostgreSQL can't keep them, and one such message must not hold up the others."""
    async with visiting(fresh) as client:
        assert await post(client, message(1, "/he\x00lp \x00")) == 202
        found = await events(client, 4)
    assert said(found) == [("bot", ""), ("contact", "/help"), ("bot", "")]


# ---- how often ----


async def test_one_visitor_is_held_back_without_the_others(
    knowledge: Snapshot, tmp_path: Path
) -> None:
    """The limit of a contact; a refused message is not kept."""
    settings = settings_for(tmp_path, chat_contact_rate=2)
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        async with visiting(running) as one, visiting(running) as other:
            assert [await post(one, message(number)) for number in (1, 2, 3)] == [202, 202, 429]
            answer = await one.post("/chat/messages", content=message(4, lang="pl"))
            assert answer.json() == {"notice": texts.too_fast(translator("pl"))}
            assert await post(other, message(1)) == 202
            assert len(said(await events(one, 6))) == 5


@pytest.mark.parametrize(
    ("trusted", "first", "second", "status"),
    [
        ("127.0.0.1", "198.51.100.1", "198.51.100.2", 202),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1", 429),
        ("127.0.0.1", "203.0.113.5, 198.51.100.1", "203.0.113.6, 198.51.100.1", 429),
        ("127.0.0.1", "198.51.100.1, 127.0.0.1", "203.0.113.6, 198.51.100.1", 429),
        ("127.0.0.0/8,10.0.0.0/8", "198.51.100.1, 10.1.2.3", "198.51.100.2, 10.1.2.3", 202),
        ("127.0.0.1", "2001:db8::1", "2001:db8::ffff:1", 429),
        ("127.0.0.1", "2001:db8::1", "2001:db8:0:1::1", 202),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1", 429),
        ("127.0.0.1", "nonsense", "198.51.100.1", 202),
        ("", "198.51.100.1", "198.51.100.2", 429),
        ("192.0.2.1", "198.51.100.1", "198.51.100.2", 429),
    ],
)
async def test_a_network_is_known_by_its_address_at_the_trusted_proxy(
    knowledge: Snapshot, tmp_path: Path, trusted: str, first: str, second: str, status: int
) -> None:
    """What stands further left was written by the caller and is not believed."""
    settings = settings_for(tmp_path, chat_address_rate=1, trusted_proxies=trusted)
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        async with visiting(running) as one, visiting(running) as other:
            assert await post(one, message(1), **{"x-forwarded-for": first}) == 202
            assert await post(other, message(1), **{"x-forwarded-for": second}) == status


async def test_a_proxys_own_line_stands_after_the_callers(
    knowledge: Snapshot, tmp_path: Path
) -> None:
    """Some proxies add a second header instead of a word to the first."""
    settings = settings_for(tmp_path, chat_address_rate=1, trusted_proxies="127.0.0.1")
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        found = []
        for number in (1, 2):
            async with visiting(running) as client:
                lines = [("x-forwarded-for", f"203.0.113.{number}"), ("x-forwarded-for", "8.8.8.8")]
                url = "/chat/messages"
                answer = await client.post(url, content=message(1), headers=lines)
                found.append(answer.status_code)
        assert found == [202, 429]


# ---- what is streamed ----


async def test_a_stream_resumes_exactly_where_it_was_cut(fresh: Server) -> None:
    """Wherever the connection broke, what follows comes once, in order, complete."""
    async with visiting(fresh) as client:
        whole = await talk(client, 3)
        assert [item[0] for item in whole] == [str(item[2]["id"]) for item in whole]
        for cut in range(len(whole) - 1):
            rest = await events(client, len(whole) - 1 - cut, **{"last-event-id": whole[cut][0]})
            assert rest == whole[cut + 1 :]


@pytest.mark.parametrize("number", ["²", "-1", "x", "", "9" * 40, "1.5"])
async def test_a_last_event_that_is_no_number_begins_anew(
    visitor: httpx.AsyncClient, number: str
) -> None:
    """A broken header costs nothing but what the page already has."""
    whole = await talk(visitor, 1)
    headers = {"last-event-id": number.encode("latin-1")}
    assert await events(visitor, 4, **headers) == whole  # type: ignore[arg-type]


async def test_an_open_stream_hears_what_is_said_elsewhere(fresh: Server) -> None:
    """The second tab: opened before anything was said, it gets each message once."""
    async with visiting(fresh) as client:
        stream = events(client, 4)
        async with httpx.AsyncClient(base_url=fresh.url, cookies=client.cookies) as tab:
            assert await post(tab, message(1)) == 202
            assert said(await stream) == [("bot", ""), ("contact", "/help"), ("bot", "")]


async def test_a_visitor_never_sees_anothers_messages(fresh: Server) -> None:
    """In the stream, in the page, in the history: only their own."""
    async with visiting(fresh) as one, visiting(fresh) as other:
        assert await post(one, message(1, "/help mine")) == 202
        assert await post(other, message(1, "/help theirs")) == 202
        for client, own in ((one, "/help mine"), (other, "/help theirs")):
            assert said(await events(client, 4)) == [("bot", ""), ("contact", own), ("bot", "")]
            history = (await client.get("/chat/history?before=9999")).json()["messages"]
            assert [item["text"] for item in history if item["author"] == "contact"] == ["", own]
        page = (await one.get("/")).text
        assert ("/help mine" in page, "/help theirs" in page) == (True, False)


async def test_a_message_sent_again_is_the_same(fresh: Server) -> None:
    """Its own number says so: one line, one answer, and one greeting before both."""
    async with visiting(fresh) as client:
        first, again, other = message(1), message(1), message(2, "/help once more")
        assert [await post(client, body) for body in (first, again, other)] == [202] * 3
        assert said(await events(client, 6)) == [
            ("bot", ""),
            ("contact", "/help"),
            ("bot", ""),
            ("contact", "/help once more"),
            ("bot", ""),
        ]


async def test_first_messages_in_a_hurry_are_greeted_once(
    database_url: str, knowledge: Snapshot, tmp_path: Path
) -> None:
    """Three lines taken before the first was answered begin one conversation, not three."""
    settings = settings_for(tmp_path, database_url=database_url)
    server = Server(settings, knowledge, Clock())
    server.start(works=False)
    async with visiting(server) as client:
        for number in range(3):
            assert await post(client, message(number)) == 202
        server.stop()
        server.start()
        found = said(await events(client, 8))
    server.stop()
    assert found == [("bot", ""), *[("contact", "/help"), ("bot", "")] * 3]


async def test_what_was_deleted_is_taken_from_open_pages(fresh: Server) -> None:
    """Before the confirmation the stream says that all the page has shown is gone."""
    async with visiting(fresh) as client:
        assert await post(client, message(1, "/delete")) == 202
        before = await events(client, 4)
        assert await post(client, message(2, "er\nDelete", kind="action")) == 202
        after = await events(client, 2, **{"last-event-id": before[-1][0]})
        assert [kind for _, kind, _ in after] == ["erased", "message"]
        assert texts.erased(EN) in after[1][2]["html"]
        assert [kind for _, kind, _ in await events(client, 1)] == ["message"]


async def test_a_place_is_used_and_not_kept(fresh: Server) -> None:
    """Neither the transcript nor the inbox holds it once it is answered."""
    place = message(1, "", kind="location", latitude=50.123456, longitude=19.654321)
    async with visiting(fresh) as client:
        assert await post(client, place) == 202
        found = await events(client, 4)
    assert [item["kind"] for _, _, item in found if item["author"] == "contact"][1:] == ["location"]
    database = Database(fresh.settings.database_url)
    async with database.read() as connection:
        kept = [bytes(body) for body in await connection.scalars(select(messages.c.body))]
        kept += [bytes(payload) for payload in await connection.scalars(select(inbox.c.payload))]
    await database.close()
    assert b'"location"' in b"".join(kept)
    assert not re.search(rb"50\.123|19\.654", b"".join(kept))


# ---- the page and its headers ----

PLAIN = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "geolocation=(self), camera=(), microphone=()",
}


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/", 200, "text/html; charset=utf-8"),
        ("/embed.js", 200, "text/javascript; charset=utf-8"),
        ("/static/chat.js", 200, "text/javascript; charset=utf-8"),
        ("/static/chat.css", 200, "text/css; charset=utf-8"),
        ("/static/mark.svg", 200, "image/svg+xml"),
        ("/favicon.ico", 200, "image/svg+xml"),
        ("/health/live", 200, "application/json"),
        ("/health/ready", 200, "application/json"),
        ("/chat/history?before=1", 200, "application/json"),
        ("/chat/history", 400, "application/json"),
        ("/nothing-here", 404, "application/json"),
        ("/static/../server.py", 404, "application/json"),
        ("/static/%2e%2e/server.py", 404, "application/json"),
    ],
)
async def test_every_answer_says_how_to_treat_it(
    server: Server, path: str, status: int, kind: str
) -> None:
    """No guessing of types, no referrer, no camera; whatever is asked for."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert {name: answer.headers.get(name) for name in PLAIN} == PLAIN
    assert "server" not in answer.headers


async def test_the_page_runs_only_what_is_ours_and_is_not_stored(server: Server) -> None:
    """The policy as a whole; without allowed sites nobody may frame the page."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.get("/")
    assert answer.headers["content-security-policy"] == (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'self'"
    )
    assert answer.headers["cache-control"] == "no-store"
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", answer.text)
    assert (scripts, re.findall(r"\sstyle=|\son\w+=", answer.text)) == ([], [])


async def test_allowed_sites_may_frame_the_page(knowledge: Snapshot, tmp_path: Path) -> None:
    """They are named in the policy, as the setting names them."""
    settings = settings_for(tmp_path, chat_allowed_origins="https://a.example, https://b.example")
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as running:
        async with httpx.AsyncClient(base_url=running.url) as client:
            policy = (await client.get("/")).headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'self' https://a.example https://b.example")


@pytest.mark.parametrize(
    ("query", "accepted", "lang"),
    [
        ("", "uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("", "de-DE,pl;q=0.9,en;q=0.8", "pl"),
        ("", "de,fr", "en"),
        ("", "", "uk"),
        ("?lang=ru", "pl", "ru"),
        ("?lang=xx", "pl", "pl"),
        ("?lang=%3Cscript%3E", "", "uk"),
    ],
)
async def test_the_page_speaks_the_language_that_was_asked_for(
    server: Server, query: str, accepted: str, lang: Lang
) -> None:
    """By the link, by the browser, else Ukrainian; English for those who speak none of four."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.get(f"/{query}", headers={"accept-language": accepted})
    assert answer.headers["content-language"] == lang
    assert f'<html lang="{lang}">' in answer.text
    assert f"<title>{texts.service_name(translator(lang))}</title>" in answer.text


async def test_the_page_goes_on_in_the_language_of_the_conversation(server: Server) -> None:
    """What was chosen in the chat counts more than what the browser says."""
    async with visiting(server) as client:
        assert await post(client, message(1, "l:pl\nPolski", kind="action")) == 202
        await events(client, 4)
        assert (await client.get("/")).headers["content-language"] == "pl"
