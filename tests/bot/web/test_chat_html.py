"""Replies as HTML: every text is shown as it is, and what can be tapped is tapped."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.chat_html import html_of, linked
from handlers.reply import AnyBlock, Call, Field, Heading, Link, Listing, Paragraph

NBSP = "\u00a0"

# What HTML itself can't carry or changes: surrogates, NUL and lone carriage returns.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=60)

TRICKY = st.lists(
    st.sampled_from(
        "<b> & &amp; ' \" > <!-- --> ]]> javascript: 112 116 111 12 345 67 89 +48 12 345 67 89 "
        "( ) . , : gov.pl/a?b=c&d=e https://x.example/<y> a@b.example o'neil@b.pl SMS zł –".split()
    ),
    max_size=12,
).map(" ".join)

ANY = st.one_of(TEXT, TRICKY)

TAGS = {
    "a": {"href", "target", "rel", "class"},
    "p": {"class"},
    "span": {"class"},
    "ol": set[str](),
    "ul": set[str](),
    "li": set[str](),
    "h2": set[str](),
    "strong": set[str](),
    "small": set[str](),
}


class Seen(HTMLParser):
    """What a browser makes of a piece of HTML: its text, its tags and its links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.odd: list[str] = []
        self.links: list[tuple[str, str]] = []
        self._open: str | None = None
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the tag, and whatever about it is none of ours."""
        self.tags.add(tag)
        names = {name for name, _ in attributes}
        if not names <= TAGS.get(tag, set()):
            self.odd.append(tag)
        if tag == "a":
            self.links.append((dict(attributes)["href"] or "", ""))
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        """The end of a link ends its words."""
        if tag == "a":
            self._open = None

    def handle_data(self, data: str) -> None:
        """Note the words."""
        self.text += data
        if self._open:
            href, words = self.links[-1]
            self.links[-1] = (href, words + data)

    def handle_comment(self, data: str) -> None:
        """A comment is none of ours."""
        self.odd.append("comment")


@given(ANY)
def test_the_text_that_is_seen_is_the_text_that_was_written(text: str) -> None:
    """Whatever is made tappable in it, no character is changed, lost or taken for markup."""
    seen = Seen(linked(text))
    assert seen.text == text
    assert (seen.tags - {"a"}, seen.odd) == (set(), [])


@given(ANY)
def test_a_link_leads_to_what_it_says(text: str) -> None:
    """Only to the web, a phone, a message or a mailbox; never to a script."""
    for href, words in Seen(linked(text)).links:
        assert re.match(r"(https?://|tel:|sms:|mailto:)", href, re.IGNORECASE)
        assert words in text
        digits = re.sub(r"\D", "", words)
        if href.startswith(("tel:", "sms:")):
            assert re.sub(r"\D", "", href).endswith(digits.removeprefix("00"))


@given(st.lists(ANY, min_size=6, max_size=6))
def test_every_block_shows_all_its_texts_and_no_tag_of_theirs(parts: list[str]) -> None:
    """Headings, lists, fields, contacts and links alike."""
    one, two, three, four, five, six = parts
    blocks: tuple[AnyBlock, ...] = (
        Heading(one),
        Paragraph(two, small=True),
        Listing((three, four), numbered=True, label=five),
        Field(one, six),
        Call(name=two, phone=three, tel="112", about=four, email=five, web=six),
        Link(one, two),
    )
    seen = Seen(html_of(blocks))
    assert (seen.tags - set(TAGS), seen.odd) == (set(), [])
    for part in parts:
        assert part in seen.text


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Call 112 now.", [("tel:112", "112")]),
        ("112, 997 або 999", [("tel:112", "112"), ("tel:997", "997"), ("tel:999", "999")]),
        ("116 111 i 116123", [("tel:116111", "116 111"), ("tel:116123", "116123")]),
        (f"116{NBSP}111", [("tel:116111", f"116{NBSP}111")]),
        ("(12 345 67 89)", [("tel:+48123456789", "12 345 67 89")]),
        ("tel. +48 12 345 67 89", [("tel:+48123456789", "+48 12 345 67 89")]),
        ("+380 44 123 45 67", [("tel:+380441234567", "+380 44 123 45 67")]),
        ("800 12 3456", [("tel:+48800123456", "800 12 3456")]),
        ("SMS 600 100 200", [("sms:+48600100200", "600 100 200")]),
        ("(SMS 600 100 200)", [("sms:+48600100200", "600 100 200")]),
        ("Пишіть a.b-c@example.org.", [("mailto:a.b-c@example.org", "a.b-c@example.org")]),
        ("pomoc@gov.pl", [("mailto:pomoc@gov.pl", "pomoc@gov.pl")]),
        ("na gov.pl.", [("https://gov.pl", "gov.pl")]),
        ("(gov.pl/web/udsc)", [("https://gov.pl/web/udsc", "gov.pl/web/udsc")]),
        ("Diia.pl – це", [("https://Diia.pl", "Diia.pl")]),
        ("https://x.example/a?b=1&c=2!", [("https://x.example/a?b=1&c=2",) * 2]),
        ("116111.pl", [("https://116111.pl", "116111.pl")]),
    ],
)
def test_what_can_be_tapped_is_a_link(text: str, links: list[tuple[str, str]]) -> None:
    """Phones, short numbers, addresses: each leads where a finger expects, without its comma."""
    assert Seen(linked(text)).links == links


@pytest.mark.parametrize(
    "text",
    [
        "112 zł",
        f"112{NBSP}zł",
        "997 PLN",
        "999 EUR",
        "999 €",
        "999 грн",
        "1112",
        "1 112 zł",
        "112,50 zł",
        "997.20",
        "116 000 zł",
        "12 345,67 zł",
        "od 800 do 1200 zł",
        "4806 zł brutto",
        "112/2024",
        "Dz.U. 2022 poz. 583",
        "PESEL 44051401359",
        "31-539 Kraków",
        "2026-11-20, 10:00–15:30",
        "01.01.2026–31.12.2026",
        "35×45 mm",
        "90 днів зі 180",
        "e.g. this.And that",
        "@ksiegowa",
    ],
)
def test_what_is_no_number_to_call_is_no_link(text: str) -> None:
    """Amounts, dates, postcodes and case numbers stay text; a number beside them is found."""
    assert Seen(linked(text)).links == []
    assert Seen(linked(f"{text}; 112")).links == [("tel:112", "112")]


@given(st.integers(1, 99_999), st.sampled_from(["zł", "PLN", "EUR", "€", "грн"]), st.booleans())
def test_an_amount_is_never_dialled(amount: int, unit: str, has_space: bool) -> None:
    """However it is grouped."""
    grouped = f"{amount:,}".replace(",", NBSP if has_space else " ")
    assert Seen(linked(f"{amount} {unit}, {grouped} {unit}, {grouped},00 {unit}")).links == []


def test_a_contact_is_a_number_its_name_and_its_addresses() -> None:
    """The whole block, open now."""
    call = Call(
        name="A helpline <for all>",
        phone="12 345 67 89",
        tel="+48123456789",
        email="a@b.example",
        web="https://www.b.example/",
        about="free; day & night",
        is_open=True,
    )
    assert html_of((call,)) == (
        "<p class='call open'><a class='number' href='tel:+48123456789'>12 345 67 89</a>"
        "<span>A helpline &lt;for all&gt;<small>free; day &amp; night</small>"
        "<span class='links'><a href='mailto:a@b.example'>a@b.example</a> "
        "<a href='https://www.b.example/' target='_blank' rel='noopener noreferrer'>b.example</a>"
        "</span></span></p>"
    )


def test_a_number_for_messages_says_so() -> None:
    """Whoever can't hear taps and writes."""
    call = Call(name="112", phone="600 100 200", tel="+48600100200", sms=True)
    assert html_of((call,)) == (
        "<p class='call'><a class='number' href='sms:+48600100200'>SMS 600 100 200</a>"
        "<span>112</span></p>"
    )


def test_an_address_that_is_no_web_page_is_text() -> None:
    """Also when an editor pasted it."""
    blocks = (Link("javascript:alert(1)", "a"), Call(name="b", web="javascript:alert(1)"))
    assert Seen(html_of(blocks)).links == []
    assert Seen(html_of((Link("https://a.example", "a"),))).links == [("https://a.example", "a")]


def test_all_blocks_of_a_reply() -> None:
    """Heading, paragraphs, lists, a field and a source, in their order."""
    blocks = (
        Heading("A title"),
        Paragraph("Text"),
        Paragraph("Aside", small=True),
        Listing(("one", "two"), numbered=True, label="What to do"),
        Listing(("three",)),
        Field("Cost", "free"),
        Link("https://www.a.example/b/"),
    )
    assert html_of(blocks) == (
        "<h2>A title</h2><p>Text</p><p class='small'>Aside</p>"
        "<p class='label'>What to do</p><ol><li>one</li><li>two</li></ol><ul><li>three</li></ul>"
        "<p><strong>Cost:</strong> free</p><p class='source'><a href='https://www.a.example/b/' "
        "target='_blank' rel='noopener noreferrer'>a.example/b</a></p>"
    )
