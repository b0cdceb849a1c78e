"""Reads the content folder. Every error names the file and the line.

The folder: topics/<theme>/<topic>.yaml with <topic>.<lang>.txt beside it, crisis/<kind>.yaml,
contacts.yaml and questions/<name>.<lang>.txt (messages that belong to no topic).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from knowledge.entries import Contact, CrisisCard, CrisisKind, Entry
from knowledge.errors import ContentError, Problem
from knowledge.languages import LANGS, Lang

CONTENT = Path(__file__).parent / "content"
"""The content that ships with the help line."""

OUTSIDE = (
    "out-of-scope",
    "human",
    "erase",
    "greeting",
    "thanks",
    "farewell",
    "acknowledgement",
    "about-bot",
    "rude",
)
"""Kinds of messages that belong to no topic, in questions/<kind>.<lang>.txt."""

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class CrisisRules:
    """Phrases that mean a crisis of one kind, and phrases beside which they don't."""

    kind: CrisisKind
    phrases: Mapping[Lang, tuple[str, ...]]
    unless: Mapping[Lang, tuple[str, ...]]


@dataclass(frozen=True)
class Content:
    """Everything read from one content folder, checked for form but not for sense."""

    folder: Path
    langs: tuple[Lang, ...]
    entries: Mapping[str, Entry]
    phrasings: Mapping[str, Mapping[Lang, tuple[str, ...]]]
    contacts: Mapping[str, Contact]
    cards: Mapping[CrisisKind, CrisisCard]
    rules: tuple[CrisisRules, ...]
    outside: Mapping[str, Mapping[Lang, tuple[str, ...]]]
    elsewhere: tuple[str, ...] = ()
    """Phrases that name a place whose rules are not ours."""
    unlawful: tuple[str, ...] = ()
    """Phrases of what we never answer: bought documents, cheating, bribes."""
    lines: Mapping[str, Mapping[Location, int]] = field(default_factory=dict)
    """For each entry id: where its keys stand in the file, for later checks."""


class Located:
    """A YAML document as plain values, and the line each of them stands on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Location, int] = {(): 1}
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            line = mark.line + 1 if mark else 1
            raise ContentError(
                [Problem(path, line, error.problem or "this is not YAML")]
            ) from error
        except UnicodeDecodeError as error:
            raise ContentError([Problem(path, 1, "the file is not UTF-8 text")]) from error
        self._constructor = yaml.constructor.SafeConstructor()
        self.value = self._read(node, ()) if node else None

    def _read(self, node: yaml.Node, at: Location) -> Any:
        self.lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._constructor.construct_object(node)

    def _read_mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                line = key_node.start_mark.line + 1
                raise ContentError([Problem(self.path, line, f"“{key}” stands here twice")])
            result[key] = self._read(value_node, (*at, key))
        return result

    def line_of(self, at: Sequence[str | int]) -> int:
        """The line of a key, or of the nearest thing around it."""
        place = tuple(at)
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def as_model(self, model: type[Model], value: Any, prefix: Location = ()) -> Model:
        """The value as a model, or a ContentError with a line for each thing wrong."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            problems = [
                Problem(
                    self.path,
                    self.line_of(self._in_file((*prefix, *item["loc"]))),
                    f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}",
                )
                for item in error.errors()
            ]
            raise ContentError(problems) from error

    def _in_file(self, at: Location) -> Location:
        # An entry's languages stand at the top of the file, beside its other keys.
        return at[1:] if at[:1] == ("texts",) else at


