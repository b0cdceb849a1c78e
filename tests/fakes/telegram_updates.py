"""Updates as Telegram sends them, made with python-telegram-bot's types.

`python -m tests.fakes.telegram_updates` writes one of each kind into tests/fixtures/telegram.
All people are invented.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, repeat
from pathlib import Path
from typing import Any

from telegram import (
    Animation,
    Audio,
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberBanned,
    ChatMemberMember,
    ChatMemberUpdated,
    Contact,
    Dice,
    Document,
    Game,
    InaccessibleMessage,
    Location,
    MaybeInaccessibleMessage,
    Message,
    MessageEntity,
    PhotoSize,
    Poll,
    PollOption,
    Sticker,
    Story,
    Update,
    User,
    Venue,
    Video,
    VideoNote,
    Voice,
)

from tests.fakes.telegram import ME

Json = dict[str, Any]

FOLDER = Path(__file__).parent.parent / "fixtures" / "telegram"
SENT_AT = datetime(2026, 11, 23, 9, 59, 30, tzinfo=UTC)
EDITED_AT = datetime(2026, 11, 23, 9, 59, 50, tzinfo=UTC)
FOREVER = datetime(1970, 1, 1, tzinfo=UTC)
"""How Telegram writes a ban without an end."""

PHOTO = (
    PhotoSize("photo-small", "u-small", 90, 67, 1_200),
    PhotoSize("photo-large", "u-large", 1280, 960, 150_000),
)

_NUMBERS: Iterator[int] = count(1)


@dataclass(frozen=True)
class Person:
    """Somebody with Telegram; what they do is returned as an update."""

    id: int
    lang: str | None = None
    name: str = "Оксана"
    is_bot: bool = False
    chat: Chat | None = None
    """The chat they write in, when it is not their own."""
    numbers: Iterator[int] = field(default_factory=lambda: _NUMBERS)

    @property
    def user(self) -> User:
        """The person as the sender of something."""
        return User(self.id, self.name, is_bot=self.is_bot, language_code=self.lang)

    @property
    def place(self) -> Chat:
        """The chat they write in."""
        return self.chat or Chat(self.id, Chat.PRIVATE, first_name=self.name)

    def within(self, chat: Chat) -> "Person":
        """The same person, writing in another chat."""
        return replace(self, chat=chat)

    def message(self, **content: Any) -> Message:
        """A message of theirs."""
        number = next(self.numbers)
        return Message(number, SENT_AT, self.place, from_user=self.user, **content)

    def sends(self, **content: Any) -> Json:
        """A new message, with whatever a message can hold."""
        return self._update(message=self.message(**content))

    def writes(self, text: str) -> Json:
        """A text."""
        return self.sends(text=text)

    def commands(self, text: str) -> Json:
        """A command, marked as one."""
        length = len(text.split(" ")[0])
        return self.sends(text=text, entities=[MessageEntity("bot_command", 0, length)])

    def edits(self, **content: Any) -> Json:
        """A message changed afterwards."""
        return self._update(edited_message=self.message(edit_date=EDITED_AT, **content))

    def presses(self, data: str, under: MaybeInaccessibleMessage | None = None) -> Json:
        """A button under a message of the bot."""
        shown = under or Message(next(self.numbers), SENT_AT, self.place, from_user=ME, text="…")
        query = CallbackQuery(
            f"press-{next(self.numbers)}",
            self.user,
            f"instance-{self.id}",
            message=shown,
            data=data,
        )
        return self._update(callback_query=query)

    def blocks(self) -> Json:
        """The bot is blocked."""
        return self._membership(ChatMemberMember(ME), ChatMemberBanned(ME, FOREVER))

    def unblocks(self) -> Json:
        """The bot is let in again."""
        return self._membership(ChatMemberBanned(ME, FOREVER), ChatMemberMember(ME))

    def _membership(self, before: ChatMember, after: ChatMember) -> Json:
        change = ChatMemberUpdated(self.place, self.user, SENT_AT, before, after)
        return self._update(my_chat_member=change)

    def _update(self, **content: Any) -> Json:
        return Update(700_000_000 + next(self.numbers), **content).to_dict()


def fixtures() -> dict[str, Json]:
    """One update of each kind, the same every time: all are number 7."""
    oksana = Person(5001, "uk", numbers=repeat(7))
    return (
        _words(oksana)
        | _presses(oksana)
        | _places(oksana)
        | _files(oksana)
        | _unsupported(oksana)
        | _changes(oksana)
        | _groups(oksana)
        | _from_the_future(oksana)
    )


def _words(oksana: Person) -> dict[str, Json]:
    return {
        "text": oksana.writes("Як отримати PESEL UKR?"),
        "text-no-language": replace(oksana, lang=None).writes("Where can I sleep tonight?"),
        "command-deep-link": oksana.commands("/start stay_pesel-ukr"),
        "command-with-bot-name": oksana.commands("/Help@helpline_test_bot"),
        "edited-message": oksana.edits(text="Як отримати PESEL?"),
        "edited-command": oksana.edits(text="/help"),
        "edited-caption": oksana.edits(photo=PHOTO, caption="Що це за документ?"),
    }


def _presses(oksana: Person) -> dict[str, Json]:
    old = InaccessibleMessage(oksana.place, 17)
    inline = CallbackQuery("press-inline", oksana.user, "instance-5001", game_short_name="chess")
    return {
        "callback-query": oksana.presses("t:stay.pesel-ukr"),
        "callback-query-inaccessible": oksana.presses("m", under=old),
        "callback-query-no-message": oksana._update(callback_query=inline),
    }


def _places(oksana: Person) -> dict[str, Json]:
    krakow = Location(longitude=19.937, latitude=50.0614)
    moved = Location(longitude=19.938, latitude=50.0615, live_period=900, heading=90)
    return {
        "location": oksana.sends(location=krakow),
        "venue": oksana.sends(location=krakow, venue=Venue(krakow, "Sukiennice", "Rynek Główny 1")),
        "live-location-moved": oksana.edits(location=moved),
        "contact": oksana.sends(contact=Contact("+48000000000", "Оксана", user_id=5001)),
    }


def _files(oksana: Person) -> dict[str, Json]:
    animation = Animation("animation-1", "u-a", 320, 240, 3, mime_type="video/mp4", file_size=9_000)
    gif = Document("animation-1", "u-a", mime_type="video/mp4", file_size=9_000)
    letter = Document("document-1", "u-d", "лист.pdf", "application/pdf", 52_000)
    sticker = Sticker("sticker-1", "u-s", 512, 512, False, False, "regular", "👍", 12_000)
    return {
        "photo-album-first": oksana.sends(
            photo=PHOTO, caption="Що мені з цим робити?", media_group_id="album-1"
        ),
        "photo-album-second": oksana.sends(photo=PHOTO, media_group_id="album-1"),
        "document": oksana.sends(document=letter),
        "voice": oksana.sends(voice=Voice("voice-1", "u-v", 4, "audio/ogg", 8_000)),
        "video": oksana.sends(video=Video("video-1", "u-w", 640, 480, 5, mime_type="video/mp4")),
        "video-note": oksana.sends(video_note=VideoNote("note-1", "u-n", 240, 6, file_size=70_000)),
        "audio": oksana.sends(audio=Audio("audio-1", "u-o", 60, "Хор", "Пісня", "audio/mpeg")),
        "sticker": oksana.sends(sticker=sticker),
        "animation": oksana.sends(animation=animation, document=gif),
    }


def _unsupported(oksana: Person) -> dict[str, Json]:
    options = [PollOption(words, 0, persistent_id=words) for words in ("так", "ні")]
    poll = Poll(
        "poll-1", "Прийдеш?", options, 0, False, True, Poll.REGULAR, False,
        allows_revoting=False, members_only=False,
    )  # fmt: skip
    channel = Chat(-1002000000001, Chat.CHANNEL, title="Новини")
    return {
        "poll": oksana.sends(poll=poll),
        "dice": oksana.sends(dice=Dice(4, "🎲")),
        "story": oksana.sends(story=Story(channel, 3)),
        "game": oksana.sends(game=Game("Шахи", "Гра", PHOTO)),
    }


def _changes(oksana: Person) -> dict[str, Json]:
    return {
        "blocked": oksana.blocks(),
        "unblocked": oksana.unblocks(),
        "pinned": oksana.sends(pinned_message=oksana.message(text="Важливо")),
    }


def _groups(oksana: Person) -> dict[str, Json]:
    group = Chat(-4001, Chat.GROUP, title="Сусіди")
    supergroup = Chat(-1004001, Chat.SUPERGROUP, title="Сусіди")
    channel = Chat(-1002000000001, Chat.CHANNEL, title="Новини")
    member = oksana.within(group)
    post = Message(9, SENT_AT, channel, sender_chat=channel, text="Новина")
    robot = replace(oksana, id=7001, name="Other", is_bot=True)
    return {
        "migrate-to-supergroup": member.sends(migrate_to_chat_id=supergroup.id),
        "migrate-from-group": oksana.within(supergroup).sends(migrate_from_chat_id=group.id),
        "group-message": member.writes("Хтось знає, де курси?"),
        "group-command": member.commands("/start@helpline_test_bot"),
        "group-bot-added": member._membership(ChatMemberBanned(ME, FOREVER), ChatMemberMember(ME)),
        "channel-post": oksana._update(channel_post=post),
        "message-from-a-bot": robot.within(group).writes("beep"),
    }


def _from_the_future(oksana: Person) -> dict[str, Json]:
    odd_field, odd_kind, odd_content = (oksana.writes("Де я можу поїсти?") for _ in range(3))
    odd_field["message"]["mood"] = {"type": "curious", "strength": 3}
    odd_kind["hologram"] = odd_kind.pop("message")
    del odd_content["message"]["text"]
    odd_content["message"]["hologram"] = {"file_id": "hologram-1"}
    # A field that is known today and has another form tomorrow.
    odd_form = oksana.sends(dice=Dice(4, "🎲"))
    odd_form["message"]["dice"] = "four"
    return {
        "unknown-field": odd_field,
        "unknown-kind": odd_kind,
        "unknown-content": odd_content,
        "unreadable-message": odd_form,
    }


def path_of(name: str) -> Path:
    """Where a fixture is kept."""
    return FOLDER / f"{name}.json"


def written(update: Json) -> str:
    """An update as its file has it."""
    return json.dumps(update, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write all fixtures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, update in fixtures().items():
        path_of(name).write_text(written(update), encoding="utf-8")


if __name__ == "__main__":
    main()
