"""A reply's blocks as HTML for the web chat. Every text is escaped; links and phones are found."""

import re
from collections.abc import Iterator
from functools import lru_cache

from markupsafe import Markup, escape
from phonenumbers import (
    Leniency,
    PhoneNumberFormat,
    PhoneNumberMatch,
    PhoneNumberMatcher,
    format_number,
)

from handlers.reply import AnyBlock, Call, Field, Heading, Link, Listing, Paragraph

_URL = re.compile(
    r"https?://[^\s<>“”„»]+[^\s<>“”„».,;:!?)]"
    r"|\b(?:[a-z0-9-]+\.)+(?:gov\.pl|com\.pl|pl|org|com|ua|eu|info)\b(?:/[^\s<>“”„».,;:!?)]*)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_SHORT = re.compile(
    r"(?<![\w.,/+-])(?:112|99[789]|986|116\s?\d{3})"
    r"(?!\w|[\s.,:/-]\d|\s*(?:zł|зл|грн|PLN|EUR|UAH|USD|[€$%]))"
)


def html_of(blocks: tuple[AnyBlock, ...]) -> Markup:
    """All blocks as HTML elements."""
    return Markup("").join(part for block in blocks for part in _block(block))


def _block(block: AnyBlock) -> Iterator[Markup]:
    match block:
        case Heading(text=text):
            yield Markup("<h2>{}</h2>").format(text)
        case Paragraph(text=text, small=small):
            template = "<p class='small'>{}</p>" if small else "<p>{}</p>"
            yield Markup(template).format(linked(text))
        case Listing():
            yield from _listing(block)
        case Field(label=label, text=text):
            yield Markup("<p><strong>{}:</strong> {}</p>").format(label, linked(text))
        case Call():
            yield _call(block)
        case Link(url=url, label=label):
            yield Markup("<p class='source'>{}</p>").format(_anchor(url, label or _bare(url)))


def _listing(block: Listing) -> Iterator[Markup]:
    if block.label:
        yield Markup("<p class='label'>{}</p>").format(block.label)
    items = Markup("").join(Markup("<li>{}</li>").format(linked(item)) for item in block.items)
    yield Markup("<ol>{}</ol>" if block.numbered else "<ul>{}</ul>").format(items)


def _call(call: Call) -> Markup:
    number = Markup("")
    if call.phone:
        scheme = "sms" if call.sms else "tel"
        shown = f"SMS {call.phone}" if call.sms else call.phone
        number = Markup("<a class='number' href='{}:{}'>{}</a>").format(scheme, call.tel, shown)
    links = [_anchor(f"mailto:{call.email}", call.email)] if call.email else []
    links += [_anchor(call.web, _bare(call.web))] if call.web else []
    return Markup("<p class='call{}'>{}<span>{}{}{}</span></p>").format(
        " open" if call.is_open else "",
        number,
        call.name,
        Markup("<small>{}</small>").format(call.about) if call.about else "",
        Markup("<span class='links'>{}</span>").format(Markup(" ").join(links)) if links else "",
    )


def _bare(url: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", url).rstrip("/")


def _anchor(url: str, label: str) -> Markup:
    if url.startswith(("tel:", "sms:", "mailto:")):
        return Markup("<a href='{}'>{}</a>").format(url, label)
    if not url.lower().startswith(("https://", "http://")):
        return escape(label)
    return Markup("<a href='{}' target='_blank' rel='noopener noreferrer'>{}</a>").format(
        url, label
    )


@lru_cache(maxsize=4096)
def linked(text: str) -> Markup:
    """Text escaped, with its addresses and phone numbers made tappable."""
    parts: list[Markup] = []
    at = 0
    for start, end, anchor in _found(text):
        if start >= at:
            parts += [escape(text[at:start]), anchor]
            at = end
    return Markup("").join([*parts, escape(text[at:])])


def _found(text: str) -> list[tuple[int, int, Markup]]:
    found: list[tuple[int, int, Markup]] = []
    for match in _EMAIL.finditer(text):
        found.append((*match.span(), _anchor(f"mailto:{match.group()}", match.group())))
    for match in _URL.finditer(text):
        url = match.group()
        full = url if url.lower().startswith("http") else f"https://{url}"
        found.append((*match.span(), _anchor(full, url)))
    for phone in PhoneNumberMatcher(text, "PL", leniency=Leniency.VALID):
        found.append(_phone(text, phone))
    for match in _SHORT.finditer(text):
        tel = re.sub(r"\s", "", match.group())
        found.append((*match.span(), _anchor(f"tel:{tel}", match.group())))
    # The earliest first; of two that begin together the longer one.
    return sorted(found, key=lambda item: (item[0], -item[1]))


def _phone(text: str, phone: PhoneNumberMatch) -> tuple[int, int, Markup]:
    shown, start = phone.raw_string, phone.start
    if shown.count("(") > shown.count(")"):
        start += 1
        shown = shown[1:]
    # A number for people who can't hear takes only messages.
    scheme = "sms" if text[:start].rstrip("( ").endswith("SMS") else "tel"
    tel = format_number(phone.number, PhoneNumberFormat.E164)
    return start, phone.end, _anchor(f"{scheme}:{tel}", shown)
