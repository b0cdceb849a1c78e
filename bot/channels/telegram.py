"""Telegram through aiogram as client and parser. Rendering is telegram_render."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    GetUpdates,
    SendLocation,
    SendMessage,
    SendVenue,
    SetMyCommands,
    SetWebhook,
    TelegramMethod,
)
from aiogram.methods.base import Response
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    CallbackQuery,
    ChatMemberUpdated,
    Message,
    Update,
)
from pydantic import ValidationError

from bot.channels.base import Gone, Later, Letter, Moved, Receipt, Refused, Unknown
from bot.channels.telegram_render import TelegramParcel, parcels_of
from handlers import texts
from handlers.reply import Reply
from handlers.translate import translator
from handlers.turn import Attachment, Inbound, Kind
from knowledge.languages import LANGS

NAME: Final = "telegram"
ALLOWED_UPDATES: Final = ["message", "edited_message", "callback_query", "my_chat_member"]
CALLBACK_LIFE: Final = timedelta(seconds=150)
"""A button press older than this can't be answered (Telegram drops it from its queue then)."""

METHODS: Final[dict[str, type[TelegramMethod[Any]]]] = {
    "sendMessage": SendMessage,
    "sendVenue": SendVenue,
    "sendLocation": SendLocation,
    "answerCallbackQuery": AnswerCallbackQuery,
}


# aiogram makes these models anew for each answer unless somebody keeps them.
_KEPT_MODELS = (Response[Message], Response[bool])


class RawUpdates(GetUpdates):
    """getUpdates with each update left undecoded: one odd update must not block the rest."""

    __returning__ = list[dict[str, Any]]


class Telegram:
    """The bot at the Bot API. Parses updates into inbounds, sends parcels."""

    name = NAME
    is_local = False

    def __init__(self, token: str, api_url: str) -> None:
        server = TelegramAPIServer.from_base(api_url.rstrip("/"))
        self.session = AiohttpSession(api=server, timeout=30)
        self.bot = Bot(token, session=self.session)

    def render(self, reply: Reply) -> tuple[bytes, ...]:
        """The reply as sendMessage calls."""
        return parcels_of(reply)

    def acknowledge(self, inbound: Inbound) -> tuple[bytes, ...]:
        """A press is answered at once, or the person's button keeps spinning."""
        if not inbound.callback:
            return ()
        params = {"callback_query_id": inbound.callback}
        return (msgspec.json.encode(TelegramParcel("answerCallbackQuery", params)),)

    async def send(self, letter: Letter, now: datetime) -> Receipt:
        """Call the Bot API. 429 and 5xx: later. 403: gone. 400: refused. Silence: unknown."""
        method = _method(letter)
        is_press = isinstance(method, AnswerCallbackQuery)
        if is_press and now - letter.created_at > CALLBACK_LIFE:
            return Receipt()
        try:
            result = await self.bot(method)
        except TelegramBadRequest as error:
            if is_press:
                return Receipt()
            raise _bad_request(error) from error
        except TelegramRetryAfter as error:
            # A group has a budget of its own; a private chat's 429 means the bot as a whole.
            is_group = letter.address.startswith("-")
            raise Later("rate limit", error.retry_after, whole_channel=not is_group) from error
        except TelegramMigrateToChat as error:
            raise Moved(str(error.migrate_to_chat_id)) from error
        except TelegramForbiddenError as error:
            raise Gone("blocked or deleted") from error
        except TelegramUnauthorizedError as error:
            raise Later("the token is refused", 60, whole_channel=True) from error
        except (TelegramServerError, TelegramNotFound) as error:
            raise Later(f"Telegram answers {type(error).__name__}", 5) from error
        except TelegramNetworkError as error:
            raise _network_error(error) from error
        except ClientDecodeError as error:
            if "<html" in str(error.data).lower():
                # A gateway before the Bot API answered, so the call did not get there.
                raise Later("a gateway answers for Telegram", 10) from error
            raise Unknown("the answer can't be read") from error
        except TelegramAPIError as error:
            raise Refused(type(error).__name__) from error
        return Receipt(str(result.message_id) if isinstance(result, Message) else "")

    async def register(self) -> None:
        """The commands, named in each language and in English for everybody else."""
        for lang in (*LANGS, None):
            t = translator(lang or "en")
            await self.bot(
                SetMyCommands(
                    commands=[
                        BotCommand(command="start", description=texts.command_start(t)),
                        BotCommand(command="help", description=texts.command_help(t)),
                        BotCommand(command="language", description=texts.command_language(t)),
                        BotCommand(command="person", description=texts.command_person(t)),
                        BotCommand(command="points", description=texts.command_points(t)),
                        BotCommand(command="privacy", description=texts.command_privacy(t)),
                        BotCommand(command="delete", description=texts.command_delete(t)),
                    ],
                    scope=BotCommandScopeAllPrivateChats(),
                    language_code=lang,
                )
            )

    async def set_webhook(self, url: str, secret: str) -> None:
        """Let Telegram call us."""
        await self.bot(
            SetWebhook(url=url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES))
        )

    async def remove_webhook(self) -> None:
        """Before polling: Telegram answers 409 while a webhook is set."""
        await self.bot(DeleteWebhook())

    async def updates(self, offset: int | None, wait: int = 25) -> list[dict[str, Any]]:
        """The next updates, undecoded; asking with an offset confirms all before it."""
        method = RawUpdates(
            offset=offset, limit=100, timeout=wait, allowed_updates=list(ALLOWED_UPDATES)
        )
        result: Any = await self.bot(method, request_timeout=wait + 15)
        return list(result)

    async def close(self) -> None:
        """Close the connections to the Bot API."""
        await self.session.close()


