"""What a reply looks like in Viber: as Viber's library would write it, and within its limits."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from viberbot.api.messages import KeyboardMessage, TextMessage

from bot.channels.plain import text_of
from bot.channels.viber import Viber, parse
from handlers.action import Action, Name, decode
from handlers.reply import (
    AnyBlock,
    Button,
    Call,
    Field,
    Heading,
    Link,
    Listing,
    Paragraph,
    Reply,
)
from handlers.router import build_turn, decide
from handlers.turn import Attachment, Conversation, Inbound, Kind, Outcome
from knowledge.files import CONTENT, read_content
from knowledge.languages import LANGS, Lang
from knowledge.places.hours import Hours
from knowledge.snapshot import Snapshot
from tests.conftest import MONDAY
from tests.fakes.viber import TOKEN
from tests.fakes.viber_events import PERSON, message
from tests.fakes.viber_rules import buttons_of, faults, rows_of

Json = dict[str, Any]

CHANNEL = Viber(TOKEN, "http://127.0.0.1:9/pa", "Helpline Małopolska")
"""Rendering needs no connection."""


def rendered(reply: Reply) -> list[Json]:
    """The messages of a reply."""
    return [msgspec.json.decode(parcel) for parcel in CHANNEL.render(reply)]


def faults_of(reply: Reply) -> list[str]:
    """What Viber would refuse of a reply: sent, and said as the answer to an event."""
    parcels = CHANNEL.render(reply)
    sent = [{"receiver": PERSON, **CHANNEL.welcome(parcel)} for parcel in parcels]
    return [fault for one in sent for fault in faults(one)] + [
        fault for parcel in parcels for fault in faults(CHANNEL.welcome(parcel), is_answer=True)
    ]


def pressed(reply: Reply) -> list[Action | None]:
    """What comes back when each button of the rendered reply is pressed, in their order."""
    bodies = [button["ActionBody"] for one in rendered(reply) for button in buttons_of(one)]
    found = [parse(message(body, number), MONDAY) for number, body in enumerate(bodies)]
    return [one.action for one in found if one is not None]


def meant(reply: Reply) -> list[Action | None]:
    """What the buttons of a reply mean, in their order."""
    return [decode(button.action) for row in reply.buttons for button in row]


def rows(count: int, width: int = 1) -> tuple[tuple[Button, ...], ...]:
    """So many rows of so many buttons."""
    buttons = [Button.of("Тема", Action(Name.TOPIC, f"stay.topic-{n}")) for n in range(width)]
    return (tuple(buttons),) * count


PERSON_BUTTON = Button.of("Людина", Action(Name.PERSON))
MENU_BUTTON = Button.of("Меню", Action(Name.MENU))
HELLO = Reply((Heading("Вітаю"), Paragraph("Запитайте.")), "uk", ((PERSON_BUTTON, MENU_BUTTON),))
KEYBOARD: Json = {
    "Type": "keyboard",
    "DefaultHeight": False,
    "Buttons": [
        {
            "Columns": 3,
            "Rows": 1,
            "ActionType": "reply",
            "ActionBody": "hl!p",
            "Text": "Людина",
            "TextSize": "regular",
            "Silent": True,
        },
        {
            "Columns": 3,
            "Rows": 1,
            "ActionType": "reply",
            "ActionBody": "hl!m",
            "Text": "Меню",
            "TextSize": "regular",
            "Silent": True,
        },
    ],
}


def test_a_reply_is_the_json_that_viberbot_writes() -> None:
    """Text and keyboard are where Viber's own library puts them."""
    theirs = TextMessage(text="Вітаю\n\nЗапитайте.", keyboard=KEYBOARD, min_api_version=6)
    assert rendered(HELLO) == [theirs.to_dict()]
    assert rendered(HELLO.but(buttons=())) == [TextMessage(text="Вітаю\n\nЗапитайте.").to_dict()]


