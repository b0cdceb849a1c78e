"""The real application on a free port of 127.0.0.1, as long as a block lasts."""

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
    """Serve until the block ends; what began and ended with the application is as in real life."""
    config = uvicorn.Config(
        create_web(helpline, works=works), log_config=None, access_log=False, lifespan="on"
    )
    config.load()
    server = uvicorn.Server(config)
    # Not Server.serve: its loop and its stop sleep for a tenth of a second each.
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        for listens in server.servers:
            listens.close()
        await server.lifespan.shutdown()
