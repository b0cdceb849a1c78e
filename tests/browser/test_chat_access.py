"""The web chat for everybody: by keyboard, by screen reader, on a phone, in the dark."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ViewportSize

from bot.web.chat_texts import page_words
from handlers import texts
from handlers.translate import translator
from knowledge.languages import LANGS, Lang
from knowledge.search.engine import FindingKind
from knowledge.snapshot import Snapshot
from tests.browser.chat_page import ChatPage, Opener

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EN = translator("en")
TOPIC = "stay.pesel-ukr"
PHONE: ViewportSize = {"width": 390, "height": 844}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
OLD_PHONE: ViewportSize = {"width": 320, "height": 568}

OVERFLOW = """() => [document.documentElement, document.getElementById('main')]
    .filter((element) => element.scrollWidth > element.clientWidth)
    .map((element) => element.tagName)"""

SMALL = """() => [...document.querySelectorAll(
        'button, select, textarea, .number, .emergency, .links a')]
    .filter((element) => element.checkVisibility())
    .filter((element) => element.getBoundingClientRect().height < 44)
    .map((element) => element.outerHTML)"""

FOCUSED = "() => document.activeElement.id || document.activeElement.textContent"


@pytest.fixture(scope="session")
def ambiguous(knowledge: Snapshot) -> str:
    """A word of which the search makes a choice."""
    lines = (line for known in knowledge.content.phrasings.values() for line in known["en"])
    return next(word for line in lines for word in line.split() if _is_ambiguous(knowledge, word))


def _is_ambiguous(knowledge: Snapshot, text: str) -> bool:
    search = knowledge.search
    return (
        search.ask(text, "en").kind is FindingKind.CHOICES
        and search.language_id.detect(text, "en") in (None, "en")
        and knowledge.crisis.find(text) is None
    )


async def test_no_screen_breaks_the_rules_of_accessibility(
    chat: ChatPage, knowledge: Snapshot, ambiguous: str
) -> None:
    """Greeting, answer, choices, crisis, refusal: on a phone and a laptop, light and dark."""
    assert await _violations(chat) == []
    await chat.ask(knowledge.content.phrasings[TOPIC]["en"][0])
    assert await _violations(chat) == []
    await chat.ask(ambiguous)
    assert texts.choices(EN) in await chat.newest()
    await chat.ask("/menu")
    await chat.press(texts.button_danger(EN))
    await chat.press(texts.crisis_name(EN, "suicide"))
    await chat.page.click("#place")
    await chat.notice()
    assert await _violations(chat) == []


async def test_the_rules_of_accessibility_are_really_looked_at(chat: ChatPage) -> None:
    """A button without a name, pale text: both are found, so their absence says something."""
    await chat.page.evaluate("""() => {
        document.getElementById('place').removeAttribute('aria-label');
        document.getElementById('place').removeAttribute('title');
        document.querySelector('#log p:last-child').style.color = '#999';
    }""")
    found = await _violations(chat)
    assert {rule for *_, rule in found} == {"button-name", "color-contrast"}


@pytest.mark.parametrize("lang", LANGS)
async def test_nothing_is_cut_off_or_too_small_to_tap(opener: Opener, lang: Lang) -> None:
    """No page scrolls sideways, and what is tapped is 44 pixels high, in every language."""
    t = translator(lang)
    chat = await opener.open(f"/?lang={lang}")
    await chat.press(texts.button_danger(t))
    await chat.press(texts.crisis_name(t, "suicide"))
    for size in (OLD_PHONE, PHONE, LAPTOP):
        await chat.page.set_viewport_size(size)
        assert (size, await chat.page.evaluate(OVERFLOW)) == (size, [])
        assert (size, await chat.page.evaluate(SMALL)) == (size, [])


async def test_everything_is_reached_by_keyboard_in_the_order_of_the_page(chat: ChatPage) -> None:
    """First the way past the buttons, then leaving, 112, the language, the messages, the field."""
    reached: list[str] = []
    while not reached or reached[-1] != "text":
        await chat.page.keyboard.press("Tab")
        reached.append(await chat.page.evaluate(FOCUSED))
    labels = await chat.page.locator("#log button").all_inner_texts()
    skip, leave, emergency, *rest = reached
    assert (skip, leave, emergency) == (
        page_words(EN)["skip"],
        "leave",
        page_words(EN)["emergency"],
    )
    assert rest == ["language", "main", *labels, "place", "text"]


async def test_the_way_past_the_buttons_leads_to_the_field(chat: ChatPage) -> None:
    """Two keys instead of twenty."""
    await chat.page.keyboard.press("Tab")
    await chat.page.keyboard.press("Enter")
    assert await chat.page.evaluate(FOCUSED) == "text"


async def test_a_conversation_needs_no_mouse(chat: ChatPage) -> None:
    """Enter sends and the field keeps the focus; Shift and Enter make a line."""
    await chat.page.focus("#text")
    await chat.page.keyboard.type("/help")
    await chat.answered(lambda: chat.page.keyboard.press("Enter"))
    assert await chat.page.evaluate(FOCUSED) == "text"
    await chat.page.keyboard.type("one")
    await chat.page.keyboard.press("Shift+Enter")
    await chat.page.keyboard.type("two")
    await chat.answered(lambda: chat.page.keyboard.press("Enter"))
    assert await chat.own() == ["/help", "one\ntwo"]


async def test_a_button_pressed_by_keyboard_keeps_the_focus(chat: ChatPage) -> None:
    """Whoever reads on from there is not thrown back to the top of the page."""
    label = texts.button_privacy(EN)
    await chat.page.get_by_role("button", name=label).focus()
    await chat.answered(lambda: chat.page.keyboard.press("Enter"))
    assert await chat.page.evaluate(FOCUSED) == label


@pytest.mark.parametrize("lang", LANGS)
async def test_a_screen_reader_hears_names_in_the_language_of_the_page(
    opener: Opener, lang: Lang
) -> None:
    """The log, the field and every button of the furniture have a role and a name."""
    chat = await opener.open(f"/?lang={lang}")
    words = page_words(translator(lang))
    named = [
        ("log", words["conversation"]),
        ("textbox", words["write"]),
        ("button", words["send"]),
        ("button", words["place"]),
        ("button", words["leave"]),
        ("combobox", words["language"]),
        ("link", words["emergency"]),
        ("heading", words["name"]),
    ]
    found: list[tuple[Any, str]] = [
        (role, name)
        for role, name in named
        if await chat.page.locator("body").get_by_role(role, name=name, exact=True).count()  # type: ignore[arg-type]
    ]
    assert found == named


async def test_a_screen_reader_hears_each_message_in_its_own_language(chat: ChatPage) -> None:
    """An answer in another language than the page says so, and who speaks is said first."""
    await chat.page.select_option("#language", "pl")
    await chat.ask("/help")
    langs = await chat.page.locator("#log .message.bot").evaluate_all(
        "(items) => items.map((item) => item.lang)"
    )
    assert set(langs) == {"pl"}
    await chat.ask("Як отримати номер PESEL UKR для дитини?")
    message = chat.page.locator("#log .message.bot").last
    assert await message.get_attribute("lang") == "uk"
    speaker = await message.locator(".visually-hidden").text_content()
    assert speaker == page_words(translator("uk"))["bot"]


async def test_new_messages_are_announced_and_old_ones_are_not_repeated(chat: ChatPage) -> None:
    """One's own message and the greeting are drawn once: nothing is read out twice."""
    await chat.page.evaluate("""() => {
        window.added = [];
        new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(
            (node) => node.classList?.contains('message') && added.push(node.classList[1]),
        ))).observe(document.querySelector('[role=log]'), {childList: true, subtree: true});
    }""")
    assert await chat.page.get_attribute("[role=log]", "aria-live") == "polite"
    await chat.ask("/help")
    assert await chat.page.evaluate("added") == ["contact", "bot"]