def test_a_keyboard_is_the_json_that_viberbot_writes() -> None:
    """Beside the text stands exactly what a keyboard sent alone would be."""
    [said] = rendered(HELLO)
    alone = KeyboardMessage(keyboard=KEYBOARD, min_api_version=6).to_dict()
    assert {name: said[name] for name in said.keys() - {"type", "text"}} == alone


def test_the_button_that_asks_for_a_place_comes_first() -> None:
    """It is Viber's own: what comes back is a location."""
    [said] = rendered(HELLO.but(asks_place="Де я"))
    place = {"Columns": 6, "Rows": 1, "ActionType": "location-picker"}
    assert buttons_of(said) == [
        {**place, "ActionBody": "place", "Text": "Де я"},
        *KEYBOARD["Buttons"],
    ]
    assert faults_of(HELLO.but(asks_place="Де я")) == []


def test_the_keyboard_stands_under_the_last_message() -> None:
    """A long reply is several messages; who has read them finds the buttons at the end."""
    said = rendered(HELLO.but(blocks=(Paragraph("Так буває. " * 2000),)))
    assert len(said) > 1
    assert [("keyboard" in one) for one in said] == [False] * (len(said) - 1) + [True]


@pytest.mark.parametrize(
    ("count", "width", "columns"),
    [
        (12, 1, [[6]] * 12),
        (12, 2, [[3, 3]] * 12),
        (12, 3, [[2, 2, 2]] * 12),
        (13, 1, [[3, 3]] * 6 + [[3]]),
        (22, 1, [[3, 3]] * 11),
        (25, 1, [[2, 2, 2]] * 8 + [[2]]),
        (37, 1, [[1] * 6] * 6 + [[1]]),
    ],
)
def test_beyond_twelve_rows_buttons_share_a_row(
    count: int, width: int, columns: list[list[int]]
) -> None:
    """Up to twelve rows stay as they are; more would not be shown at all."""
    reply = HELLO.but(buttons=rows(count, width))
    [said] = rendered(reply)
    assert [[button["Columns"] for button in row] for row in rows_of(said)] == columns
    assert faults_of(reply) == []


def test_a_place_makes_room_for_itself() -> None:
    """Twelve rows and the button that shares a place are one too many."""
    reply = HELLO.but(buttons=rows(12), asks_place="Де я")
    assert len(rows_of(rendered(reply)[0])) == 7
    assert faults_of(reply) == []


words = st.text(min_size=1, max_size=60)
long = st.builds(
    lambda text, times: text * times, st.text(min_size=1, max_size=99), st.integers(1, 300)
)
blocks = st.lists(
    st.one_of(
        st.builds(Heading, words),
        st.builds(Paragraph, long, st.booleans()),
        st.builds(Listing, st.lists(words, min_size=1).map(tuple), st.booleans(), words),
        st.builds(Field, words, words),
        st.builds(Call, words, words, words, st.booleans(), words, words, words, st.booleans()),
        st.builds(Link, words, words),
    ),
    min_size=1,
    max_size=6,
).map(tuple)
actions = st.builds(Action, st.sampled_from(Name), st.text("abcz.-", max_size=50))
buttons = st.lists(
    st.lists(
        st.builds(Button.of, st.text(min_size=1, max_size=40), actions), min_size=1, max_size=3
    ).map(tuple),
    max_size=8,
).map(tuple)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    blocks=blocks.filter(lambda given: bool(text_of(given).strip())),
    buttons=buttons,
    asks_place=st.sampled_from(["", "Де я"]),
)
def test_every_reply_is_within_the_limits(
    blocks: tuple[AnyBlock, ...], buttons: tuple[tuple[Button, ...], ...], asks_place: str
) -> None:
    """However long: Viber takes it, no word is lost, and every button means what it meant."""
    reply = Reply(blocks, "uk", buttons, asks_place=asks_place)
    assert faults_of(reply) == []
    shown = "".join(one["text"] for one in rendered(reply))
    assert "".join(shown.split()) == "".join(text_of(blocks).split())
    assert [action for action in pressed(reply) if action] == meant(reply)


