"""The web chat: its page, what it sends, and what it is shown live."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.response import ServerSentEvent, ServerSentEventMessage, Template
from msgspec import Struct

from bot.app import Helpline
from bot.channels.webchat import NAME
from bot.delivery.wakeups import chat
from bot.storage.transcript import Message, shown_after, shown_before
from bot.web.chat_html import html_of
from bot.web.chat_texts import page_words
from bot.web.limits import Limits
from bot.web.visitor import AnyRequest, Visitors, is_same_origin
from handlers import texts
from handlers.action import decode
from handlers.reply import Reply
from handlers.router import build_turn, decide
from handlers.translate import translator
from handlers.turn import Conversation, Inbound, Kind
from knowledge.languages import LANGS, Lang, is_lang, lang_of_tag

PAGE_OF_HISTORY = 50
KEEP_ALIVE = 15.0
"""Seconds after which an idle stream says something, so that proxies don't cut it."""

_CLIENT_ID = re.compile(r"^[0-9a-f-]{8,40}$")


class Sent(Struct, frozen=True):
    """What the page sends. `id` is its own number of the message: sent again, it is the same."""

    id: str
    kind: Literal["text", "action", "location"]
    lang: str = ""
    text: str = ""
    latitude: float | None = None
    longitude: float | None = None
    start: str = ""


def shown(message: Message) -> dict[str, Any]:
    """A message as the page draws it."""
    common: dict[str, Any] = {
        "id": message.id,
        "author": message.author,
        "at": message.at.isoformat(),
    }
    if message.author == "contact":
        return common | _own(msgspec.json.decode(message.body, type=Inbound))
    return common | reply_shown(msgspec.json.decode(message.body, type=Reply))


def _own(inbound: Inbound) -> dict[str, Any]:
    _, _, client_id = inbound.external_id.partition(":")
    return {
        "client_id": client_id,
        "kind": inbound.kind.value,
        "text": inbound.argument if inbound.kind is Kind.ACTION else inbound.text,
        "hidden": inbound.kind is Kind.STARTED,
    }


def reply_shown(reply: Reply) -> dict[str, Any]:
    """A reply as the page draws it."""
    return {
        "lang": reply.lang,
        "html": str(html_of(reply.blocks)),
        "buttons": [
            [{"label": button.label, "action": button.action} for button in row]
            for row in reply.buttons
        ],
        "urgent": reply.urgent,
        "place": reply.asks_place,
    }


@get("/")
async def chat_page(request: AnyRequest) -> Response[Any]:
    """The chat, with its history; a visitor gets a cookie and nothing is stored yet."""
    helpline: Helpline = request.app.state.helpline
    visitors: Visitors = request.app.state.visitors
    address = visitors.address_of(request) or visitors.new_address()
    history = await _history(helpline, address, None)
    lang = _lang(request)
    start = request.query_params.get("start", "")[:64]
    context = {
        "lang": lang,
        "words": {code: page_words(translator(code)) for code in LANGS},
        "names": texts.NAMES,
        "state": {
            "history": history,
            "greeting": [] if history else _greeting(helpline, lang, start),
            "lang": lang,
            "start": start,
            "limit": helpline.settings.chat_text_limit,
        },
        "embedded": "embed" in request.query_params,
    }
    origins = " ".join(helpline.settings.chat_allowed_origins)
    response = Template(
        "chat.html",
        context=context,
        headers={
            "Content-Security-Policy": _policy(origins),
            "Cache-Control": "no-store",
            "Content-Language": lang,
        },
    )
    response.cookies.append(visitors.cookie_for(address))
    return response


def _policy(origins: str) -> str:
    return (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors 'self' {origins}".strip()
    )


def _lang(request: AnyRequest) -> Lang:
    asked = request.query_params.get("lang")
    if is_lang(asked):
        return asked
    accepted = request.headers.get("accept-language", "")
    tags = (part.split(";")[0].strip() for part in accepted.split(","))
    known = (lang_of_tag(tag) for tag in tags)
    return next((lang for lang in known if lang), "en" if accepted else "uk")


def _greeting(helpline: Helpline, lang: Lang, start: str) -> list[dict[str, Any]]:
    """What a new visitor sees; it becomes part of the transcript with their first message."""
    started = _started(lang, start, "preview", "preview", helpline.clock())
    turn = build_turn(
        started,
        Conversation(),
        helpline.clock(),
        helpline.knowledge,
        helpline.pipeline.house.service,
        kept_days=helpline.settings.kept_days,
    )
    return [{"id": 0, "author": "bot", **reply_shown(reply)} for reply in decide(turn).replies]


def _started(lang: Lang, start: str, address: str, number: str, now: datetime) -> Inbound:
    return Inbound(
        NAME,
        f"{address}:{number}:start",
        address,
        Kind.STARTED,
        now,
        argument=start,
        device_lang=lang,
    )


