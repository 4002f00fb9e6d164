"""What a column of a table is: its name on the wire, our field, and how a value is translated each way.

A table is a list of columns. Values that a client sends are read leniently (a number may come as a text, a truth value as 0 or 1),
because its clients' own databases differ; what is answered always has the one documented form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from api.matrix.documents import Numbers, Row
from domain.errors import InvalidField
from domain.values import LARGEST_NUMBER


@dataclass(slots=True)
class Inbound:
    """What reading a row needs to know: the company's zone, and what the local ids of this push stand for.

    `locals` are the (table, local id) pairs that this push inserts; `aliases`: (table, local id) → the record, where it is not
    the one that the local id itself made.
    """

    zone: ZoneInfo
    locals: set[tuple[str, str]] = field(default_factory=set)
    aliases: Mapping[tuple[str, str], Row] = field(default_factory=dict)

    def reference(self, table: str, value: Any, path: str) -> Row:
        """The record that a number or a local id of `table` names, as a reference in JSON. Raises InvalidField."""
        if isinstance(value, bool) or value is None or value == "":
            raise InvalidField("This must be the id of a record, or the local id under which it was pushed.", path=path)
        text = str(value)
        is_local = isinstance(value, str) and ((table, text) in self.locals or (table, text) in self.aliases)
        if text.isdecimal() and len(text) < 17 and not is_local:
            number = int(text)
            if not 1 <= number <= LARGEST_NUMBER:
                raise InvalidField(f"There is no id {text}.", path=path)
            return {"number": number}
        return self.aliases.get((table, text)) or {"client_id": client_id_of(table, text, path)}


LONGEST_LOCAL_ID = 96
LARGEST_EXPONENT = 30
"""Amounts beyond are mistakes; written out they would fill the memory."""


def client_id_of(table: str, local_id: str, path: str) -> str:
    """A local id in the words of the ledger: two tables may use the same one. Raises InvalidField."""
    if not 1 <= len(local_id) <= LONGEST_LOCAL_ID:
        raise InvalidField(f"A local id has 1 to {LONGEST_LOCAL_ID} characters.", path=path)
    return f"{table}:{local_id}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `read` makes our JSON-like value of the client's, `write` the client's of ours."""

    wire: str
    ours: str
    read: Callable[[Any, Inbound, str], Any]
    write: Callable[[Any, Numbers], Any] | None
    """None where our value is the client's."""
    default: Any = None
    """What is answered where we have no value."""
    is_amount: bool = False
    table: str = ""
    """Of a link: the table whose rows it names."""

    @property
    def path(self) -> tuple[str, ...]:
        """Where the value is in a record's document."""
        return ("data", *self.ours.split("."))


def text(wire: str, ours: str = "") -> Column:
    """A text; numbers are taken as their digits."""

    def read(value: Any, _: Inbound, path: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return str(value)
        raise InvalidField("This must be a text.", path=path)

    return Column(wire, ours or wire, read, None)


def whole(wire: str, ours: str = "") -> Column:
    """A whole number."""

    def read(value: Any, _: Inbound, path: str) -> int:
        try:
            if isinstance(value, bool):
                raise ValueError  # noqa: TRY004, TRY301 - one answer for everything that is no whole number
            number = Decimal(str(value).strip())
            if number.adjusted() > LARGEST_EXPONENT or number != number.to_integral_value():
                raise ValueError  # noqa: TRY301 - one answer for everything that is no whole number
            return int(number)
        except (ValueError, InvalidOperation, OverflowError):
            raise InvalidField("This must be a whole number.", path=path) from None

    return Column(wire, ours or wire, read, None)


def flag(wire: str, ours: str = "", *, default: bool) -> Column:
    """A truth value; also 0 and 1, and their texts."""
    known = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}

    def read(value: Any, _: Inbound, path: str) -> bool:
        found = known.get(value.casefold() if isinstance(value, str) else value) if isinstance(value, str | int) else None
        if found is None:
            raise InvalidField("This must be true or false.", path=path)
        return found

    return Column(wire, ours or wire, read, None, default)


