"""An entry of the knowledge base as a reply: the same order of parts for every topic."""

from collections.abc import Iterator

from handlers import menu, texts
from handlers.action import Action, Name
from handlers.reply import (
    AnyBlock,
    Button,
    Call,
    Field,
    Heading,
    Link,
    Listing,
    Paragraph,
    Reply,
)
from handlers.turn import Turn
from knowledge.entries import Contact, Entry, EntryText
from knowledge.languages import LANGS
from knowledge.places.hours import Hours

RELATED_SHOWN = 3


def answer(turn: Turn, entry: Entry) -> Reply:
    """The whole answer of a topic in the language of the turn, with its buttons."""
    text = entry.texts[turn.lang]
    blocks = (
        Heading(text.title),
        *_body(turn, text),
        *_contacts(turn, entry),
        *_provenance(turn, entry),
    )
    buttons: list[tuple[Button, ...]] = []
    if entry.id not in turn.conversation.rated:
        blocks = (*blocks, Paragraph(texts.did_this_help(turn.t)))
        buttons.append(_feedback(turn, entry))
    buttons += [(button,) for button in _related(turn, entry)]
    buttons.append((menu.person_button(turn.t), menu.menu_button(turn.t)))
    return Reply(blocks, turn.lang, tuple(buttons), entry=entry.id)


def _body(turn: Turn, text: EntryText) -> Iterator[AnyBlock]:
    t = turn.t
    yield Paragraph(text.answer)
    if text.steps:
        yield Listing(text.steps, numbered=len(text.steps) > 1, label=texts.label_steps(t))
    if text.bring:
        yield Listing(text.bring, label=texts.label_bring(t))
    if text.cost:
        yield Field(texts.label_cost(t), text.cost)
    if text.deadline:
        yield Field(texts.label_deadline(t), text.deadline)
    if text.where:
        yield Field(texts.label_where(t), text.where)
    if text.note:
        yield Field(texts.label_note(t), text.note)


def _contacts(turn: Turn, entry: Entry) -> Iterator[AnyBlock]:
    if entry.is_overdue_on(turn.today):
        yield Paragraph(texts.overdue(turn.t, texts.day(turn.lang, entry.review_by)))
    if entry.volatile:
        yield Paragraph(texts.may_change(turn.t, texts.day(turn.lang, entry.checked_on)))
    for contact in turn.knowledge.contacts(entry.contacts):
        yield call_block(turn, contact)


def _provenance(turn: Turn, entry: Entry) -> Iterator[AnyBlock]:
    for url in sources_shown(entry):
        yield Link(url)
    if not entry.volatile:
        checked = texts.checked_on(turn.t, texts.day(turn.lang, entry.checked_on))
        yield Paragraph(checked, small=True)


def sources_shown(entry: Entry) -> tuple[str, ...]:
    """The pages shown under an answer: its links, else the pages of its sources, at most two."""
    pages = entry.links or tuple(source.url for source in entry.sources if source.url)
    return tuple(dict.fromkeys(pages))[:2]


def call_block(turn: Turn, contact: Contact) -> Call:
    """A contact line as people need it: the number, what it is, whether it is open now."""
    return Call(
        name=contact.name[turn.lang],
        phone=contact.phone or "",
        tel=contact.tel or "",
        sms=contact.sms,
        email=contact.email or "",
        web=contact.web or "",
        about="; ".join(_about(turn, contact)),
        is_open=bool(contact.hours and Hours(contact.hours).is_open_at(turn.now)),
    )


def _about(turn: Turn, contact: Contact) -> Iterator[str]:
    t = turn.t
    if contact.about:
        yield contact.about[turn.lang].rstrip(".")
    if contact.hours:
        yield _when_open(turn, Hours(contact.hours))
    if contact.languages and set(contact.languages) != set(LANGS):
        yield texts.contact_languages(t, turn.lang, contact.languages)
    if contact.free:
        yield texts.contact_free(t)
    if not contact.certain:
        yield texts.contact_uncertain(t, contact.as_of)


def _when_open(turn: Turn, hours: Hours) -> str:
    if hours.is_always:
        return texts.contact_always(turn.t)
    opens = hours.opens_after(turn.now)
    if opens == turn.now:
        return texts.contact_open_now(turn.t)
    if opens is None:
        return hours.source
    return texts.contact_opens(turn.t, texts.when(turn.t, turn.lang, opens, turn.now))


def _feedback(turn: Turn, entry: Entry) -> tuple[Button, ...]:
    return (
        Button.of(texts.button_helped(turn.t), Action(Name.HELPED, entry.id)),
        Button.of(texts.button_not_helped(turn.t), Action(Name.NOT_HELPED, entry.id)),
    )


def _related(turn: Turn, entry: Entry) -> Iterator[Button]:
    found = (turn.knowledge.entry(topic, turn.today) for topic in entry.related)
    for other in [entry for entry in found if entry][:RELATED_SHOWN]:
        yield topic_button(turn, other)


def topic_button(turn: Turn, entry: Entry) -> Button:
    """The button that shows an entry."""
    return Button.of(entry.texts[turn.lang].label, Action(Name.TOPIC, entry.id))
