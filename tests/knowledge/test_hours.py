"""Opening hours in Polish time, with Polish holidays and the change of clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.places.hours import POLAND, Hours, HoursError

OFFICE = Hours("Mo-Fr 08:00-16:00; PH off")


def poland(*at: int) -> datetime:
    """A moment on the clock in Poland."""
    return datetime(*at, tzinfo=POLAND)  # type: ignore[misc,arg-type]


def test_open_from_the_first_minute_to_before_the_last() -> None:
    """8:00 is open, 16:00 is not."""
    opened = [OFFICE.is_open_at(poland(2026, 11, 23, *time)) for time in EDGES]
    assert opened == [False, True, True, False]


EDGES = [(7, 59), (8, 0), (15, 59), (16, 0)]


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (poland(2026, 11, 20, 17, 0), poland(2026, 11, 23, 8, 0)),  # Friday evening
        (poland(2026, 11, 10, 17, 0), poland(2026, 11, 12, 8, 0)),  # before Independence Day
        (poland(2026, 12, 23, 17, 0), poland(2026, 12, 28, 8, 0)),  # Christmas Eve is a holiday
        (poland(2027, 3, 26, 18, 0), poland(2027, 3, 30, 8, 0)),  # over Easter Monday
    ],
)
def test_the_next_opening_passes_weekends_and_holidays(now: datetime, opens: datetime) -> None:
    """Nobody is promised an answer on a holiday."""
    assert OFFICE.opens_after(now) == opens


def test_a_place_without_an_end_never_closes() -> None:
    """Round the clock there is no closing time to name."""
    always = Hours("24/7")
    assert (always.is_always, always.closes_after(poland(2026, 11, 23, 3, 0))) == (True, None)


def test_the_hour_that_does_not_exist_raises_nothing() -> None:
    """On 28 March 2027 the clock jumps from 2:00 to 3:00."""
    gap = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert OFFICE.opens_after(gap) == poland(2027, 3, 30, 8, 0)


def test_what_is_not_hours_is_refused() -> None:
    """The error repeats what was given, for the person who typed it."""
    with pytest.raises(HoursError, match="Mo-Fr 9-17"):
        Hours("Mo-Fr 9-17")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001
def test_open_now_is_the_same_as_opening_now(moment: datetime) -> None:
    """The two questions never disagree, in any minute of two years."""
    now = moment.replace(tzinfo=UTC)
    opens = OFFICE.opens_after(now)
    assert opens is not None
    assert (opens == now) == OFFICE.is_open_at(now)
    assert opens - now < timedelta(days=8)
