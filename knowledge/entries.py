"""The words of the knowledge base: an entry, its text in one language, a contact line.

Reading them from files is files.py; choosing among them is search/engine.py.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from knowledge.languages import Lang

THEMES: Final[tuple[str, ...]] = (
    "stay",
    "work",
    "housing",
    "health",
    "education",
    "benefits",
    "legal",
    "daily",
    "info",
)
"""Themes of the menu, in its order. Theme `crisis` is never in the menu: it has its own button."""

TITLE_LIMIT: Final = 70
LABEL_LIMIT: Final = 32
TEXT_LIMIT: Final = 1200
"""Characters of all fields of one language together; the aim is 900 (docs/content.md)."""

SERVICES: Final[frozenset[str]] = frozenset(
    "legal-stay legal-advice psychological-help jobs polish-courses translation school benefits "
    "housing health food clothes children-corner computer violence-help tax-business mediation "
    "employers disability documents-help information integration night-shelter "
    "humanitarian-aid".split()
)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\n]*$")]
TopicId = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z0-9][a-z0-9-]*$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Record(BaseModel):
    """A value read from content: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EntryText(Record):
    """An entry in one language. Optional fields are absent in all languages together."""

    title: Annotated[Line, Field(max_length=TITLE_LIMIT)]
    label: Annotated[Line, Field(max_length=LABEL_LIMIT)]
    answer: Line
    steps: tuple[Line, ...] = ()
    bring: tuple[Line, ...] = ()
    cost: Line | None = None
    deadline: Line | None = None
    where: Line | None = None
    note: Line | None = None

    def parts(self) -> tuple[str, ...]:
        """Every sentence the answer shows, without title and label."""
        single = (self.answer, self.cost, self.deadline, self.where, self.note)
        return (*(text for text in single if text), *self.steps, *self.bring)

    def length(self) -> int:
        """Characters of the answer with all its fields."""
        return sum(map(len, self.parts()))


class Source(Record):
    """Where a fact comes from: for editors, with the day or year it was true."""

    name: Line
    url: str | None = None
    date: str

    @field_validator("date", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str:
        return str(value)


class Entry(Record):
    """One topic with its answer in each language."""

    id: TopicId
    checked_on: date
    review_by: date
    valid_from: date | None = None
    valid_until: date | None = None
    volatile: bool = False
    abroad: bool = False
    """The topic itself is about other countries, so that naming one makes it no less likely."""
    contacts: tuple[Slug, ...] = ()
    links: tuple[Annotated[str, StringConstraints(pattern=r"^https://\S+$")], ...] = ()
    points: tuple[Slug, ...] = ()
    services: tuple[Slug, ...] = ()
    related: tuple[TopicId, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)
    texts: dict[Lang, EntryText]

    @property
    def theme(self) -> str:
        """The theme, which is the part of the id before the dot."""
        return self.id.split(".")[0]

    def is_served_on(self, day: date) -> bool:
        """Whether the entry may be shown: an entry outside its validity never is."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )

    def is_overdue_on(self, day: date) -> bool:
        """Whether its review date has passed, which the answer then says."""
        return self.review_by < day


ContactKind = Literal["emergency", "crisis", "information"]


class Contact(Record):
    """A phone line or office that people are sent to, with what supports it.

    `hours` is OSM opening_hours syntax ("24/7", "Mo-Fr 08:00-16:00; PH off") in Polish time;
    None where nobody knows them. `certain` is False where only an old page supports the number,
    its hours or languages: it is then shown with `as_of` and a request to check.
    """

    id: Slug
    kind: ContactKind
    phone: str | None = None
    tel: Annotated[str, StringConstraints(pattern=r"^\+?\d+$")] | None = None
    sms: bool = False
    email: str | None = None
    web: str | None = None
    hours: str | None = None
    languages: tuple[Lang, ...] = ()
    free: bool = False
    certain: bool = True
    as_of: str
    source: Line
    name: dict[Lang, Line]
    about: dict[Lang, Line] = Field(default_factory=dict)

    @field_validator("as_of", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> str:
        return str(value)


CrisisKind = Literal["suicide", "danger", "child", "missing", "violence", "trafficking"]


class CrisisCard(Record):
    """What is said at once when a crisis is recognised: the first words and whom to call."""

    topic: TopicId
    contacts: tuple[Slug, ...] = Field(min_length=1)
    first: dict[Lang, Line]
    advice: dict[Lang, tuple[Line, ...]]
