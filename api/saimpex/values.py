"""Values as the desktop app writes and reads them: numbers may be texts, amounts are JSON numbers, times are ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

from domain.errors import InvalidField
from domain.values import LARGEST_NUMBER

SOURCE = "saimpex"
"""The source of client ids: they are UUIDs, so a till, its next login and its next installation share one space of them."""
LARGEST_EXPONENT = 15
EARLIEST_YEAR, LATEST_YEAR = 1900, 9998
"""Of a clock that is wrong, but not nonsense: such a moment is a day in every zone."""
FLOAT_DECIMALS = 6
"""A number with a longer fraction is a binary one (0.1 + 0.2): it is rounded to so many decimals."""
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")
_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

JSON = msgspec.json.Encoder(decimal_format="number")
"""Amounts are written as numbers, with all their decimals."""

Row = dict[str, Any]
Read = Callable[[Any, str], Any]


# Reading --------------------------------------------------------------------------------------------


def text(longest: int = 255) -> Read:
    """A text; numbers are taken as their digits."""

    def read(value: Any, path: str) -> str:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > longest:
            raise InvalidField(f"The {words(path)} must be a text of at most {longest} characters.", path=path)
        return value

    return read


def name(value: Any, path: str) -> str:
    """A text that is not blank."""
    found: str = text()(value, path)
    if not found.strip():
        raise InvalidField(f"The {words(path)} must not be blank.", path=path)
    return found


def whole(least: int = 1, most: int = LARGEST_NUMBER) -> Read:
    """A whole number."""

    def read(value: Any, path: str) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidField(f"The {words(path)} must be a whole number from {least} to {most}.", path=path)
        return value

    return read


def decimal_of(value: Any, path: str) -> Decimal:
    """A number, also as a text. Raises InvalidField."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise InvalidOperation  # noqa: TRY301 - one answer for everything that is no number
        if isinstance(value, str) and not _PLAIN.fullmatch(value.strip()):
            raise InvalidOperation  # noqa: TRY301
        number = Decimal(value.strip() if isinstance(value, str) else value)
        if not number.is_finite() or (number and abs(number.adjusted()) > LARGEST_EXPONENT):
            raise InvalidOperation  # noqa: TRY301
    except InvalidOperation:
        raise InvalidField(f"The {words(path)} must be a number.", path=path) from None
    exponent = number.as_tuple().exponent
    if isinstance(value, Decimal) and isinstance(exponent, int) and exponent < -FLOAT_DECIMALS:
        number = number.quantize(Decimal(1).scaleb(-FLOAT_DECIMALS), ROUND_HALF_UP).normalize()
    return number


def amount(value: Any, path: str) -> Decimal:
    """An amount of money, not below nothing."""
    number = decimal_of(value, path)
    if number < 0:
        raise InvalidField(f"The {words(path)} must not be less than 0.", path=path)
    return number


def positive(value: Any, path: str) -> Decimal:
    """A quantity or an amount of more than nothing."""
    number = decimal_of(value, path)
    if number <= 0:
        raise InvalidField(f"The {words(path)} must be more than 0.", path=path)
    return number


def percent(value: Any, path: str) -> Decimal:
    """A rate from 0 to 100."""
    number = decimal_of(value, path)
    if not 0 <= number <= 100:
        raise InvalidField(f"The {words(path)} must lie between 0 and 100.", path=path)
    return number


def flag(value: Any, path: str) -> bool:
    """A truth value, also as 0 and 1 and their texts."""
    known = {"1": True, "true": True, "0": False, "false": False, "2": False}
    found = value if isinstance(value, bool) else known.get(str(value).casefold())
    if found is None:
        raise InvalidField(f"The {words(path)} must be true or false.", path=path)
    return found


def choice(values: Mapping[Any, Any]) -> Read:
    """One of some values; `values` are ours by theirs. Numbers may come as texts."""
    known = {str(theirs).casefold(): ours for theirs, ours in values.items()}

    def read(value: Any, path: str) -> Any:
        key = str(value).casefold()
        if isinstance(value, bool) or key not in known:
            raise InvalidField(f"The {words(path)} must be one of {', '.join(map(str, values))}.", path=path)
        return known[key]

    return read