async def _history(helpline: Helpline, address: str, before: int | None) -> list[dict[str, Any]]:
    async with helpline.database.read() as connection:
        found = await shown_before(connection, NAME, address, before, PAGE_OF_HISTORY)
    return [shown(message) for message in found]


@get("/chat/history")
async def chat_history(request: AnyRequest, before: int) -> dict[str, Any]:
    """Older messages than those on the page."""
    address = request.app.state.visitors.address_of(request)
    if address is None:
        return {"messages": []}
    return {"messages": await _history(request.app.state.helpline, address, before)}


@post("/chat/messages", status_code=202)
async def chat_send(request: AnyRequest) -> Response[dict[str, Any]]:
    """Take a message; 202 means that it is on disk."""
    helpline: Helpline = request.app.state.helpline
    visitors: Visitors = request.app.state.visitors
    limits: Limits = request.app.state.limits
    if not is_same_origin(request, helpline.settings.base_url()):
        return Response({"error": "origin"}, status_code=403)
    address = visitors.address_of(request)
    if address is None:
        return Response({"error": "cookie"}, status_code=401)
    lang = _lang(request)
    sent = await _read(request)
    if sent is None or not _CLIENT_ID.match(sent.id):
        return Response({"error": "form"}, status_code=400)
    lang = sent.lang if is_lang(sent.lang) else lang
    if not await limits.allows(address, visitors.network_of(request)):
        return Response({"notice": texts.too_fast(translator(lang))}, status_code=429)
    if len(sent.text) > helpline.settings.chat_text_limit:
        notice = texts.too_long(translator(lang), helpline.settings.chat_text_limit)
        return Response({"notice": notice}, status_code=413)
    inbound = _inbound(sent, address, lang, helpline.clock())
    if inbound is None:
        return Response({"error": "form"}, status_code=400)
    first = [] if await _is_known(helpline, address) else [_first(sent, address, lang, inbound)]
    await helpline.inbox.accept([*first, inbound])
    return Response({"id": sent.id}, status_code=202)


def _first(sent: Sent, address: str, lang: Lang, inbound: Inbound) -> Inbound:
    return _started(lang, sent.start[:64], address, sent.id, inbound.at)


async def _read(request: Request[Any, Any, State]) -> Sent | None:
    body = await request.body()
    try:
        return msgspec.json.decode(body, type=Sent) if len(body) < 65536 else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _is_known(helpline: Helpline, address: str) -> bool:
    async with helpline.database.read() as connection:
        return bool(await shown_before(connection, NAME, address, None, 1))


def _inbound(sent: Sent, address: str, lang: Lang, now: datetime) -> Inbound | None:
    common: dict[str, Any] = {
        "channel": NAME,
        "external_id": f"{address}:{sent.id}",
        "contact": address,
        "at": now,
        "device_lang": lang,
    }
    text = sent.text.replace("\x00", "").strip()
    if sent.kind == "action":
        action, _, label = text.partition("\n")
        if decode(action) is None:
            return None
        return Inbound(kind=Kind.ACTION, text=action, argument=label[:64], **common)
    if sent.kind == "location":
        if not _is_place(sent.latitude, sent.longitude):
            return None
        return Inbound(
            kind=Kind.LOCATION, latitude=sent.latitude, longitude=sent.longitude, **common
        )
    if not text:
        return None
    if text.startswith("/") and len(text) > 1:
        command, _, argument = text[1:].partition(" ")
        return Inbound(kind=Kind.COMMAND, text=command.lower(), argument=argument[:64], **common)
    return Inbound(kind=Kind.TEXT, text=text, **common)


def _is_place(latitude: float | None, longitude: float | None) -> bool:
    return (
        latitude is not None
        and longitude is not None
        and -90 <= latitude <= 90
        and -180 <= longitude <= 180
    )


@get("/chat/events")
async def chat_events(request: AnyRequest, after: int = 0) -> Response[Any]:
    """Messages as they appear, each once: the id of an event is that of the message."""
    helpline: Helpline = request.app.state.helpline
    address = request.app.state.visitors.address_of(request)
    if address is None:
        return Response({"error": "cookie"}, status_code=401)
    last = request.headers.get("last-event-id", "")
    start = int(last) if last.isdigit() and len(last) < 18 else max(0, after)
    return ServerSentEvent(
        _events(helpline, address, start),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    helpline: Helpline, address: str, after: int
) -> AsyncIterator[ServerSentEventMessage]:
    # Listening begins before the first look, so nothing can fall between the two.
    with helpline.wakeups.listener(chat(address)) as listener:
        yield ServerSentEventMessage(data=None, comment="open", retry=2000)
        while not helpline.stopping.is_set():
            async with helpline.database.read() as connection:
                found = await shown_after(connection, NAME, address, after, PAGE_OF_HISTORY)
            for message in found:
                after = message.id
                data = msgspec.json.encode(shown(message)).decode()
                yield ServerSentEventMessage(data=data, id=str(message.id), event="message")
            if not found and not await listener.wait(KEEP_ALIVE):
                yield ServerSentEventMessage(data=None, comment="still here")