def _method(letter: Letter) -> TelegramMethod[Any]:
    """The call of a parcel; one that no version of us could have meant is refused."""
    try:
        parcel = msgspec.json.decode(letter.parcel, type=TelegramParcel)
        method = METHODS[parcel.method]
        to = {} if method is AnswerCallbackQuery else {"chat_id": letter.address}
        return method.model_validate({**to, **parcel.params})
    except (msgspec.MsgspecError, KeyError, ValidationError) as error:
        raise Refused("the parcel can't be read") from error


def _bad_request(error: TelegramBadRequest) -> Gone | Refused:
    reason = error.message.lower()
    if "chat not found" in reason or "user is deactivated" in reason:
        return Gone("the chat does not exist")
    # Telegram's own words name what is wrong with our call and hold none of the person's.
    return Refused(error.message)


def _network_error(error: TelegramNetworkError) -> Later | Unknown:
    cause = error.__cause__ or error.__context__
    name = type(cause).__name__
    if name in ("ClientConnectorError", "ClientConnectorDNSError", "ConnectionRefusedError"):
        return Later("no connection to Telegram", 5)
    if isinstance(cause, asyncio.TimeoutError | TimeoutError):
        return Unknown("no answer in time")
    return Unknown(f"the connection broke: {name}")


def parse(raw: dict[str, Any], now: datetime) -> Inbound | None:
    """The inbound of an update; None for one that nobody has to answer."""
    update_id = raw.get("update_id")
    if not isinstance(update_id, int):
        return None
    try:
        update = Update.model_validate(raw)
    except ValidationError:
        return _salvage(raw, str(update_id), now)
    if update.message:
        return _message(update.message, str(update_id), edited=False)
    if update.edited_message:
        return _message(update.edited_message, str(update_id), edited=True)
    if update.callback_query:
        return _press(update.callback_query, str(update_id), now)
    if update.my_chat_member:
        return _membership(update.my_chat_member, str(update_id))
    return None


def _salvage(raw: dict[str, Any], external_id: str, now: datetime) -> Inbound | None:
    """An update this version can't read is still answered, if it says who wrote."""
    for value in raw.values():
        chat = value.get("chat") if isinstance(value, dict) else None
        chat_id = chat.get("id") if isinstance(chat, dict) else None
        if isinstance(chat_id, int) and chat_id > 0:
            return Inbound(NAME, external_id, str(chat_id), Kind.UNSUPPORTED, now)
    return None


