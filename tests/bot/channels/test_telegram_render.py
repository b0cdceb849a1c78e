"""Replies as Telegram's messages: nothing is lost, nothing is refused, whatever the text is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup

from bot.channels.telegram_render import TelegramParcel, parcels_of
from handlers import crisis
from handlers.action import Action, Name
from handlers.entry import answer
from handlers.reply import AnyBlock, Button, Call, Field, Heading, Link, Listing, Paragraph, Reply
from handlers.router import build_turn
from handlers.turn import Conversation, Inbound, Kind, Turn
from knowledge.files import read_content
from knowledge.languages import LANGS, Lang
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot
from tests.conftest import MONDAY
from tests.fakes.telegram_rules import Refusal, Understood, understand


def understood(reply: Reply) -> list[Understood]:
    """The messages of a reply as Telegram reads them; raises what Telegram refuses."""
    parcels = [msgspec.json.decode(parcel, type=TelegramParcel) for parcel in parcels_of(reply)]
    return [understand(p.method, {"chat_id": "5001", **as_form(p.params)}) for p in parcels]


def as_form(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they travel: text as it is, the rest as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in params.items()
    }


def buttons_of(message: Understood) -> list[list[tuple[str, str]]]:
    """The buttons under a message."""
    markup = message.params.get("reply_markup", InlineKeyboardMarkup([]))
    return [
        [(button.text, str(button.callback_data)) for button in row]
        for row in markup.inline_keyboard
    ]


def said_in(block: AnyBlock) -> tuple[str, ...]:
    """The texts of a block in the order in which people read them."""
    match block:
        case Heading(text=text) | Paragraph(text=text):
            return (text,)
        case Listing(items=items, label=label):
            return (label, *items)
        case Field(label=label, text=text):
            return (label, text)
        case Link(url=url, label=label):
            return (label, url)
        case Call(phone=""):
            return (block.name, block.email, block.web, block.about)
        case Call():
            return (block.phone, block.name, block.about, block.email, block.web)


def seen(text: str) -> str:
    """Text without the spaces, which a cut may take."""
    return "".join(text.split())


def missing_from(shown: str, reply: Reply) -> Iterator[str]:
    """The texts of a reply that don't stand, in order, in what is shown."""
    at = 0
    for text in (seen(text) for block in reply.blocks for text in said_in(block)):
        found = shown.find(text, at)
        if found < 0:
            yield text
        at = max(at, found + len(text))


CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("<>&\"' \n.😀🇺🇦")
MARKUP = st.sampled_from(["<b>", "</b>", "<br/>", "&lt;", "&#60;", "<a href='x'>", "<!--", "&"])
SHORT = st.text(CHARACTERS, max_size=40) | MARKUP
LONG = st.builds(
    lambda piece, times: (piece * times)[:20_000],
    st.sampled_from(["<b>", "&lt;", "😀", "слово ", "слово", "Речення. ", "\n", "& ", "🇺🇦 "]),
    st.integers(100, 20_000),
)
TEXT = SHORT | SHORT | SHORT | LONG
NUMBER = st.text("0123456789 +", min_size=1, max_size=20)
BLOCKS: st.SearchStrategy[AnyBlock] = st.one_of(
    st.builds(Heading, TEXT),
    st.builds(Paragraph, TEXT, st.booleans()),
    st.builds(Listing, st.lists(TEXT, max_size=5).map(tuple), st.booleans(), SHORT),
    st.builds(Field, SHORT, TEXT),
    st.builds(Call, SHORT, email=SHORT, web=SHORT, about=TEXT, is_open=st.booleans()),
    st.builds(Call, SHORT, NUMBER, sms=st.booleans(), email=SHORT, web=SHORT, about=TEXT),
    st.builds(Link, SHORT, SHORT),
)
LABELS = st.text(CHARACTERS, min_size=1, max_size=40).filter(lambda text: bool(text.strip()))
TOPICS = st.from_regex(r"[a-z]{1,10}\.[a-z-]{1,40}", fullmatch=True)
BUTTONS = st.builds(Button.of, LABELS, st.builds(Action, st.sampled_from(Name), TOPICS))
ROWS = st.lists(st.lists(BUTTONS, min_size=1, max_size=3).map(tuple), max_size=4).map(tuple)
WORDS = st.builds(Paragraph, SHORT.filter(lambda text: bool(text.strip())))
REPLIES = st.builds(
    lambda first, rest, rows: Reply((first, *rest), "uk", rows),
    WORDS,
    st.lists(BLOCKS, max_size=6),
    ROWS,
)
"""Any reply that has something to say."""


@settings(deadline=None)
@given(REPLIES)
def test_any_reply_is_taken_whole(reply: Reply) -> None:
    """Telegram takes every message; together they show all texts in order, the buttons last."""
    messages = understood(reply)
    shown = seen("".join(message.params["text"] for message in messages))
    assert list(missing_from(shown, reply)) == []
    assert [buttons_of(message) for message in messages[:-1]] == [[]] * (len(messages) - 1)
    rows = [[(button.label, button.action) for button in row] for row in reply.buttons]
    assert buttons_of(messages[-1]) == rows


