"""The gettext catalogues, read once from locales/ and compiled in memory."""

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import locales
from knowledge.languages import Lang

Translator = gettext.GNUTranslations

CATALOGUES = Path(locales.__file__).parent


@cache
def translator(lang: Lang) -> Translator:
    """The catalogue of a language. Compiled from the .po file, so that none can be stale."""
    path = CATALOGUES / lang / "LC_MESSAGES" / "bot.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=lang)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
