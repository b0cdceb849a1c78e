"""A person talks with the help line in the web chat."""

from pathlib import Path

import pytest
from playwright.async_api import Route

from handlers import texts
from handlers.translate import translator
from knowledge.languages import Lang
from knowledge.snapshot import Snapshot
from tests.browser.chat_page import ChatPage, Opener
from tests.conftest import MONDAY, Clock
from tests.serving import migrate_now, serving, settings_for

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EN = translator("en")
TOPIC = "stay.pesel-ukr"
ELSEWHERE = "https://pl.wikipedia.org/"

HOSTILE = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>",
    "</script><script>window.hit=1</script>",
    "</textarea><b>bold</b>",
    '"><iframe src="javascript:window.hit=1"></iframe>',
    "<a href='javascript:window.hit=1'>a</a>",
    "javascript:window.hit=1",
    "{{7*7}} ${7*7} {% raw %}",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "/<img src=x onerror=window.hit=1>",
    "<!-- --><template><style>*{display:none}</style>",
    "a\nb  c\u202etxt\u202c",
)


@pytest.mark.parametrize(
    ("locale", "lang"),
    [("uk-UA", "uk"), ("ru-RU", "ru"), ("en-GB", "en"), ("pl-PL", "pl"), ("de-DE", "en")],
)
async def test_the_chat_greets_in_the_browsers_language(
    opener: Opener, locale: str, lang: Lang
) -> None:
    """Words, title and language attributes; whoever speaks none of the four gets English."""
    chat = await opener.open(locale=locale)
    t = translator(lang)
    parts = await chat.page.locator("#log .message p").all_inner_texts()
    assert parts[1:] == [texts.greeting(t), texts.privacy_line(t, 30), texts.ask_freely(t)]
    assert await chat.page.title() == texts.service_name(t)
    assert await _languages(chat) == (lang, lang, lang)


async def test_the_greeting_is_read_from_its_beginning(chat: ChatPage) -> None:
    """On every phone, also where only a little of it does not fit."""
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for height in range(600, 900, 60):
        await chat.page.set_viewport_size({"width": 390, "height": height})
        await chat.reload()
        await chat.page.evaluate(frames)
        assert await chat.page.evaluate("document.getElementById('main').scrollTop") == 0


async def test_a_question_is_answered(chat: ChatPage, knowledge: Snapshot) -> None:
    """What was asked stands above the answer; the greeting stays above both."""
    question = knowledge.content.phrasings[TOPIC]["en"][0]
    await chat.ask(question)
    authors = [author for author, _ in await chat.lines()]
    assert authors == ["bot", "contact", "bot"]
    assert await chat.own() == [question]
    assert (await chat.newest()).splitlines()[0] == knowledge.content.entries[TOPIC].texts[
        "en"
    ].title


async def test_an_answer_is_read_from_its_beginning(opener: Opener, knowledge: Snapshot) -> None:
    """A long answer on a phone: its title is in sight, and nothing has to be scrolled back."""
    chat = await opener.open(viewport={"width": 390, "height": 600})
    await chat.ask(knowledge.content.phrasings[TOPIC]["en"][0])
    heading = chat.page.locator("#log .message h2")
    box, main = await heading.bounding_box(), await chat.page.locator("#main").bounding_box()
    assert box is not None
    assert main is not None
    assert main["y"] <= box["y"] < main["y"] + 60
    assert await chat.page.locator("#jump").is_hidden()


async def test_buttons_lead_to_an_answer(chat: ChatPage, knowledge: Snapshot) -> None:
    """Theme, topic, answer: without typing a word; what was pressed is shown as said."""
    entry = knowledge.content.entries[TOPIC]
    theme = texts.theme_name(EN, "stay")
    await chat.press(theme)
    await chat.press(entry.texts["en"].label)
    assert await chat.own() == [theme, entry.texts["en"].label]
    assert (await chat.newest()).splitlines()[0] == entry.texts["en"].title


async def test_a_button_tapped_twice_in_a_hurry_is_pressed_once(chat: ChatPage) -> None:
    """The second tap of a double tap says nothing."""
    label = texts.button_privacy(EN)
    button = chat.page.get_by_role("button", name=label, exact=True)
    await chat.answered(button.dblclick)
    await chat.ask("/help")
    assert await chat.own() == [label, "/help"]