def any_day(value: Any, path: str) -> str:
    """A calendar day, as ISO text; of a moment, the day that is written in it."""
    if isinstance(value, str):
        try:
            return (date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).date()).isoformat()
        except ValueError:
            pass
    raise InvalidField(f"The {words(path)} must be a date like 2026-05-28.", path=path)


def day(value: Any, path: str) -> str:
    """A day on which something may have been done: in a year that is not nonsense."""
    found = any_day(value, path)
    if not EARLIEST_YEAR <= int(found[:4]) <= LATEST_YEAR:
        message = f"The {words(path)} must be a date from {EARLIEST_YEAR}-01-01 to {LATEST_YEAR}-12-31."
        raise InvalidField(message, path=path)
    return found


def clock(value: Any, path: str) -> str:
    """A time of day (`08:30`), or a moment, as it is written."""
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        return value
    found = moment_or_none(value)
    if found is None or not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise InvalidField(f"The {words(path)} must be a time like 08:30.", path=path)
    return str(value)


def moment(value: Any, path: str) -> datetime:
    """A moment; without an offset it is in the company's zone, which whoever uses it has to put in."""
    found = moment_or_none(value)
    if found is None or not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise InvalidField(f"The {words(path)} must be a time like 2026-05-28T14:32:00.000Z.", path=path)
    return found


def moment_or_none(value: Any) -> datetime | None:
    """The moment in a text, or None."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and 10 <= len(value) <= 40 else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return found


def client_id(value: Any, path: str) -> str:
    """A UUID of version 4, in lower case."""
    if not isinstance(value, str) or not _UUID4.fullmatch(value):
        raise InvalidField(f"The {words(path)} must be a UUID (version 4).", path=path)
    return value.lower()


def reference(value: Any, path: str) -> Row:
    """A record by its number; or by the client id of the action that made it."""
    if isinstance(value, str) and _UUID4.fullmatch(value):
        return made_by(value)
    return {"number": whole()(value, path)}


def reference_by_client(value: Any, path: str) -> Row:
    """A record by the client id of the action that made it."""
    return made_by(client_id(value, path))


def made_by(action: str) -> Row:
    """The record that an action made, as a reference in JSON."""
    return {"client_id": action.lower(), "source": SOURCE}


def anything(value: Any, _: str) -> Any:
    """Whatever it is."""
    return value


def document(value: Any, _: str = "") -> Any:
    """JSON that is kept as it is: its numbers stay numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: document(one) for name, one in value.items()}
    return [document(one) for one in value] if isinstance(value, list) else value


def words(path: str) -> str:
    """A field's name in a sentence."""
    return path.rpartition(".")[2].replace("_", " ")


# Writing --------------------------------------------------------------------------------------------


def number(value: Any) -> Decimal | None:
    """An amount in a record's data (a text) as a number."""
    return None if value is None else Decimal(value)


def quantity(value: Any) -> Decimal:
    """A quantity in its plain form: `15`, not `15.000`."""
    found = Decimal(value or 0)
    return found.quantize(Decimal(1)) if found == found.to_integral_value() else found.normalize()


def time_text(value: datetime) -> str:
    """A moment with microseconds: a cursor is one, and names one event."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stored_time(value: str | None) -> str | None:
    """A moment in a record's data, as it is answered; None where there is none."""
    found = moment_or_none(value)
    return None if found is None else time_text(found)


def day_in(value: datetime, zone: Any) -> date:
    """The day of a moment in a zone."""
    return value.astimezone(zone).date()


def uuid_or_none(value: Any) -> UUID | None:
    """The UUID in a record's data."""
    return UUID(value) if value else None


def uuid_text(value: Any) -> str | None:
    """The text if it is a client id, else None."""
    return value if isinstance(value, str) and _UUID4.fullmatch(value) else None