def read_content(folder: Path = CONTENT, langs: tuple[Lang, ...] = LANGS) -> Content:
    """Read a whole content folder; ContentError lists everything that is wrong in form.

    Only topics/ must exist: another folder of entries (a public FAQ, fewer languages) may
    have no contacts, crisis rules or messages of its own.
    """
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    lines: dict[str, Mapping[Location, int]] = {}
    phrasings: dict[str, Mapping[Lang, tuple[str, ...]]] = {}
    paths = sorted((folder / "topics").glob("*/*.yaml"))
    if not paths:
        raise ContentError([Problem(folder / "topics", 1, "there are no entries here")])
    for path in paths:
        try:
            entry, where = _read_entry(path, langs)
            entries[entry.id] = entry
            lines[entry.id] = where
            phrasings[entry.id] = _read_by_language(path.with_suffix(""), langs)
        except ContentError as error:
            problems += error.problems
    parts: dict[str, Any] = {"contacts": {}, "cards": {}, "rules": ()}
    for read in (_read_contacts, _read_crisis):
        try:
            parts |= read(folder, langs)
        except ContentError as error:
            problems += error.problems
    if problems:
        raise ContentError(problems)
    outside = {name: _read_by_language(folder / "questions" / name, langs) for name in OUTSIDE}
    return Content(
        folder=folder,
        langs=langs,
        entries=entries,
        phrasings=phrasings,
        outside=outside,
        elsewhere=tuple(_read_lines(folder / "questions" / "elsewhere.txt")),
        unlawful=tuple(_read_lines(folder / "questions" / "unlawful.txt")),
        lines=lines,
        **parts,
    )


def _read_entry(path: Path, langs: tuple[Lang, ...]) -> tuple[Entry, Mapping[Location, int]]:
    document = Located(path)
    value = _mapping(document, document.value)
    value["texts"] = {lang: value.pop(lang) for lang in LANGS if lang in value}
    entry = document.as_model(Entry, value)
    expected = f"{path.parent.name}.{path.stem}"
    problems = []
    if entry.id != expected:
        problems.append(
            Problem(path, document.line_of(["id"]), f"the id must be {expected}, as the file says")
        )
    problems += [
        Problem(path, 1, f"the language {lang} is missing")
        for lang in langs
        if lang not in entry.texts
    ]
    if problems:
        raise ContentError(problems)
    return entry, document.lines


def _read_contacts(folder: Path, langs: tuple[Lang, ...]) -> dict[str, Any]:
    path = folder / "contacts.yaml"
    if not path.exists():
        return {}
    document = Located(path)
    contacts: dict[str, Contact] = {}
    for index, item in enumerate(document.value or []):
        contact = document.as_model(Contact, item, (index,))
        line = document.line_of([index])
        if contact.id in contacts:
            raise ContentError([Problem(path, line, f"the id {contact.id} stands here twice")])
        missing = [lang for lang in langs if lang not in contact.name]
        if missing:
            raise ContentError([Problem(path, line, f"{contact.id}: no name in {missing}")])
        contacts[contact.id] = contact
    return {"contacts": contacts}


def _read_crisis(folder: Path, langs: tuple[Lang, ...]) -> dict[str, Any]:
    cards: dict[CrisisKind, CrisisCard] = {}
    rules: list[CrisisRules] = []
    for kind in get_args(CrisisKind):
        path = folder / "crisis" / f"{kind}.yaml"
        if not path.exists():
            continue
        document = Located(path)
        value = _mapping(document, document.value)
        phrases, unless = value.pop("phrases", {}), value.pop("unless", None) or {}
        cards[kind] = document.as_model(CrisisCard, value)
        rules.append(
            CrisisRules(
                kind,
                {lang: tuple(phrases.get(lang) or ()) for lang in langs},
                {lang: tuple(unless.get(lang) or ()) for lang in langs},
            )
        )
    return {"cards": cards, "rules": tuple(rules)}


def _mapping(document: Located, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ContentError([Problem(document.path, 1, "the file must hold keys and values")])
    return value


def _read_by_language(stem: Path, langs: tuple[Lang, ...]) -> dict[Lang, tuple[str, ...]]:
    return {lang: tuple(_read_lines(stem.with_name(f"{stem.name}.{lang}.txt"))) for lang in langs}


def _read_lines(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            yield text