async def test_a_link_to_a_topic_opens_with_its_answer(opener: Opener, knowledge: Snapshot) -> None:
    """A link from elsewhere shows the answer at once."""
    chat = await opener.open("/?start=stay_pesel-ukr")
    title = knowledge.content.entries[TOPIC].texts["en"].title
    assert (await chat.newest()).splitlines()[0] == title


async def test_the_language_switch_changes_page_and_conversation(chat: ChatPage) -> None:
    """Furniture, language attributes and all that is said from then on."""
    pl = translator("pl")
    await chat.answered(lambda: _choose_language(chat, "pl"))
    await chat.ask("/help")
    assert (await chat.newest()).startswith(texts.help_text(pl))
    assert await _languages(chat) == ("pl", "pl", "pl")
    assert await chat.page.title() == texts.service_name(pl)
    assert await chat.page.get_attribute("#text", "placeholder") == pl.gettext(
        "Write your question"
    )
    await chat.reload()
    assert await _languages(chat) == ("pl", "pl", "pl")


async def test_the_conversation_is_there_after_a_reload(chat: ChatPage) -> None:
    """Everything once, in the same order, as it was."""
    await chat.ask("/help")
    await chat.press(texts.button_privacy(EN))
    before = await chat.lines()
    await chat.reload()
    assert await chat.lines() == before
    assert [author for author, _ in before] == ["bot", "contact", "bot", "contact", "bot"]


async def test_older_messages_are_fetched_when_asked_for(chat: ChatPage) -> None:
    """Fifty are shown at first; the button brings those before them, in order, once."""
    for number in range(26):
        await chat.ask(f"/help {number}")
    whole = await chat.lines()
    await chat.reload()
    assert await chat.lines() == whole[-50:]
    more = chat.page.get_by_role("button", name="Show more", exact=True)
    await more.click()
    await more.wait_for(state="detached")
    assert await chat.lines() == whole


async def test_leaving_leads_elsewhere_and_back_does_not_lead_here(chat: ChatPage) -> None:
    """The other page stands in the history where the chat was."""
    await _elsewhere(chat, status=200)
    await chat.ask("/help")
    await chat.page.get_by_role("button", name="Leave now").click()
    await chat.page.wait_for_url(ELSEWHERE)
    await chat.page.go_back()
    assert chat.page.url == "about:blank"


async def test_leaving_empties_the_page_at_once(chat: ChatPage) -> None:
    """Nothing said or typed is left, also when the other page never comes."""
    await _elsewhere(chat, status=204)
    await chat.ask("/help")
    await chat.page.fill("#text", "half a thought")
    assert texts.help_text(EN) in await chat.page.inner_text("body")
    async with chat.page.expect_response(ELSEWHERE):
        await chat.page.get_by_role("button", name="Leave now").click()
    assert await chat.page.inner_html("body") == ""
    assert await chat.page.title() == "…"
    assert await chat.page.evaluate("sessionStorage.length") == 0


async def test_a_location_is_sent_when_the_person_allows_it(opener: Opener) -> None:
    """It is shown as sent, without the place, and answered."""
    chat = await opener.open(
        permissions=["geolocation"], geolocation={"latitude": 50.06, "longitude": 19.94}
    )
    await chat.answered(lambda: chat.page.click("#place"))
    assert await chat.own() == ["📍 You sent your location"]
    assert texts.places_not_sorted(EN) in await chat.newest()
    await chat.reload()
    assert await chat.own() == ["📍 You sent your location"]


@pytest.mark.parametrize("lang", ["uk", "pl"])
async def test_a_refused_location_is_said_in_the_language_of_the_page(
    opener: Opener, lang: Lang
) -> None:
    """One sentence that says what to do instead."""
    chat = await opener.open(f"/?lang={lang}")
    await chat.page.click("#place")
    assert await chat.notice() == translator(lang).gettext(
        "Your phone did not give the location. You can write the town or the address instead."
    )
    assert await chat.own() == []


