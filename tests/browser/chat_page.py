"""What a person does in the web chat and what they see there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

Line = tuple[str, str]
"""Who said it (contact, bot, operator) and the text as it is seen."""

_LINES = """() => [...document.querySelectorAll('#log .message')].map((item) => [
    item.classList[1], item.querySelector('.text, :scope > div').innerText])"""

_ANSWERED = """(count) => document.querySelectorAll('#log .message.bot').length > count
    && !document.querySelector('.typing')"""


@dataclass
class ChatPage:
    """One open tab of the chat."""

    page: Page
    context: BrowserContext

    async def write(self, text: str) -> None:
        """Type a message and send it by Enter."""
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def ask(self, text: str) -> None:
        """Write a message and wait for what is said to it."""
        await self.answered(lambda: self.write(text))

    async def press(self, label: str) -> None:
        """Press the newest button with these words and wait for what is said to it."""
        button = self.page.get_by_role("button", name=label, exact=True).last
        await self.answered(button.click)

    async def answered(self, doing: Callable[[], Awaitable[None]]) -> None:
        """Do something and wait until the bot has said something more."""
        count = await self.page.locator("#log .message.bot").count()
        await doing()
        await self.page.wait_for_function(_ANSWERED, arg=count)

    async def lines(self) -> list[Line]:
        """The whole conversation as it stands on the page."""
        found: list[list[str]] = await self.page.evaluate(_LINES)
        return [(author, text) for author, text in found]

    async def own(self) -> list[str]:
        """What the person has said."""
        return [text for author, text in await self.lines() if author == "contact"]

    async def newest(self) -> str:
        """The bot's last message."""
        return [text for author, text in await self.lines() if author == "bot"][-1]

    async def notice(self) -> str:
        """The line above the field, once there is one."""
        await self.page.wait_for_function("() => document.getElementById('notice').textContent")
        return await self.page.inner_text("#notice")

    async def reload(self) -> None:
        """Load the page anew, as people do when in doubt."""
        await self.page.reload()

    async def second_tab(self) -> "ChatPage":
        """Another tab of the same browser."""
        page = await self.context.new_page()
        await page.goto(self.page.url)
        return ChatPage(page, self.context)

    async def cookies(self) -> dict[str, str]:
        """The visitor's cookies, for saying something without the page."""
        return {
            cookie["name"]: cookie["value"]
            for cookie in await self.context.cookies()
            if "name" in cookie and "value" in cookie
        }


@dataclass
class Opener:
    """Opens pages for new visitors and hears what their browsers complain about."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    async def open(
        self, path: str = "/", *, url: str = "", locale: str = "en-GB", **options: Any
    ) -> ChatPage:
        """The chat, or another page, in a browser profile of its own."""
        context = await self.browser.new_context(locale=locale, **options)
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        context.on("console", lambda message: self._heard(message.type, message.text))
        context.on("weberror", lambda error: self._heard("error", str(error.error)))
        page = await context.new_page()
        await page.goto((url or self.url) + path)
        return ChatPage(page, context)

    def _heard(self, kind: str, text: str) -> None:
        # A request that failed is the matter of the test that made it fail.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.complaints.append(text)

    async def close(self) -> None:
        """Close every visitor's browser."""
        for context in self._contexts:
            await context.close()
