"""What must hold of content beyond its form. Every rule has a test that breaks it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

from knowledge.entries import LABEL_LIMIT, SERVICES, TEXT_LIMIT, CrisisCard, Entry, EntryText
from knowledge.errors import Problem
from knowledge.files import Content
from knowledge.languages import Lang
from knowledge.places.hours import Hours, HoursError
from knowledge.search.phrases import PhraseError, read_phrase

SENTENCE_WORDS: Final = 24
"""Words of a sentence beyond which it is hard to read on a phone (a warning)."""

AIM: Final = 900
PHRASINGS: Final = 60

SUPERSEDED: Final = (
    re.compile(r"Chłopickiego", re.IGNORECASE),
    re.compile(r"\b(?:22 111 35 29|600 070 717)\b"),
    re.compile(r"\b801 12 00 02\b"),
    re.compile(r"(?<!\d)(?:50|70|75) ?%(?=[^.]{0,60}(?:OZZ|ośrod|осеред|центр|collective|заклад))"),
)
"""What was once true and is published no more: addresses, numbers, the fees of 2023."""

_NUMBER = re.compile(r"\d+(?:[ .,:]\d+)*")
_URL = re.compile(r"https?://\S+|\b(?:[a-z0-9-]+\.)+(?:pl|org|com|ua|eu|info)\b(?:/\S*)?")
_PHONE = re.compile(r"(?<![\d.,])(?:\+48 )?\d{2,3}(?: \d{2,4}){2,3}(?![\d.,]\d)")

Rule = Callable[[Content, date], Iterator[Problem]]


def check_content(content: Content, today: date) -> list[Problem]:
    """All problems of a content on a day, in the order of the files; warnings among them."""
    found = (problem for rule in RULES for problem in rule(content, today))
    return sorted(found, key=lambda problem: (str(problem.path), problem.line, problem.sentence))


def _problem(
    content: Content, entry: Entry, at: Iterable[str | int], sentence: str, *, warning: bool = False
) -> Problem:
    path = content.folder / "topics" / entry.theme / f"{entry.id.split('.', 1)[1]}.yaml"
    lines = content.lines.get(entry.id, {})
    place = tuple(at)
    while place and place not in lines:
        place = place[:-1]
    return Problem(path, lines.get(place, 1), sentence, warning)


def fields_of(text: EntryText) -> dict[str, tuple[str, ...]]:
    """The fields of a text that have something to say, each as its lines."""
    single = {
        "title": text.title,
        "answer": text.answer,
        "cost": text.cost,
        "deadline": text.deadline,
        "where": text.where,
        "note": text.note,
    }
    found = {name: (value,) for name, value in single.items() if value}
    return found | {
        name: lines for name, lines in (("steps", text.steps), ("bring", text.bring)) if lines
    }


def _same_structure(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        shapes = {
            lang: {name: len(lines) for name, lines in fields_of(text).items()}
            for lang, text in entry.texts.items()
        }
        first_lang, first = next(iter(shapes.items()))
        for lang, shape in shapes.items():
            for name in sorted(first.keys() ^ shape.keys()):
                sentence = f"{lang}.{name} and {first_lang}.{name}: only one of them is there"
                yield _problem(content, entry, (lang,), sentence)
            for name in sorted(first.keys() & shape.keys()):
                if first[name] != shape[name]:
                    sentence = (
                        f"{lang}.{name} has {shape[name]} lines, "
                        f"{first_lang}.{name} has {first[name]}"
                    )
                    yield _problem(content, entry, (lang, name), sentence)


def numbers_and_links(lines: Iterable[str]) -> Counter[str]:
    """Phones, amounts, dates and links of some lines, as often as they stand there."""
    text = " ".join(lines)
    links = [link.rstrip(".,;:!?)»”") for link in _URL.findall(text)]
    return Counter(links) + Counter(_NUMBER.findall(_URL.sub(" ", text)))


def _same_numbers(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        found = {lang: fields_of(text) for lang, text in entry.texts.items()}
        first_lang, first = next(iter(found.items()))
        for lang, fields in found.items():
            for name in first.keys() & fields.keys():
                ours, theirs = numbers_and_links(fields[name]), numbers_and_links(first[name])
                if ours != theirs:
                    odd = ", ".join(sorted((ours - theirs) + (theirs - ours)))
                    sentence = f"{lang}.{name} and {first_lang}.{name} differ in: {odd}"
                    yield _problem(content, entry, (lang, name), sentence)


def _digits(phone: str) -> str:
    return (
        re.sub(r"\D", "", phone).removeprefix("48")
        if phone.startswith("+")
        else re.sub(r"\D", "", phone)
    )


def _is_swap(one: str, other: str) -> bool:
    """Whether two numbers differ by two neighbouring digits having changed places."""
    odd = [place for place in range(len(one)) if one[place] != other[place]]
    return (
        len(odd) == 2
        and odd[1] == odd[0] + 1
        and one[odd[0]] == other[odd[1]]
        and one[odd[1]] == other[odd[0]]
    )


def _no_swapped_digits(content: Content, _: date) -> Iterator[Problem]:
    known = {_digits(contact.phone) for contact in content.contacts.values() if contact.phone}
    for entry in content.entries.values():
        for lang, text in entry.texts.items():
            for phone in _PHONE.findall(" ".join(text.parts())):
                digits = _digits(phone)
                near = [
                    other
                    for other in known
                    if len(other) == len(digits) and _is_swap(digits, other)
                ]
                if digits not in known and near:
                    sentence = f"{lang}: {phone} differs by swapped digits from {near[0]}"
                    yield _problem(content, entry, (lang,), sentence)


def _lengths(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        for lang, text in entry.texts.items():
            if text.length() > TEXT_LIMIT:
                sentence = f"{lang}: {text.length()} characters; at most {TEXT_LIMIT}"
                yield _problem(content, entry, (lang,), sentence)
            if len(text.label) > LABEL_LIMIT:
                yield _problem(content, entry, (lang, "label"), f"{lang}: the label is too long")


def _known_ids(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        for topic in entry.related:
            if topic not in content.entries or topic == entry.id:
                yield _problem(content, entry, ("related",), f"related: there is no {topic}")
        for contact in entry.contacts:
            if content.contacts and contact not in content.contacts:
                yield _problem(content, entry, ("contacts",), f"contacts: there is no {contact}")
        for service in entry.services:
            if service not in SERVICES:
                yield _problem(content, entry, ("services",), f"services: there is no {service}")


def _dates(content: Content, today: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        if entry.valid_until and entry.valid_until < today:
            yield _problem(content, entry, ("valid_until",), "the entry has expired")
        if entry.is_overdue_on(today):
            yield _problem(
                content, entry, ("review_by",), "the review date has passed", warning=True
            )
        if entry.checked_on > today:
            yield _problem(content, entry, ("checked_on",), "checked on a day to come")
        if entry.review_by <= entry.checked_on:
            yield _problem(content, entry, ("review_by",), "review_by is not after checked_on")


def _volatile_is_checkable(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        if entry.volatile and not (entry.contacts or entry.links):
            sentence = "volatile, but neither contacts nor links say where to check"
            yield _problem(content, entry, ("volatile",), sentence)


def _superseded(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        for lang, text in entry.texts.items():
            for part in text.parts():
                for pattern in SUPERSEDED:
                    match = pattern.search(part)
                    if match:
                        sentence = f"{lang}: “{match.group()}” is superseded"
                        yield _problem(content, entry, (lang,), sentence)


def _readable(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        for lang, text in entry.texts.items():
            for part in text.parts():
                longest = max((len(words.split()) for words in _sentences(part)), default=0)
                if longest > SENTENCE_WORDS:
                    sentence = f"{lang}: a sentence of {longest} words; shorter ones read better"
                    yield _problem(content, entry, (lang,), sentence, warning=True)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?…:;])\s+", text)


def _enough_phrasings(content: Content, _: date) -> Iterator[Problem]:
    for entry in content.entries.values():
        for lang in content.langs:
            lines = content.phrasings[entry.id].get(lang, ())
            path = content.folder / "topics" / entry.theme
            path = path / f"{entry.id.split('.', 1)[1]}.{lang}.txt"
            if len(lines) < PHRASINGS:
                sentence = f"{len(lines)} phrasings; {PHRASINGS} are wanted"
                yield Problem(path, 1, sentence, warning=True)
            for line, times in Counter(line.casefold() for line in lines).items():
                if times > 1:
                    yield Problem(path, 1, f"“{line}” stands here {times} times")


def _phrasings_of_one_topic(content: Content, _: date) -> Iterator[Problem]:
    """A line that stands in two topics teaches the search that they are one."""
    first: dict[tuple[Lang, str], str] = {}
    for topic, by_language in content.phrasings.items():
        for lang, lines in by_language.items():
            for line in lines:
                other = first.setdefault((lang, line.casefold()), topic)
                if other != topic:
                    theme, name = topic.split(".", 1)
                    path = content.folder / "topics" / theme / f"{name}.{lang}.txt"
                    yield Problem(path, 1, f"“{line}” stands in {other} too")


def _contact_hours(content: Content, _: date) -> Iterator[Problem]:
    path = content.folder / "contacts.yaml"
    for contact in content.contacts.values():
        if contact.hours:
            try:
                Hours(contact.hours)
            except HoursError as error:
                yield Problem(path, 1, f"{contact.id}: {error}")
        if not (contact.phone or contact.email or contact.web):
            yield Problem(path, 1, f"{contact.id}: neither phone nor e-mail nor page")
        if bool(contact.phone) != bool(contact.tel):
            yield Problem(path, 1, f"{contact.id}: phone and tel go together")


def _crisis(content: Content, _: date) -> Iterator[Problem]:
    for rules in content.rules:
        path = content.folder / "crisis" / f"{rules.kind}.yaml"
        for phrases in (*rules.phrases.values(), *rules.unless.values()):
            for phrase in phrases:
                try:
                    read_phrase(phrase)
                except PhraseError as error:
                    yield Problem(path, 1, str(error))
        card = content.cards[rules.kind]
        for contact in card.contacts:
            if contact not in content.contacts:
                yield Problem(path, 1, f"contacts: there is no {contact}")
        if card.contacts[0] != "emergency-112":
            yield Problem(path, 1, "112 must come first")
        yield from _card_languages(path, card, content.langs)


def _card_languages(path: Path, card: CrisisCard, langs: tuple[Lang, ...]) -> Iterator[Problem]:
    for lang in langs:
        if lang not in card.first or not card.advice.get(lang):
            yield Problem(path, 1, f"the language {lang} is missing")
    if len({len(lines) for lines in card.advice.values()}) > 1:
        yield Problem(path, 1, "advice has a different number of lines in the languages")


RULES: Final[tuple[Rule, ...]] = (
    _same_structure,
    _same_numbers,
    _no_swapped_digits,
    _lengths,
    _known_ids,
    _dates,
    _volatile_is_checkable,
    _superseded,
    _readable,
    _enough_phrasings,
    _phrasings_of_one_topic,
    _contact_hours,
    _crisis,
)