def decimal_of(value: Any, path: str, decimals: int = 2) -> Decimal:
    """An amount that came as a number or a text. Raises InvalidField.

    A number with a fraction is a binary one of the client's (0.1 + 0.2), so it is rounded to the column's decimals; a text is not.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise ValueError  # noqa: TRY004, TRY301 - one answer for everything that is no number
        number = Decimal(str(value).strip())
        if not number.is_finite() or "_" in str(value) or abs(number.adjusted()) > LARGEST_EXPONENT:
            raise ValueError  # noqa: TRY301
        if isinstance(value, float):
            number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    except (ValueError, InvalidOperation):
        raise InvalidField("This must be a decimal number.", path=path) from None
    return number


def plain(value: Decimal) -> str:
    """A decimal in its one plain form, so that equal amounts are equal texts: 10.50 as `10.5`."""
    return f"{value.normalize():f}"


def shown(value: Any, decimals: int) -> str:
    """A decimal text with at least so many decimals: `10.5` as `10.50`."""
    whole_part, _, fraction = str(value).partition(".")
    if "E" in whole_part or "e" in fraction or "E" in fraction:
        return shown(f"{Decimal(value):f}", decimals)
    return f"{whole_part}.{fraction.ljust(decimals, '0')}" if decimals else str(value)


def amount(wire: str, ours: str = "", *, decimals: int = 2, default: Any = None) -> Column:
    """Money (two decimals and more), answered as a text."""

    def read(value: Any, _: Inbound, path: str) -> str:
        number = decimal_of(value, path, decimals)
        return plain(number) if ours.startswith("extra.") else str(number)

    def write(value: Any, _: Numbers) -> str:
        if value[-decimals - 1 : -decimals] == ".":
            return str(value)
        return shown(value, decimals)

    return Column(wire, ours or wire, read, write, default, is_amount=True)


def stated(wire: str, name: str = "") -> Column:
    """An amount that the client works out and the ledger does too: kept in `extra`, to be seen where it differs."""

    def read(value: Any, _: Inbound, path: str) -> str:
        return plain(decimal_of(value, path))

    return Column(wire, f"extra.{name or wire}", read, None, is_amount=True)


def quantity(wire: str, ours: str = "", *, default: Any = None) -> Column:
    """A quantity, with three decimals."""
    return amount(wire, ours, decimals=3, default=default)


def day(wire: str, ours: str = "") -> Column:
    """A calendar day. A moment is taken as the day that it is in the company's zone."""

    def read(value: Any, inbound: Inbound, path: str) -> str:
        return day_of(value, inbound.zone, path)

    return Column(wire, ours or wire, read, None)


def day_of(value: Any, zone: ZoneInfo, path: str) -> str:
    """The day in a date or a moment. Raises InvalidField."""
    if isinstance(value, str):
        try:
            if len(value) == 10:
                return date.fromisoformat(value).isoformat()
            moment = datetime.fromisoformat(value)
            return (moment.astimezone(zone) if moment.tzinfo else moment).date().isoformat()
        except (ValueError, OverflowError):
            pass
    raise InvalidField(f"{value!r} is no date; dates are like 2025-12-31.", path=path)


def moment_of(value: Any, zone: ZoneInfo, path: str) -> datetime:
    """A moment, in UTC; without an offset it is in the company's zone. Raises InvalidField."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            pass
    raise InvalidField(f"{value!r} is no moment; moments are like 2025-12-31T09:55:00Z.", path=path)


def link(wire: str, ours: str, table: str) -> Column:
    """The id of a row of `table`: its number, or the local id under which it was pushed."""

    def read(value: Any, inbound: Inbound, path: str) -> Any:
        return inbound.reference(table, value, path)

    def write(value: Any, numbers: Numbers) -> int | None:
        return numbers.get(value)

    return Column(wire, ours, read, write, table=table)


def choice(wire: str, ours: str, values: Mapping[str, Any], *, default: Any = None) -> Column:
    """One of some words; `values` are ours by theirs."""
    back = {str(mine): theirs for theirs, mine in values.items()}

    def read(value: Any, _: Inbound, path: str) -> Any:
        if value not in values:
            raise InvalidField(f"This must be one of {', '.join(values)}.", path=path)
        return values[value]

    def write(value: Any, _: Numbers) -> Any:
        return back.get(str(value), default)

    return Column(wire, ours, read, write, default)


def extra(wire: str, name: str = "") -> Column:
    """A column that only this dialect has: it is kept in `extra` under its own name."""
    return Column(wire, f"extra.{name or wire}", lambda value, _, __: value, None)


def data_of(columns: tuple[Column, ...], row: Row, inbound: Inbound, *, known_extra: Mapping[str, Any] | None = None) -> Row:
    """Our fields in a client's row; columns that are not ours are passed over. A null clears. Raises InvalidField."""
    data: Row = {}
    own: Row = {}
    for column in columns:
        if column.wire not in row:
            continue
        value = row[column.wire]
        ours = None if value is None else column.read(value, inbound, f"data.{column.wire}")
        if column.ours.startswith("extra."):
            own[column.ours[6:]] = ours
        elif column.ours:
            data[column.ours] = ours
    if own:
        merged = {**(known_extra or {}), **own}
        data["extra"] = {name: value for name, value in merged.items() if value is not None}
    return data
