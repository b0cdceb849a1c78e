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


def missing_messages(lang: Lang) -> list[str]:
    """The sentences of a catalogue that have no translation, or a doubtful one."""
    with _path(lang).open("rb") as source:
        catalogue = read_po(source, locale=lang)
    return [
        str(message.id)
        for message in catalogue
        if message.id and (message.fuzzy or not _is_whole(message.string))
    ]


def _is_whole(string: str | tuple[str, ...] | list[str] | None) -> bool:
    if not string or isinstance(string, str):
        return bool(string)
    return all(string)


def _path(lang: Lang) -> Path:
    return CATALOGUES / lang / "LC_MESSAGES" / "bot.po"


@cache
def translator(lang: Lang) -> Translator:
    """The catalogue of a language. Compiled from the .po file, so that none can be stale."""
    with _path(lang).open("rb") as source:
        catalogue = read_po(source, locale=lang)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
