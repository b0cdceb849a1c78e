"""The floor: a bare aiogram webhook that echoes, without a database. Run as a process."""

import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from benchmarks.far_end import SECRET, TOKEN


async def echo(message: Message) -> None:
    """Say the same."""
    await message.answer(message.text or "")


def main() -> None:
    """`python -m benchmarks.echo PORT API_URL`."""
    port, api_url = int(sys.argv[1]), sys.argv[2]
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url))
    dispatcher = Dispatcher()
    dispatcher.message.register(echo)
    app = web.Application()
    handler = SimpleRequestHandler(
        dispatcher, Bot(TOKEN, session=session), secret_token=SECRET, handle_in_background=False
    )
    handler.register(app, path="/webhooks/telegram")
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main()
