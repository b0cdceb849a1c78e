"""What is decided about a turn, and in which order the handlers are asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import texts
from handlers.action import Action, Name
from handlers.reply import Call
from handlers.translate import translator
from handlers.turn import (
    CaseState,
    CloseCase,
    Conversation,
    Erase,
    Inbound,
    Kind,
    MoveContact,
    OpenCase,
    Outcome,
    RecordCrisis,
    RecordFeedback,
    SetReachable,
)
from knowledge.languages import LANGS, Lang, is_lang
from knowledge.search.engine import Engine
from knowledge.snapshot import Snapshot
from tests.conftest import MONDAY
from tests.handlers.conversations import (
    GREETED,
    actions,
    answered,
    inbound,
    photo,
    said,
    sticker,
)

CRISIS_WORDS: dict[Lang, str] = {
    "uk": "я більше не хочу жити",
    "ru": "не хочу больше жить",
    "en": "I want to kill myself",
    "pl": "nie chcę już żyć",
}
TAKEN = GREETED.but(case=CaseState.TAKEN)
STATES = [
    Conversation(),
    GREETED,
    GREETED.but(case=CaseState.WAITING),
    TAKEN,
    GREETED.but(erasing=True),
    GREETED.but(offered=("stay.pesel-ukr",), unsure=2),
]


def pressed(name: Name, value: str = "") -> Inbound:
    """A pressed button."""
    return inbound(Kind.ACTION, Action(name, value).encode())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("lang", LANGS)
def test_a_crisis_comes_first_in_every_state(
    lang: Lang, state: Conversation, knowledge: Snapshot
) -> None:
    """112 is in the first reply, a person is offered, and only the kind is recorded."""
    outcome = answered(inbound(text=CRISIS_WORDS[lang]), knowledge, state)
    assert "112" in said(outcome)
    assert outcome.replies[0].urgent
    assert outcome.effects == (RecordCrisis("suicide"),)
    first_buttons = [button.action for row in outcome.replies[0].buttons for button in row]
    assert Action(Name.PERSON).encode() in first_buttons


def test_a_crisis_needs_no_search(knowledge: Snapshot) -> None:
    """The phrases alone decide: a search that fails is never asked."""
    broken = replace(knowledge.search, ranker=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        answered(inbound(text="як отримати песель"), replace(knowledge, search=broken))
    outcome = answered(inbound(text="я більше не хочу жити"), replace(knowledge, search=broken))
    assert "112" in said(outcome)


def test_lines_open_now_are_marked(knowledge: Snapshot) -> None:
    """A line that answers day and night is open, one that only works by day is not at night."""
    outcome = answered(inbound(text=CRISIS_WORDS["uk"]), knowledge)
    calls = [block for block in outcome.replies[0].blocks if isinstance(block, Call)]
    assert {call.phone: call.is_open for call in calls}["112"] is True


def test_the_bot_is_silent_while_a_person_has_the_case(knowledge: Snapshot) -> None:
    """The same question is answered before, and not while, a person speaks."""
    question = inbound(text="як отримати песель зі статусом укр")
    assert answered(question, knowledge).replies != ()
    assert answered(question, knowledge, TAKEN).replies == ()


def test_privacy_and_language_work_while_a_person_has_the_case(knowledge: Snapshot) -> None:
    """A person can leave, and change the language, in every state."""
    assert "112" not in said(answered(inbound(Kind.COMMAND, "delete"), knowledge, TAKEN))
    assert answered(inbound(Kind.COMMAND, "delete"), knowledge, TAKEN).conversation.erasing
    chosen = answered(pressed(Name.LANGUAGE, "pl"), knowledge, TAKEN).conversation
    assert chosen.lang == "pl"


@pytest.mark.parametrize(("device", "lang"), [("uk", "uk"), ("ru-RU", "ru"), ("pl", "pl")])
def test_the_first_contact_is_greeted_in_the_language_of_the_device(
    device: str, lang: Lang, knowledge: Snapshot
) -> None:
    """It says that it is a program and what is kept."""
    started = inbound(Kind.COMMAND, "start", device_lang=device)
    outcome = answered(started, knowledge, Conversation())
    t = translator(lang)
    assert texts.greeting(t) in said(outcome)
    assert texts.privacy_line(t, 30) in said(outcome)
    assert outcome.conversation == Conversation(lang=lang, greeted=True)


def test_an_unknown_device_is_asked_in_all_languages(knowledge: Snapshot) -> None:
    """Nobody is guessed: the question stands in four languages."""
    started = inbound(Kind.COMMAND, "start", device_lang="de")
    outcome = answered(started, knowledge, Conversation())
    assert [texts.choose_language(translator(lang)) in said(outcome) for lang in LANGS] == [
        True
    ] * 4
    assert actions(outcome) == ["l:uk", "l:ru", "l:en", "l:pl"]


def test_a_first_question_is_greeted_and_answered(knowledge: Snapshot) -> None:
    """Nobody has to press start before asking."""
    outcome = answered(inbound(text="як отримати песель"), knowledge, Conversation())
    assert texts.greeting(translator("uk")) in said(outcome)
    assert outcome.replies[1].entry == "stay.pesel-ukr"


def test_a_deep_link_shows_its_topic(knowledge: Snapshot) -> None:
    """Telegram allows no dot in a parameter."""
    started = inbound(Kind.COMMAND, "start", argument="work_find-job", device_lang="pl")
    outcome = answered(started, knowledge, Conversation())
    assert outcome.replies[-1].entry == "work.find-job"


def test_another_language_is_answered_and_offered_once(knowledge: Snapshot) -> None:
    """The chosen language stays until the person agrees."""
    question = inbound(text="gdzie mogę szukać pracy w Krakowie i kto pomoże z CV")
    first = answered(question, knowledge)
    assert [reply.lang for reply in first.replies] == ["pl", "pl"]
    assert actions(first) == ["l:pl"]
    assert first.conversation.lang == "uk"
    second = answered(question, knowledge, first.conversation)
    assert len(second.replies) == 1


def test_a_person_is_called_once(knowledge: Snapshot) -> None:
    """The second request opens no second case and says that one is waiting."""
    first = answered(pressed(Name.PERSON), knowledge)
    assert first.effects == (OpenCase("asked"),)
    assert first.conversation.case is CaseState.WAITING
    second = answered(pressed(Name.PERSON), knowledge, first.conversation)
    assert second.effects == ()
    assert texts.person_waiting_already(translator("uk")) in said(second)


def test_outside_service_hours_the_next_opening_is_said(knowledge: Snapshot) -> None:
    """Monday evening: tomorrow at 8:00."""
    evening = MONDAY + timedelta(hours=9)
    assert "8:00" in said(answered(pressed(Name.PERSON), knowledge, GREETED, evening))


def test_waiting_can_be_stopped(knowledge: Snapshot) -> None:
    """Only who waits can stop waiting."""
    waiting = GREETED.but(case=CaseState.WAITING)
    assert answered(pressed(Name.STOP_WAITING), knowledge, waiting).effects == (CloseCase(),)
    assert answered(pressed(Name.STOP_WAITING), knowledge).effects == ()


def test_feedback_is_taken_once(knowledge: Snapshot) -> None:
    """A second press says that we have it."""
    first = answered(pressed(Name.HELPED, "work.find-job"), knowledge)
    assert first.effects == (RecordFeedback("work.find-job", True),)
    second = answered(pressed(Name.NOT_HELPED, "work.find-job"), knowledge, first.conversation)
    assert second.effects == ()


def test_feedback_to_no_topic_is_not_counted(knowledge: Snapshot) -> None:
    """A made-up button counts nothing and leads back to the themes."""
    outcome = answered(pressed(Name.HELPED, "no.topic"), knowledge)
    assert (outcome.effects, said(outcome)) == ((), texts.old_button(translator("uk")))


def test_deleting_asks_once(knowledge: Snapshot) -> None:
    """A press on an old confirmation asks again instead of deleting."""
    assert answered(pressed(Name.ERASE), knowledge).effects == ()
    asked = answered(inbound(Kind.COMMAND, "delete"), knowledge)
    assert answered(pressed(Name.ERASE), knowledge, asked.conversation).effects == (Erase(),)
    kept = answered(pressed(Name.KEEP), knowledge, asked.conversation)
    assert kept.conversation.erasing is False


def test_what_is_kept_is_counted(knowledge: Snapshot) -> None:
    """/privacy says how many messages there are."""
    assert texts.privacy_counts(translator("uk"), 3) in said(
        answered(inbound(Kind.COMMAND, "privacy"), knowledge)
    )


def test_an_answer_has_all_its_buttons(knowledge: Snapshot) -> None:
    """Feedback, related topics, a person and the themes."""
    found = actions(answered(pressed(Name.TOPIC, "stay.pesel-ukr"), knowledge))
    assert found[:2] == ["fy:stay.pesel-ukr", "fn:stay.pesel-ukr"]
    assert found[-2:] == ["p", "m"]


def test_a_choice_can_be_typed_by_its_number(knowledge: Snapshot) -> None:
    """Viber and hurried people type 2 instead of tapping."""
    offered = GREETED.but(offered=("stay.travel", "work.find-job"))
    assert answered(inbound(text="2"), knowledge, offered).replies[0].entry == "work.find-job"


def test_an_expired_answer_is_not_served(knowledge: Snapshot) -> None:
    """It is served on its last day and not on the next."""
    entry = knowledge.content.entries["work.find-job"]
    last = MONDAY.date()
    entries = {**knowledge.content.entries, entry.id: entry.model_copy(update=_until(last))}
    dated = replace(knowledge, content=replace(knowledge.content, entries=entries))
    press = pressed(Name.TOPIC, "work.find-job")
    assert answered(press, dated).replies[0].entry == "work.find-job"
    later = answered(press, dated, now=MONDAY + timedelta(days=1))
    assert said(later) == texts.no_such_answer(translator("uk"))


def _until(day: object) -> dict[str, object]:
    return {"valid_until": day, "review_by": day}


def test_an_overdue_answer_says_so(knowledge: Snapshot) -> None:
    """The warning appears the day after the review date."""
    entry = knowledge.content.entries["work.find-job"]
    press = pressed(Name.TOPIC, "work.find-job")
    warning = texts.overdue(translator("uk"), texts.day("uk", entry.review_by))
    on_time = answered(press, knowledge)
    assert warning not in said(on_time)
    late = MONDAY.replace(year=entry.review_by.year + 1)
    assert warning in said(answered(press, knowledge, now=late))


def test_what_nobody_can_read_is_answered_politely(knowledge: Snapshot) -> None:
    """Stickers, photos, phone numbers and odd kinds each get their own sentence."""
    t = translator("uk")
    assert said(answered(sticker(), knowledge)) == texts.got_sticker(t)
    assert said(answered(photo(), knowledge)) == texts.got_attachment(t)
    assert said(answered(inbound(Kind.PHONE), knowledge)) == texts.got_phone(t)
    assert said(answered(inbound(Kind.UNSUPPORTED), knowledge)) == texts.unsupported(t)


@pytest.mark.parametrize("cry", ["🆘", "SOS!", "ratunku", "Рятуйте"])
def test_a_cry_for_help_is_asked_what_happens(cry: str, knowledge: Snapshot) -> None:
    """112 first, then the kinds of danger as buttons."""
    outcome = answered(inbound(text=cry), knowledge)
    assert said(outcome) == texts.crisis_which(translator(outcome_lang(outcome)))
    assert "cr:danger" in actions(outcome)


def outcome_lang(outcome: Outcome) -> Lang:
    """The language an outcome speaks."""
    found = outcome.replies[-1].lang
    assert is_lang(found)
    return found


def test_an_emoji_is_no_question(knowledge: Snapshot) -> None:
    """It gets a short human answer."""
    assert said(answered(inbound(text="❤️🙂"), knowledge)) == texts.got_sticker(translator("uk"))


def test_an_album_is_answered_once(knowledge: Snapshot) -> None:
    """Ten photos sent together get one sentence; the next album gets its own."""
    first = answered(photo("a"), knowledge)
    assert len(first.replies) == 1
    assert answered(photo("a"), knowledge, first.conversation).replies == ()
    assert len(answered(photo("b"), knowledge, first.conversation).replies) == 1


def test_every_first_contact_is_greeted(knowledge: Snapshot) -> None:
    """Also one that begins with a command, a deep link or a button."""
    beginnings = [
        inbound(Kind.COMMAND, "help"),
        inbound(Kind.COMMAND, "person"),
        inbound(Kind.COMMAND, "start", argument="work_find-job"),
        pressed(Name.MENU),
    ]
    greeting = texts.greeting(translator("uk"))
    greeted = [said(answered(one, knowledge, Conversation())) for one in beginnings]
    assert [greeting in words for words in greeted] == [True] * 4


def test_the_channel_can_tell_of_the_contact(knowledge: Snapshot) -> None:
    """Blocked, unblocked, moved: no words, one effect."""
    blocked = answered(inbound(Kind.BLOCKED), knowledge)
    assert (blocked.replies, blocked.effects) == ((), (SetReachable(False),))
    moved = answered(inbound(Kind.MOVED, argument="-100"), knowledge)
    assert (moved.replies, moved.effects) == ((), (MoveContact("-100"),))


def test_in_a_group_only_commands_are_answered(knowledge: Snapshot) -> None:
    """Nobody's question is read out in a group."""
    assert answered(inbound(text="як отримати песель", group=True), knowledge).replies == ()
    told = answered(inbound(Kind.COMMAND, "help", group=True), knowledge)
    assert said(told) == texts.only_private(translator("uk"))


@pytest.mark.parametrize("data", ["", "zz:1", "t:no.such-topic", "th:nothing", "l:xx"])
def test_a_strange_button_leads_to_something(data: str, knowledge: Snapshot) -> None:
    """No press is left without words."""
    assert said(answered(inbound(Kind.ACTION, data), knowledge))


def test_every_reachable_button_leads_to_words(knowledge: Snapshot) -> None:
    """From the menu, everything that can be tapped is tapped; nothing is a dead end."""
    seen: set[str] = set()
    waiting = ["m"]
    while waiting:
        data = waiting.pop()
        if data in seen:
            continue
        seen.add(data)
        outcome = answered(inbound(Kind.ACTION, data), knowledge)
        assert said(outcome), data
        waiting += [
            button.action for reply in outcome.replies for row in reply.buttons for button in row
        ]
    assert len(seen) > 30


def test_the_engine_is_deterministic(knowledge: Snapshot) -> None:
    """Asked twice, it finds the same."""
    engine: Engine = knowledge.search
    assert engine.ask("як отримати песель", "uk") == engine.ask("як отримати песель", "uk")
