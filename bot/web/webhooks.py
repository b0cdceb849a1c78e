"""Where Telegram and Viber call us: verify, store, and only then 200."""

import hmac
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.datastructures import State

from bot.app import TELEGRAM_PATH, VIBER_PATH, Helpline
from bot.channels import telegram, viber
from bot.channels.viber import Viber
from bot.delivery.receipts import record_receipt
from bot.delivery.welcome import welcome
from bot.logs import where

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
SIGNATURE_HEADER = "X-Viber-Content-Signature"

log = structlog.get_logger()

JsonResponse = Response[dict[str, Any]]


def _answer(status: int, body: dict[str, Any] | None = None) -> JsonResponse:
    return Response(body or {}, status_code=status)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


@post(TELEGRAM_PATH, status_code=200)
async def telegram_webhook(request: Request[Any, Any, State]) -> JsonResponse:
    """One update of Telegram."""
    helpline: Helpline = request.app.state.helpline
    if helpline.telegram is None:
        return _answer(404)
    given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, helpline.settings.webhook_secret().encode()):
        return _answer(403)
    update = _object(await request.body())
    if update is None:
        # Never to be understood, so it must not come again.
        return _answer(200)
    try:
        inbound = telegram.parse(update, helpline.clock())
    except Exception as error:
        log.error("update_not_parsed", error=type(error).__name__, where=where(error))
        inbound = None
    if inbound:
        await helpline.inbox.accept([inbound])
    return _answer(200)


@post(VIBER_PATH, status_code=200)
async def viber_webhook(request: Request[Any, Any, State]) -> JsonResponse:
    """One event of Viber."""
    helpline: Helpline = request.app.state.helpline
    channel = helpline.viber
    if channel is None:
        return _answer(404)
    body = await request.body()
    # The header is what Viber documents; its own Node SDK reads ?sig= instead.
    signature = request.headers.get(SIGNATURE_HEADER) or request.query_params.get("sig")
    if not viber.is_signed(channel.token, body, signature):
        return _answer(403)
    event = _object(body)
    if event is None:
        return _answer(200)
    return await _viber_event(helpline, channel, event)


async def _viber_event(helpline: Helpline, channel: Viber, event: dict[str, Any]) -> JsonResponse:
    now = helpline.clock()
    receipt = viber.receipt_of(event)
    if receipt:
        kind, token = receipt
        await record_receipt(helpline.database, viber.NAME, token, kind, now)
        return _answer(200)
    inbound = viber.parse(event, now)
    if inbound and event.get("event") == "conversation_started":
        # Not yet a subscriber: the only way to say something is in this answer.
        parcel = await welcome(helpline.database, helpline.pipeline, channel, inbound, now)
        return _answer(200, channel.welcome(parcel) if parcel else None)
    if inbound:
        await helpline.inbox.accept([inbound])
    return _answer(200)
