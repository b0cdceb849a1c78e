"""The script that puts the chat on another site: a launcher and a frame, by one tag."""

import json
from pathlib import Path

from litestar import Response, get

from bot.app import Helpline
from bot.web.chat_texts import page_words
from bot.web.visitor import AnyRequest
from handlers.translate import translator
from knowledge.languages import LANGS

SCRIPT = Path(__file__).parent / "static" / "embed.js"


@get("/embed.js")
async def embed_script(request: AnyRequest) -> Response[str]:
    """`<script src="…/embed.js" async></script>`; the frame opens only on allowed origins."""
    helpline: Helpline = request.app.state.helpline
    words = {lang: page_words(translator(lang)) for lang in LANGS}
    names = {lang: {"open": words[lang]["write"], "name": words[lang]["name"]} for lang in LANGS}
    settings = {"base": helpline.settings.base_url(), "names": names}
    code = SCRIPT.read_text(encoding="utf-8")
    return Response(
        f"window.helplineSettings = {json.dumps(settings, ensure_ascii=False)};\n{code}",
        media_type="text/javascript",
        headers={"Cache-Control": "max-age=300"},
    )
