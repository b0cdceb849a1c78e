"""The real application on a free port of 127.0.0.1, as long as a block lasts."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from bot.app import Helpline
from bot.web.server import create_web


def listening() -> socket.socket:
    """A socket on a free port. Who calls before the application is up waits in its queue."""
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen()
    return opened


def url_of(listener: socket.socket) -> str:
    """The address of the socket, for PUBLIC_URL."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def served(
    helpline: Helpline, listener: socket.socket, *, works: bool
) -> AsyncIterator[None]:
    """Serve until the block ends, and then stop as `helpline serve` stops."""
    app = create_web(helpline, works=works)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
