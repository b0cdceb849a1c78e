"""Opening hours in OSM syntax, asked in Polish time with Polish public holidays."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]

POLAND: Final = ZoneInfo("Europe/Warsaw")
_UTC: Final = ZoneInfo("UTC")


class HoursError(ValueError):
    """These are not opening hours in OSM syntax."""


@dataclass(frozen=True)
class Hours:
    """When something is open. All times given and returned are aware datetimes."""

    source: str

    def __post_init__(self) -> None:
        try:
            _parsed(self.source)
        except ParserError as error:
            raise HoursError(f"“{self.source}” is not in OSM opening_hours syntax") from error

    @property
    def is_always(self) -> bool:
        """Whether it never closes."""
        return self.source.strip() == "24/7"

    def is_open_at(self, at: datetime) -> bool:
        """Whether it is open at this moment."""
        return bool(_parsed(self.source).is_open(_in_utc(at)))

    def opens_after(self, at: datetime) -> datetime | None:
        """When it opens next: `at` itself when open now, None when it never opens again."""
        if self.is_open_at(at):
            return at
        change = _parsed(self.source).next_change(_in_utc(at))
        return change.astimezone(POLAND) if change else None

    def closes_after(self, at: datetime) -> datetime | None:
        """When it closes next if open now; None when closed now or never closing."""
        if not self.is_open_at(at):
            return None
        change = _parsed(self.source).next_change(_in_utc(at))
        return change.astimezone(POLAND) if change else None


def _in_utc(at: datetime) -> datetime:
    # The library wants a zone with a name; a local time inside the spring gap would raise.
    return at.astimezone(UTC).replace(tzinfo=_UTC)


@lru_cache(maxsize=512)
def _parsed(source: str) -> OpeningHours:
    return OpeningHours(
        source, timezone=POLAND, country="PL", auto_country=False, auto_timezone=False
    )