@pytest.fixture(scope="module")
def everything(knowledge: Snapshot) -> Snapshot:
    """All content there is, not the small part; nothing is searched here."""
    return Snapshot(read_content(CONTENT), knowledge.search)


def outcome(everything: Snapshot, conversation: Conversation, inbound: Inbound) -> Outcome:
    """What the help line does about an inbound."""
    service = Hours("Mo-Fr 08:00-16:00; PH off")
    return decide(build_turn(inbound, conversation, MONDAY, everything, service))


def inbound(kind: Kind, text: str = "", **more: Any) -> Inbound:
    """Something a person of Viber sent."""
    return Inbound("viber", "message:1", PERSON, kind, MONDAY, text, **more)


def screens(everything: Snapshot, lang: Lang) -> Iterator[Reply]:
    """Every reply that buttons lead to, the answer of every topic, and the commands."""
    conversation = Conversation(lang=lang, greeted=True)
    topics = [Action(Name.TOPIC, topic).encode() for topic in everything.content.entries]
    waiting = [Action(Name.MENU).encode(), Action(Name.PLACES).encode(), *topics]
    reached = set(waiting)
    for command in ("help", "privacy", "delete", "points", "person", "language", "start"):
        yield from outcome(everything, conversation, inbound(Kind.COMMAND, command)).replies
    while waiting:
        press = inbound(Kind.ACTION, waiting.pop())
        for reply in outcome(everything, conversation, press).replies:
            yield reply
            found = {button.action for row in reply.buttons for button in row} - reached
            reached |= found
            waiting += sorted(found)


@pytest.mark.parametrize("lang", LANGS)
def test_every_screen_is_within_the_limits(lang: Lang, everything: Snapshot) -> None:
    """Walked button by button: every menu, every answer, every crisis card, every question."""
    shown = list(screens(everything, lang))
    wrong = [(reply.entry, reply.blocks[0], faults_of(reply)) for reply in shown]
    assert [one for one in wrong if one[2]] == []
    assert all(pressed(reply) == meant(reply) for reply in shown)
    served = [one for one in everything.content.entries.values() if one.is_served_on(MONDAY.date())]
    assert {reply.entry for reply in shown if reply.entry} == {entry.id for entry in served}


@pytest.mark.parametrize("lang", LANGS)
def test_a_welcome_is_one_message(lang: Lang, everything: Snapshot) -> None:
    """Viber takes one message as the answer to conversation_started, with any topic in it."""
    for topic in ("", *everything.content.entries):
        opened = inbound(Kind.STARTED, argument=topic, device_lang=lang)
        said = outcome(everything, Conversation(lang=lang), opened).replies
        together = tuple(block for reply in said for block in reply.blocks)
        reply = said[-1].but(blocks=together)
        assert (topic, len(rendered(reply)), faults_of(reply)) == (topic, 1, [])


SENT = [
    inbound(Kind.LOCATION, latitude=50.06, longitude=19.94),
    inbound(Kind.PHONE),
    inbound(Kind.UNSUPPORTED),
    inbound(Kind.ATTACHMENT, attachment=Attachment("photo", "https://media.example/1.jpg")),
    inbound(Kind.ATTACHMENT, attachment=Attachment("sticker", "40133")),
    inbound(Kind.ACTION, "nobody-knows-this"),
]


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: f"{sent.kind} {sent.text}")
@pytest.mark.parametrize("lang", LANGS)
def test_what_is_no_question_is_answered_within_the_limits(
    lang: Lang, sent: Inbound, everything: Snapshot
) -> None:
    """Places, photos, stickers and lost buttons have their answers too."""
    said = outcome(everything, Conversation(lang=lang), sent).replies
    assert said
    assert [fault for reply in said for fault in faults_of(reply)] == []