def test_a_lost_text_would_be_noticed() -> None:
    """The order is checked, too: one text before the other is not the other before the one."""
    reply = Reply((Paragraph("one"), Paragraph("two")), "en")
    assert list(missing_from("onetwo", reply)) == []
    assert list(missing_from("twoone", reply)) == ["two"]
    assert list(missing_from("one", reply)) == ["two"]


def test_each_block_has_its_form() -> None:
    """A reply that fits is one message, each block in its own paragraph."""
    reply = Reply(
        (
            Heading("Ліки & лікар"),
            Paragraph("Якщо t < 38"),
            Listing(("раз", "два"), numbered=True, label="Що робити"),
            Listing(("паспорт",)),
            Field("Ціна", "0 zł"),
            Call("Infolinia", "12 000 00 00", email="a@example.org", about="free", is_open=True),
            Call("SMS line", "900 000", sms=True),
            Call("Офіс", web="example.org"),
            Link("https://example.org/?a=1&b=2", "Сторінка"),
            Paragraph("Перевірено", small=True),
        ),
        "uk",
    )
    (parcel,) = parcels_of(reply)
    expected = (
        "<b>Ліки &amp; лікар</b>\n\nЯкщо t &lt; 38\n\n<b>Що робити:</b>\n1. раз\n2. два\n\n"
        "• паспорт\n\n<b>Ціна:</b> 0 zł\n\n"
        "🟢 <b>☎ 12 000 00 00</b> – Infolinia (free)\n   a@example.org\n\n"
        "<b>☎ SMS 900 000</b> – SMS line\n\nОфіс – example.org\n\n"
        "Сторінка: https://example.org/?a=1&amp;b=2\n\n<i>Перевірено</i>"
    )
    assert msgspec.json.decode(parcel) == {
        "method": "sendMessage",
        "params": {
            "text": expected,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        },
    }


def test_a_long_text_is_cut_between_words() -> None:
    """No word is torn, and the messages are as few as the limit allows at half of it each."""
    words = [f"слово{number}" for number in range(2_000)]
    messages = understood(Reply((Paragraph(" ".join(words)),), "uk"))
    assert [word for message in messages for word in message.params["text"].split()] == words


def test_a_full_message_is_not_split() -> None:
    """4096 characters, emoji counted as two, are one message; one more makes two."""
    full = Reply((Paragraph("😀" * 1000), Paragraph("я" * 2092)), "uk")
    assert [len(m.params["text"].encode("utf-16-le")) // 2 for m in understood(full)] == [4094]
    more = Reply((Paragraph("😀" * 1000), Paragraph("я" * 2095)), "uk")
    assert len(understood(more)) == 2


def test_what_shows_nothing_is_not_sent() -> None:
    """Telegram refuses a message without a visible character; what is visible still comes."""
    blank = (Paragraph(""), Heading(" "), Paragraph("\n" * 5_000), Link(""))
    assert parcels_of(Reply(blank, "uk")) == ()
    (message,) = understood(Reply((*blank, Paragraph("так"), *blank), "uk"))
    assert message.params["text"] == "так"


def test_a_place_is_asked_for_with_a_keyboard() -> None:
    """Only a keyboard can send a location; it goes away when it was used."""
    (message,) = understood(Reply((Paragraph("Де ви?"),), "uk", asks_place="📍 Я тут"))
    button = KeyboardButton("📍 Я тут", request_location=True)
    assert message.params["reply_markup"] == ReplyKeyboardMarkup(
        [[button]], resize_keyboard=True, one_time_keyboard=True
    )


@pytest.fixture(scope="module")
def shipped(knowledge: Snapshot) -> Snapshot:
    """All of the real content; its search, which knows less, is not asked here."""
    return Snapshot(read_content(), knowledge.search)


def turn_in(lang: Lang, knowledge: Snapshot) -> Turn:
    """Somebody of this language begins."""
    started = Inbound("telegram", "1", "5001", Kind.STARTED, MONDAY)
    service = Hours("Mo-Fr 08:00-16:00")
    return build_turn(started, Conversation(lang=lang), MONDAY, knowledge, service)


def refusals(replies: Mapping[str, Reply]) -> dict[str, str]:
    """What Telegram says of those that it refuses."""
    found: dict[str, str] = {}
    for name, reply in replies.items():
        try:
            found |= {} if understood(reply) else {name: "says nothing"}
        except Refusal as refusal:
            found[name] = str(refusal)
    return found


@pytest.mark.parametrize("lang", LANGS)
def test_every_entry_is_taken(lang: Lang, shipped: Snapshot) -> None:
    """Each answer of the knowledge base, and each crisis card, is shown whole in each language."""
    turn = turn_in(lang, shipped)
    replies = {topic: answer(turn, entry) for topic, entry in shipped.content.entries.items()}
    replies |= {kind: crisis.card(turn, kind) for kind in shipped.cards}
    assert len(replies) > 100
    assert refusals(replies) == {}
    lost = {
        name: list(missing_from(seen("".join(m.params["text"] for m in understood(reply))), reply))
        for name, reply in replies.items()
    }
    assert {name: texts for name, texts in lost.items() if texts} == {}


def test_a_refusal_would_be_noticed() -> None:
    """The check above can fail."""
    button = Button("too much", "t:" + "x" * 63)
    reply = Reply((Paragraph("text"),), "uk", ((button,),))
    assert refusals({"info.points": reply}) == {"info.points": "Bad Request: BUTTON_DATA_INVALID"}