async def test_who_writes_too_fast_is_told_so_and_loses_nothing(
    opener: Opener, knowledge: Snapshot, tmp_path: Path
) -> None:
    """The third message of this minute waits on the page with its text, also after a reload."""
    settings = settings_for(tmp_path, chat_contact_rate=2)
    migrate_now(settings.database_url)
    with serving(settings, knowledge, Clock()) as strict:
        chat = await opener.open(url=strict.url)
        await chat.ask("/help")
        await chat.ask("/privacy")
        await chat.write("my third message")
        assert await chat.notice() == texts.too_fast(EN)
        assert await chat.own() == ["/help", "/privacy", "my third message"]
        await chat.reload()
        again = chat.page.get_by_role("button", name="Not sent. Tap to try again.")
        await again.wait_for()
        assert await chat.own() == ["/help", "/privacy", "my third message"]


async def test_a_text_that_is_too_long_stays_in_the_field(chat: ChatPage) -> None:
    """It is not cut: the person reads how long it may be and shortens it."""
    long = "ї" * 2001
    await chat.write(long)
    assert await chat.notice() == texts.too_long(EN, 2000)
    assert await chat.page.input_value("#text") == long
    await chat.ask(long[:2000])
    assert await chat.own() == [long[:2000]]
    assert await chat.page.inner_text("#notice") == ""


async def test_what_people_type_is_text_on_the_page(chat: ChatPage) -> None:
    """Markup, scripts and templates are shown as typed, at once and after a reload."""
    for text in HOSTILE:
        await chat.ask(text)
    assert await chat.own() == list(HOSTILE)
    await chat.reload()
    assert await chat.own() == list(HOSTILE)
    count = "(selector) => document.querySelectorAll(selector).length"
    assert await chat.page.evaluate(count, "#log .bot *") > 0
    assert await chat.page.evaluate(count, "#log .text *") == 0
    assert await chat.page.evaluate("window.hit") is None


async def test_a_draft_survives_a_reload(chat: ChatPage) -> None:
    """What is being typed is kept in this tab, and only until it is sent."""
    await chat.page.fill("#text", "My landlord")
    await chat.reload()
    assert await chat.page.input_value("#text") == "My landlord"
    await chat.ask("My landlord wants more")
    await chat.reload()
    assert await chat.page.input_value("#text") == ""


async def test_numbers_of_a_crisis_card_are_tapped_to_call(
    chat: ChatPage, knowledge: Snapshot
) -> None:
    """Every line of the card has a link that dials it, in the order of the card."""
    await chat.press(texts.button_danger(EN))
    await chat.press(texts.crisis_name(EN, "suicide"))
    numbers = await chat.page.locator("#log .urgent a.number").evaluate_all(
        "(links) => links.map((link) => link.getAttribute('href'))"
    )
    card = knowledge.cards["suicide"]
    lines = [contact for contact in knowledge.contacts(card.contacts) if contact.tel]
    assert numbers == [f"{'sms' if line.sms else 'tel'}:{line.tel}" for line in lines]
    assert (await chat.newest()).splitlines()[0] == card.first["en"]


async def test_deleting_empties_every_open_page(chat: ChatPage) -> None:
    """After "delete everything" only its confirmation is left, here and in the other tab."""
    await chat.ask("/help")
    other = await chat.second_tab()
    assert await other.lines() == await chat.lines()
    await chat.ask("/delete")
    await chat.page.get_by_role("button", name=texts.button_erase(EN)).click()
    left = [("bot", texts.erased(EN))]
    for tab in (chat, other):
        await tab.page.get_by_text(texts.erased(EN)).wait_for()
        assert await tab.lines() == left
    await chat.reload()
    assert await chat.lines() == left


async def test_opening_hours_are_those_of_the_help_lines_clock(chat: ChatPage) -> None:
    """A person is promised for the hours of service, whatever the visitor's own clock says."""
    await chat.press(texts.button_person(EN))
    closes = MONDAY.replace(hour=15)
    assert texts.person_now(EN, texts.clock("en", closes)) in await chat.newest()


async def _elsewhere(chat: ChatPage, status: int) -> None:
    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body="", content_type="text/html")

    await chat.page.route(ELSEWHERE, answer)


async def _choose_language(chat: ChatPage, lang: Lang) -> None:
    await chat.page.select_option("#language", lang)


async def _languages(chat: ChatPage) -> tuple[str | None, str | None, str | None]:
    """Of the page, of the newest message, and the one chosen in the list."""
    return (
        await chat.page.get_attribute("html", "lang"),
        await chat.page.locator("#log .message.bot").last.get_attribute("lang"),
        await chat.page.input_value("#language"),
    )