async def test_who_reads_further_up_is_not_thrown_to_the_end(
    chat: ChatPage, knowledge: Snapshot
) -> None:
    """A message that comes meanwhile is announced by a button that leads to it."""
    await chat.ask(knowledge.content.phrasings[TOPIC]["en"][0])
    other = await chat.second_tab()
    await chat.page.evaluate("main => { main.scrollTop = 0; }", await _main(chat))
    await chat.page.wait_for_function("() => document.getElementById('main').scrollTop === 0")
    await other.ask("/privacy")
    await chat.page.get_by_role("button", name=page_words(EN)["new"]).click()
    at_end = "main => main.scrollHeight - main.scrollTop - main.clientHeight < 2"
    assert await chat.page.evaluate(at_end, await _main(chat))
    assert await chat.page.locator("#jump").is_hidden()


async def _main(chat: ChatPage) -> Any:
    return await chat.page.query_selector("#main")


async def _violations(chat: ChatPage) -> list[tuple[str, int, str]]:
    """What axe finds: colour scheme, width and rule."""
    found = []
    for scheme in ("light", "dark"):
        for size in (PHONE, LAPTOP):
            await chat.page.emulate_media(color_scheme=scheme)
            await chat.page.set_viewport_size(size)
            result = await Axe().run(chat.page)
            found += [(scheme, size["width"], rule["id"]) for rule in result.response["violations"]]
    return found
