"""Values on the wire, each way, by the letters of the vendor's contract: i int32, l int64, d double, s text, b truth, t date-time.

What a client sends is read leniently, because each of the known ones has its own habits (numbers as texts, dates with a space);
what is answered has the contract's one form, and a number that we do not have is 0, as the vendor's own server has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.errors import InvalidField

INT32 = 2**31 - 1
INT64 = 2**63 - 1
LARGEST_EXPONENT = 30
"""Amounts beyond are mistakes; written out they would fill the memory."""
LONGEST_TEXT = 100_000

Read = Callable[[Any, ZoneInfo, str], Any]
"""Makes a JSON value of ours of a client's: (value, the company's zone, the place in the request). Raises InvalidField."""
Write = Callable[[Any], Any]
"""Makes the client's value of ours; never of None."""

_AMOUNT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_decimal(value: Any, path: str) -> Decimal:
    """A number, also as a text. Raises InvalidField."""
    if not isinstance(value, bool) and isinstance(value, int | float | str | Decimal):
        text = str(value).strip()
        if _AMOUNT.fullmatch(text):
            try:
                number = Decimal(text)
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite() and abs(number.adjusted()) <= LARGEST_EXPONENT:
                return number
    raise InvalidField(f"{_shown(value)} is not a number.", path=path)


def _whole(most: int, what: str) -> Read:
    def read(value: Any, _: ZoneInfo, path: str) -> int:
        if value == "":
            return 0
        number = read_decimal(value, path)
        if number != number.to_integral_value() or not -most - 1 <= number <= most:
            raise InvalidField(f"{_shown(value)} is not {what}.", path=path)
        return int(number)

    return read


read_int = _whole(INT32, "a whole number of 32 bits")
read_long = _whole(INT64, "a whole number of 64 bits")


def read_amount(value: Any, _: ZoneInfo, path: str) -> str:
    """An amount, as the text that amounts are here. Raises InvalidField."""
    number = read_decimal(0 if value == "" else value, path)
    return f"{number.normalize():f}" if number else "0"


def read_text(value: Any, _: ZoneInfo, path: str) -> str:
    """A text; numbers are taken as their digits. Raises InvalidField."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise InvalidField(f"At most {LONGEST_TEXT} characters are kept.", path=path)
        if "\x00" in value:
            raise InvalidField("A text must not hold the NUL character.", path=path)
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    raise InvalidField("This must be a text.", path=path)


def read_code(value: Any, zone: ZoneInfo, path: str) -> str | None:
    """A code, which the guide also has as a word; 0 is none. Raises InvalidField."""
    if not isinstance(value, str):
        value = read_int(value, zone, path)
    return read_text(value, zone, path).strip() or None if value not in (0, "0") else None


_TRUTHS = {"1": True, "0": False, "true": True, "false": False, "": False}


def read_flag(value: Any, _: ZoneInfo, path: str) -> bool:
    """A truth value, also as 0, 1 or their texts. Raises InvalidField."""
    if isinstance(value, bool):
        return value
    found = _TRUTHS.get(str(value).strip().casefold()) if isinstance(value, int | str) else None
    if found is None:
        raise InvalidField(f"{_shown(value)} is not true or false.", path=path)
    return found


def read_time(value: Any, zone: ZoneInfo, path: str) -> str:
    """A date or a moment, as the company's clocks have it and without an offset. Raises InvalidField."""
    if isinstance(value, str):
        text = value.strip()
        try:
            if len(text) == 10:
                return date.fromisoformat(text).isoformat() + "T00:00:00"
            moment = datetime.fromisoformat(_six_digits(text))
            if moment.tzinfo is not None:
                moment = moment.astimezone(zone).replace(tzinfo=None)
            return moment.isoformat()
        except (ValueError, OverflowError):
            pass
    raise InvalidField(f"{_shown(value)} is not a date; dates are like 2025-11-29T12:00:00.", path=path)


def read_day(value: Any, zone: ZoneInfo, path: str) -> str | None:
    """The day of a date or a moment; an empty text is none. Raises InvalidField."""
    return None if value == "" else read_time(value, zone, path)[:10]


def read_degrees(value: Any, _: ZoneInfo, path: str) -> float | None:
    """Latitude or longitude. Raises InvalidField."""
    return None if value == "" else float(read_decimal(value, path))


_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


def _six_digits(text: str) -> str:
    """The server's own seventh digit of the second, and more, is beyond what is kept."""
    return _FRACTION.sub(r"\1", text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def write_number(value: Any) -> Any:
    """An amount of ours, which is a text, as a JSON number of the very same digits."""
    return msgspec.Raw(value.encode()) if isinstance(value, str) else value


def write_whole(value: Any) -> int:
    """A whole number; 0 where our value is a word that clients know no number for."""
    if isinstance(value, int):
        return value
    text = str(value).strip()
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 and abs(int(text)) <= INT64 else 0


def write_code(value: Any) -> int:
    """A code, which is a number of 32 bits on the wire; 0 where ours is none."""
    number = write_whole(value)
    return number if -INT32 <= number <= INT32 else 0


def write_time(value: Any) -> str:
    """A day or a moment as the contract has them."""
    text = str(value)
    return f"{text}T00:00:00" if len(text) == 10 else text


READERS: Mapping[str, Read] = {
    "i": read_int,
    "l": read_long,
    "d": read_amount,
    "s": read_text,
    "b": read_flag,
    "t": read_time,
}
WRITERS: Mapping[str, Write | None] = {
    "i": write_code,
    "l": write_whole,
    "d": write_number,
    "s": str,
    "b": bool,
    "t": write_time,
}
DEFAULTS: Mapping[str, Any] = {"i": 0, "l": 0, "d": 0, "s": None, "b": False, "t": None}
