"""The web chat: what is committed is already there, so nothing is sent. See bot/web/chat."""

from typing import Final

from bot.channels.base import Letter, Receipt
from handlers.reply import Reply
from handlers.turn import Inbound

NAME: Final = "webchat"


class WebChat:
    """Replies appear in the page from the transcript, pushed by SSE."""

    name = NAME
    is_local = True

    def render(self, reply: Reply) -> tuple[bytes, ...]:
        """Nothing to send: the page shows the reply itself."""
        return ()

    def acknowledge(self, inbound: Inbound) -> tuple[bytes, ...]:
        """A page needs no acknowledgement beyond the answer to its request."""
        return ()

    async def send(self, letter: Letter, now: object) -> Receipt:
        """Never needed, kept for the contract."""
        return Receipt()

    async def close(self) -> None:
        """Nothing to close."""
