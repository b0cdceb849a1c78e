"""The web chat: its page, what it sends, and what it is shown live."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Template
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

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

_MOST_BYTES = 65_536
_CLIENT_ID = re.compile(r"[0-9a-f-]{8,40}")
_COMMAND = re.compile(r"/([a-zA-Z_]{1,32})(?:\s+(\S.{0,63}))?")

MessageId = Annotated[int, Parameter(ge=0, lt=2**53)]
"""A number of a message that every database and every browser can hold."""


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
        "text": _as_written(inbound),
        "hidden": inbound.kind is Kind.STARTED,
    }


def _as_written(inbound: Inbound) -> str:
    if inbound.kind is Kind.ACTION:
        return inbound.argument
    if inbound.kind is Kind.COMMAND:
        return f"/{inbound.text} {inbound.argument}".strip()
    return inbound.text


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
    lang = _lang_of(history) or _lang(request)
    start = request.query_params.get("start", "")[:64]
    context = {
        "lang": lang,
        "words": {code: _words(code, helpline.settings.chat_text_limit) for code in LANGS},
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


def _words(lang: Lang, limit: int) -> dict[str, str]:
    t = translator(lang)
    return page_words(t) | {"too_long": texts.too_long(t, limit)}


def _lang_of(history: list[dict[str, Any]]) -> Lang | None:
    """The language of the last reply: the page speaks as the conversation does."""
    found = (message["lang"] for message in reversed(history) if message["author"] == "bot")
    return next((lang for lang in found if is_lang(lang)), None)


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
    started = _started(lang, start, "preview", helpline.clock())
    turn = build_turn(
        started,
        Conversation(),
        helpline.clock(),
        helpline.knowledge,
        helpline.pipeline.house.service,
        kept_days=helpline.settings.kept_days,
    )
    return [{"id": 0, "author": "bot", **reply_shown(reply)} for reply in decide(turn).replies]


def _started(lang: Lang, start: str, address: str, now: datetime) -> Inbound:
    # Not numbered: of two first messages in a hurry only one begins the conversation.
    return Inbound(
        NAME,
        f"{address}:start",
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
async def chat_history(request: AnyRequest, before: MessageId) -> dict[str, Any]:
    """Older messages than those on the page."""
    address = request.app.state.visitors.address_of(request)
    if address is None:
        return {"messages": []}
    return {"messages": await _history(request.app.state.helpline, address, before)}


@post("/chat/leave", status_code=204)
async def chat_leave(request: AnyRequest) -> Response[None]:
    """Forget the visitor on this device; what was said stays with the team until its time."""
    helpline: Helpline = request.app.state.helpline
    response: Response[None] = Response(None, status_code=204)
    if is_same_origin(request, helpline.settings.base_url()):
        response.cookies.append(request.app.state.visitors.cookie_forgotten())
    return response


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
    if sent is None or not _CLIENT_ID.fullmatch(sent.id):
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
    start = _started(lang, sent.start[:64], address, inbound.at)
    first = [] if await _is_known(helpline, address) else [start]
    await helpline.inbox.accept([*first, inbound])
    return Response({"id": sent.id}, status_code=202)


async def _read(request: Request[Any, Any, State]) -> Sent | None:
    body = await request.body()
    try:
        return msgspec.json.decode(body, type=Sent) if len(body) < _MOST_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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
    if command := _COMMAND.fullmatch(text):
        name, argument = command.groups(default="")
        return Inbound(kind=Kind.COMMAND, text=name.lower(), argument=argument, **common)
    return Inbound(kind=Kind.TEXT, text=text, **common)


def _is_place(latitude: float | None, longitude: float | None) -> bool:
    return (
        latitude is not None
        and longitude is not None
        and -90 <= latitude <= 90
        and -180 <= longitude <= 180
    )


@get("/chat/events")
async def chat_events(request: AnyRequest, after: MessageId = 0) -> Response[Any]:
    """Messages as they appear, each once: the id of an event is that of the message."""
    helpline: Helpline = request.app.state.helpline
    address = request.app.state.visitors.address_of(request)
    if address is None:
        return Response({"error": "cookie"}, status_code=401)
    last = request.headers.get("last-event-id", "")
    start = int(last) if last.isdecimal() and len(last) < 16 else after
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
                is_erased = await _is_erased(connection, address, after) if found else False
            if is_erased:
                yield ServerSentEventMessage(data="{}", event="erased")
            for message in found:
                after = message.id
                data = msgspec.json.encode(shown(message)).decode()
                yield ServerSentEventMessage(data=data, id=str(message.id), event="message")
            if not found and not await listener.wait(KEEP_ALIVE):
                yield ServerSentEventMessage(data=None, comment="still here")


async def _is_erased(connection: AsyncConnection, address: str, seen: int) -> bool:
    """Whether what a page has seen is gone, so that it must not show it any longer."""
    return seen > 0 and not await shown_before(connection, NAME, address, seen + 1, 1)
