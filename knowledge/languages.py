"""The four languages of the help line. Which one a message is in is search/language_id."""

from typing import Final, Literal, TypeGuard

Lang = Literal["uk", "ru", "en", "pl"]

LANGS: Final[tuple[Lang, ...]] = ("uk", "ru", "en", "pl")


def is_lang(code: object) -> TypeGuard[Lang]:
    """Whether a code is one of the four languages."""
    return code in LANGS


def lang_of_tag(tag: str | None) -> Lang | None:
    """The language of an IETF tag ("uk-UA", "pt-br") a device reports; None for others.

    Telegram's User.language_code may be absent; browsers send Accept-Language ranges.
    """
    code = (tag or "").replace("_", "-").split("-")[0].lower()
    return code if is_lang(code) else None
