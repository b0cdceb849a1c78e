"""Whether the process lives and whether it can work."""

from typing import Any

from litestar import Response, get
from sqlalchemy import text

from bot.app import Helpline
from bot.web.visitor import AnyRequest


@get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@get("/health/ready")
async def ready(request: AnyRequest) -> Response[dict[str, Any]]:
    """The database answers and the knowledge is loaded."""
    helpline: Helpline = request.app.state.helpline
    try:
        async with helpline.database.read() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception:
        return Response({"status": "no database"}, status_code=503)
    topics = len(helpline.knowledge.content.entries)
    return Response({"status": "ready", "topics": topics})
