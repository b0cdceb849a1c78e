"""A reply's blocks as plain text, for channels without formatting, and the splitting of text."""

from collections.abc import Callable, Iterator

from handlers.reply import AnyBlock, Call, Field, Heading, Link, Listing, Paragraph

Escape = Callable[[str], str]


def same(text: str) -> str:
    """Text as it is, for channels that need no escaping."""
    return text


def lines_of(block: AnyBlock, escape: Escape = same, bold: Escape = same) -> Iterator[str]:
    """The lines of a block; `bold` marks what stands out and must escape what it is given."""
    match block:
        case Heading(text=text):
            yield bold(text)
        case Paragraph(text=text):
            yield escape(text)
        case Listing(items=items, numbered=numbered, label=label):
            if label:
                yield bold(f"{label}:")
            for number, item in enumerate(items, start=1):
                yield f"{number}. {escape(item)}" if numbered else f"• {escape(item)}"
        case Field(label=label, text=text):
            yield f"{bold(f'{label}:')} {escape(text)}"
        case Call():
            yield from _call(block, escape, bold)
        case Link(url=url, label=label):
            yield escape(f"{label}: {url}" if label else url)


def _call(call: Call, escape: Escape, bold: Escape) -> Iterator[str]:
    sign = "🟢 " if call.is_open else ""
    number = f"SMS {call.phone}" if call.sms else call.phone
    others = [part for part in (call.email, call.web) if part]
    first = bold(f"☎ {number}") if number else ""
    name = escape(" – ".join([call.name] if number else [call.name, *others]))
    about = escape(f" ({call.about})") if call.about else ""
    yield f"{sign}{first}{' – ' if first else ''}{name}{about}"
    if number and others:
        yield escape("   " + ", ".join(others))


def text_of(blocks: tuple[AnyBlock, ...]) -> str:
    """All blocks as plain text."""
    return "\n\n".join("\n".join(lines_of(block)) for block in blocks)


def pieces(text: str, limit: int) -> Iterator[str]:
    """Plain text cut into pieces of at most `limit` characters, between sentences or words."""
    rest = text
    while len(rest) > limit:
        window = rest[: limit + 1]
        cut = max(window.rfind(". ") + 1, window.rfind("\n"))
        if cut < limit // 2:
            cut = max(cut, window.rfind(" "))
        if cut <= 0:
            cut = limit
        if piece := rest[:cut].rstrip():
            yield piece
        rest = rest[cut:].lstrip()
    if rest:
        yield rest
