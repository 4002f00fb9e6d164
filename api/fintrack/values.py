"""Values on the wire: what each type of field takes and answers.

Amounts are JSON numbers there and exact decimals here. Days are ISO 8601 times there: a bare day, a time with a zone, or
milliseconds since 1970. Midnight in UTC is what browsers make of a bare day, and what is answered for one, so it means that day
everywhere; any other time is the day that it falls on in the business's own zone.
"""

from __future__ import annotations

import re
from calendar import monthrange
from contextlib import suppress
from datetime import date, datetime, timezone
from datetime import time as time_of_day
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.fintrack.errors import InvalidId
from domain.errors import InvalidField

NIL = str(UUID(int=0))
LONGEST_STRING = 255
LONGEST_TEXT = 20_000
DECIMALS_KEPT = 9
"""What a 64-bit float says beyond is noise of its arithmetic: 0.1 + 0.2 is 0.3."""

FEWEST_DIGITS, MOST_DIGITS = 10, 15
"""Of a text of milliseconds: fewer are somebody's way of writing a day, as 20260321 is."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_BEGINNING = re.compile(r"(\d{1,4})(?:-(?:(\d{1,2})(?:-(\d?))?)?)?", re.ASCII)


def read_id(value: Any, name: str) -> UUID:
    """A UUID. Raises InvalidId."""
    if isinstance(value, str):
        with suppress(ValueError):
            found = UUID(value)
            if str(found) == value.casefold():
                return found
    raise InvalidId(f"`{name}` is not a UUID.", path=name)


def read_text(value: Any, name: str, longest: int) -> str:
    """A text. Raises InvalidField."""
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidField(f"`{name}` must be a text of at most {longest} characters.", path=name)
    return value


def read_number(value: Any, name: str) -> Decimal:
    """A number, also as a text. Raises InvalidField."""
    found: Decimal | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = Decimal(value)
    elif isinstance(value, float):
        found = Decimal(repr(value))
    elif isinstance(value, str) and len(value) <= 40 and _NUMBER.fullmatch(value.strip()):
        found = Decimal(value.strip())
    if found is None or not found.is_finite() or found.adjusted() > 30:
        raise InvalidField(f"`{name}` must be a number.", path=name)
    exponent = found.as_tuple().exponent
    if isinstance(value, float) and isinstance(exponent, int) and -exponent > DECIMALS_KEPT:
        found = round(found, DECIMALS_KEPT).normalize()
    return found


def read_flag(value: Any, name: str) -> bool:
    """A truth value, also as a text. Raises InvalidField."""
    found = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).casefold())
    if found is None:
        raise InvalidField(f"`{name}` must be true or false.", path=name)
    return found


def read_day(value: Any, name: str, zone: ZoneInfo) -> date:
    """A day. Raises InvalidField."""
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            moment = datetime.fromisoformat(_shortened(value.upper()))
            return _day_of(moment if moment.tzinfo else moment.replace(tzinfo=zone), zone)
        if isinstance(value, str) and FEWEST_DIGITS <= len(value) <= MOST_DIGITS and value.isascii() and value.isdecimal():
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _day_of(datetime.fromtimestamp(value / 1000, timezone.utc), zone)
    raise InvalidField(f"`{name}` must be a date: 2026-03-21, a time in ISO 8601, or milliseconds since 1970.", path=name)


def _shortened(text: str) -> str:
    """A time with at most the decimals that Python reads."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def _day_of(moment: datetime, zone: ZoneInfo) -> date:
    in_utc = moment.astimezone(timezone.utc)
    return in_utc.date() if in_utc.time() == time_of_day() else moment.astimezone(zone).date()


def days_beginning(text: str) -> tuple[date, date] | None:
    """The first and the last day whose ISO text begins like this: a search field sends what is typed, letter by letter."""
    found = _BEGINNING.fullmatch(text)
    if not found:
        return None
    year, month, day = found.groups()
    with suppress(ValueError):
        if month is None:
            return date(max(1, int(year.ljust(4, "0"))), 1, 1), date(int(year.ljust(4, "9")), 12, 31)
        if len(year) < 4:
            return None
        months = [number for number in range(1, 13) if f"{number:02}".startswith(month)]
        last = monthrange(int(year), months[-1])[1] if months else 0
        days = [number for number in range(1, last + 1) if f"{number:02}".startswith(day or "")]
        if months and days and (len(month) == 2 or not day):
            return date(int(year), months[0], days[0]), date(int(year), months[-1], days[-1])
    return None


@lru_cache(8_192)  # a list has few days
def day_text(stored: str | None) -> str | None:
    """A stored day as it is answered."""
    return None if stored is None else f"{stored[:10]}T00:00:00.000Z"


def moment_text(stored: str) -> str:
    """A stored moment as it is answered: UTC, with milliseconds."""
    if len(stored) == 27:  # 2026-11-20T08:48:48.000000Z
        return f"{stored[:23]}Z"
    moment = datetime.fromisoformat(stored).astimezone(timezone.utc)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@lru_cache(8_192)
def day_of(stored: str) -> date:
    """A stored day."""
    return date.fromisoformat(stored)


@lru_cache(8_192)  # a few amounts, rates and quantities are most of all
def number_of(stored: str | None) -> float | int | None:
    """A stored amount as a JSON number."""
    if stored is None:
        return None
    if "." not in stored and "E" not in stored:
        return int(stored)
    amount = float(stored)
    return int(amount) if amount.is_integer() else amount
