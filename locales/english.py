"""Fills the English catalogue: the sentences in the code are English already."""

from pathlib import Path

from babel.messages.pofile import read_po, write_po

CATALOGUE = Path(__file__).parent / "en" / "LC_MESSAGES" / "bot.po"


def fill() -> None:
    """Give every untranslated English sentence itself as its translation."""
    with CATALOGUE.open("rb") as source:
        catalogue = read_po(source, locale="en")
    for message in catalogue:
        if message.id:
            message.string = message.id
    with CATALOGUE.open("wb") as target:
        write_po(target, catalogue, width=0)


if __name__ == "__main__":
    fill()
