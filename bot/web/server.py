"""The HTTP application: routes, static files, headers, and its life with the help line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request, Response, get
from litestar.datastructures import MutableScopeHeaders, State
from litestar.exceptions import HTTPException
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig
from litestar.types import Message, Scope

from bot.app import Helpline
from bot.logs import where
from bot.web.chat import chat_events, chat_history, chat_leave, chat_page, chat_send
from bot.web.embed import embed_script
from bot.web.health import live, ready
from bot.web.limits import Limits
from bot.web.visitor import Visitors
from bot.web.webhooks import telegram_webhook, viber_webhook

HERE = Path(__file__).parent

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
}

log = structlog.get_logger()


@get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response[bytes]:
    """The mark, for browsers that ask before they read the page."""
    mark = (HERE / "static" / "mark.svg").read_bytes()
    return Response(mark, media_type="image/svg+xml")


class Server(uvicorn.Server):
    """Ends the open streams before it waits for requests: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, helpline: Helpline) -> None:
        super().__init__(config)
        self._helpline = helpline

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop taking requests, finish those under way, then stop the help line."""
        self._helpline.end_streams()
        await super().shutdown(sockets)


def serve(helpline: Helpline, *, works: bool) -> Server:
    """The server of the application, ready to run."""
    settings = helpline.settings
    config = uvicorn.Config(
        create_web(helpline, works=works),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    return Server(config, helpline)


def create_web(helpline: Helpline, *, works: bool) -> Litestar:
    """The application; `works`: this process also answers and sends (`helpline serve`)."""

    @asynccontextmanager
    async def life(app: Litestar) -> AsyncIterator[None]:
        async with helpline.running(works=works, listens=works):
            yield

    settings = helpline.settings
    return Litestar(
        route_handlers=[
            chat_page,
            chat_history,
            chat_leave,
            chat_send,
            chat_events,
            embed_script,
            telegram_webhook,
            viber_webhook,
            live,
            ready,
            favicon,
            create_static_files_router(path="/static", directories=[HERE / "static"]),
        ],
        template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
        state=State(
            {
                "helpline": helpline,
                "visitors": Visitors(settings),
                "limits": Limits(settings.chat_contact_rate, settings.chat_address_rate),
            }
        ),
        exception_handlers={HTTPException: _refused, Exception: _failed},
        before_send=[_add_headers],
        request_max_body_size=1_000_000,
        lifespan=[life],
        openapi_config=None,
        logging_config=None,
    )


async def _add_headers(message: Message, scope: Scope) -> None:
    # Here and not in the routes: static files and refusals need them as well.
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)


def _refused(_: Request[Any, Any, State], error: HTTPException) -> Response[dict[str, Any]]:
    return Response({"error": error.status_code}, status_code=error.status_code)


def _failed(_: Request[Any, Any, State], error: Exception) -> Response[dict[str, Any]]:
    # The channel hears 500 and delivers again; nothing of the request is written down.
    log.error("request_failed", error=type(error).__name__, where=where(error))
    return Response({"error": 500}, status_code=500)