def _message(message: Message, external_id: str, *, edited: bool) -> Inbound | None:
    chat, sender = message.chat, message.from_user
    common: dict[str, Any] = {
        "channel": NAME,
        "external_id": external_id,
        "contact": str(chat.id),
        "at": message.date.astimezone(UTC),
        "device_lang": (sender.language_code or "") if sender else "",
        "message": str(message.message_id),
        "group": chat.type != "private",
    }
    if chat.type == "channel" or (sender and sender.is_bot):
        return None
    if message.migrate_to_chat_id:
        return Inbound(kind=Kind.MOVED, argument=str(message.migrate_to_chat_id), **common)
    if edited:
        # A live location is "edited" every few seconds: only changed words are news.
        words = message.text or message.caption
        return Inbound(kind=Kind.EDITED, text=words, **common) if words else None
    if message.text and message.text.startswith("/"):
        command, _, argument = message.text[1:].partition(" ")
        name, _, _ = command.partition("@")
        return Inbound(
            kind=Kind.COMMAND, text=name.lower(), argument=argument.strip()[:64], **common
        )
    if message.text:
        return Inbound(kind=Kind.TEXT, text=message.text, **common)
    place = message.venue.location if message.venue else message.location
    if place:
        return Inbound(
            kind=Kind.LOCATION, latitude=place.latitude, longitude=place.longitude, **common
        )
    if message.contact:
        return Inbound(kind=Kind.PHONE, **common)
    attachment = next(_attachments(message), None)
    if attachment:
        return Inbound(
            kind=Kind.ATTACHMENT, text=message.caption or "", attachment=attachment, **common
        )
    if _is_service(message):
        return None
    return Inbound(kind=Kind.UNSUPPORTED, **common)


def _is_service(message: Message) -> bool:
    return bool(
        message.new_chat_members
        or message.left_chat_member
        or message.group_chat_created
        or message.supergroup_chat_created
        or message.migrate_from_chat_id
        or message.pinned_message
        or message.message_auto_delete_timer_changed
        or message.write_access_allowed
    )


def _attachments(message: Message) -> Iterator[Attachment]:
    album = message.media_group_id or ""
    if message.photo:
        best = max(message.photo, key=lambda size: size.width)
        yield Attachment("photo", best.file_id, size=best.file_size, album=album)
    if message.sticker:
        yield Attachment("sticker", message.sticker.file_id, size=message.sticker.file_size)
    for kind, media in (
        ("voice", message.voice),
        ("audio", message.audio),
        ("animation", message.animation),
        ("video", message.video),
        ("video", message.video_note),
        ("document", message.document),
    ):
        if media:
            yield Attachment(
                kind,
                media.file_id,
                name=getattr(media, "file_name", None) or "",
                mime=getattr(media, "mime_type", None) or "",
                size=media.file_size,
                album=album,
            )


def _press(press: CallbackQuery, external_id: str, now: datetime) -> Inbound:
    # The message may be an InaccessibleMessage (too old): its chat is still there.
    chat = press.message.chat if press.message else None
    return Inbound(
        channel=NAME,
        external_id=external_id,
        contact=str(chat.id if chat else press.from_user.id),
        kind=Kind.ACTION,
        at=now,
        text=press.data or "",
        device_lang=press.from_user.language_code or "",
        callback=press.id,
        message=str(press.message.message_id) if press.message else "",
        group=bool(chat and chat.type != "private"),
    )


def _membership(change: ChatMemberUpdated, external_id: str) -> Inbound | None:
    if change.chat.type != "private":
        return None
    blocked = change.new_chat_member.status in ("kicked", "left")
    return Inbound(
        channel=NAME,
        external_id=external_id,
        contact=str(change.chat.id),
        kind=Kind.BLOCKED if blocked else Kind.UNBLOCKED,
        at=change.date.astimezone(UTC),
        device_lang=change.from_user.language_code or "",
    )
