"""Values in Postgres' binary form, as elements of array parameters and of COPY.

psycopg's own list dumper looks at every element; for columns whose type is known this is several times faster, and it is what
makes one code path good for one event and for thousands (docs/decisions/0003-one-append-path.md has the measurement).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Self
from uuid import UUID

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from domain.event import microseconds

POSTGRES_EPOCH = 946_684_800_000_000
"""2000-01-01, from which Postgres counts, in microseconds since 1970."""
_POSTGRES_DAY = date(2000, 1, 1).toordinal()
_LENGTH = struct.Struct(">i").pack

# Elements: a value with its length before it ----------------------------------------------------------

NULL = _LENGTH(-1)
"""The element that stands for NULL, of whatever type."""
int8 = partial(struct.Struct(">iq").pack, 8)
int4 = partial(struct.Struct(">ii").pack, 4)
boolean = {False: b"\0\0\0\1\0", True: b"\0\0\0\1\1"}.__getitem__
_UUID = _LENGTH(16)


def uuid(value: UUID | str) -> bytes:
    """An id, or its text."""
    return _UUID + (value.bytes if isinstance(value, UUID) else bytes.fromhex(value.replace("-", "")))


def text(value: str | bytes) -> bytes:
    """A text, or its UTF-8."""
    body = value.encode() if isinstance(value, str) else value
    return _LENGTH(len(body)) + body


def jsonb(value: str | bytes) -> bytes:
    """JSON text, or its UTF-8, for a jsonb."""
    body = value.encode() if isinstance(value, str) else value
    return _LENGTH(len(body) + 1) + b"\1" + body  # the version of the binary form


def timestamp(value: datetime) -> bytes:
    """A moment, in microseconds."""
    return int8(microseconds(value) - POSTGRES_EPOCH)


def day(value: date) -> bytes:
    """A date."""
    return int4(value.toordinal() - _POSTGRES_DAY)


def numeric(value: Decimal) -> bytes:
    """An exact number, with the decimals that it shows."""
    return _numeric_of(str(value))


_NUMERIC_HEAD = struct.Struct(">hhHH").pack
_NUMERIC_DIGITS = [struct.Struct(f">{count}h").pack for count in range(40)]


@lru_cache(maxsize=8_192)
def _numeric_of(text: str) -> bytes:
    """Numeric as Postgres sends it: count of base-10000 digits, weight of the first, sign, decimals shown, the digits."""
    if "E" in text:
        text = format(Decimal(text), "f")
    before, _, after = text.lstrip("-").partition(".")
    scale = len(after)
    digits = before.zfill(-len(before) // 4 * -4) + after + "000"[: -scale % 4]
    groups = [int(digits[start : start + 4]) for start in range(0, len(digits), 4)]
    weight = -len(before) // 4 * -1 - 1
    while groups and groups[0] == 0:
        del groups[0]
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    negative = text[0] == "-" and bool(groups)
    body = _NUMERIC_HEAD(len(groups), weight if groups else 0, 0x4000 if negative else 0, scale) + _NUMERIC_DIGITS[len(groups)](
        *groups
    )
    return _LENGTH(len(body)) + body


class Json:
    """A jsonb parameter. A text that the statement casts would be read for every row, where a plan is made for all values."""

    __slots__ = ("body",)

    def __init__(self, value: str | bytes) -> None:
        """`value`: JSON text, or its UTF-8."""
        self.body = b"\1" + (value.encode() if isinstance(value, str) else value)

    @classmethod
    def received(cls, body: bytes) -> Self:
        """A value in the form that Postgres takes and gives."""
        value = cls.__new__(cls)
        value.body = body
        return value


# Arrays of them -------------------------------------------------------------------------------------

_HEADER = struct.Struct(">iiIii").pack  # dimensions, has nulls, element oid, length, lower bound


class Array:
    """An array parameter, encoded."""

    __slots__ = ("body",)
    element_oid = 0
    array_oid = 0

    def __init__(self, elements: Sequence[bytes]) -> None:
        """`elements`: each element with its length before it."""
        head = _HEADER(1, 1, self.element_oid, len(elements), 1) if elements else _HEADER(0, 0, self.element_oid, 0, 0)[:12]
        self.body = head + b"".join(elements)

    @classmethod
    def received(cls, body: bytes) -> Self:
        """An array as Postgres sent it, to be sent back."""
        array = cls(())
        array.body = body
        return array


class Int8Array(Array):
    """bigint[]."""

    element_oid, array_oid = 20, 1016


class Int4Array(Array):
    """integer[]."""

    element_oid, array_oid = 23, 1007


class UuidArray(Array):
    """uuid[]."""

    element_oid, array_oid = 2950, 2951


class TextArray(Array):
    """text[]."""

    element_oid, array_oid = 25, 1009


class ByteaArray(Array):
    """bytea[]."""

    element_oid, array_oid = 17, 1001


class BoolArray(Array):
    """boolean[]."""

    element_oid, array_oid = 16, 1000


class TimestampArray(Array):
    """timestamptz[]."""

    element_oid, array_oid = 1184, 1185


class DateArray(Array):
    """date[]."""

    element_oid, array_oid = 1082, 1182


class NumericArray(Array):
    """numeric[]."""

    element_oid, array_oid = 1700, 1231


class JsonbArray(Array):
    """jsonb[]."""

    element_oid, array_oid = 3802, 3807


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        return obj.body


_KINDS = (Int8Array, Int4Array, UuidArray, TextArray, ByteaArray, BoolArray, TimestampArray, DateArray, NumericArray, JsonbArray)
for _kind in _KINDS:
    psycopg.adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_ArrayDumper,), {"oid": _kind.array_oid}))


def int8s(values: Iterable[int]) -> Int8Array:
    """bigint[]."""
    return Int8Array(list(map(int8, values)))


def int4s(values: Iterable[int]) -> Int4Array:
    """integer[]."""
    return Int4Array(list(map(int4, values)))


def uuids(values: Iterable[UUID | None]) -> UuidArray:
    """uuid[]; None is NULL."""
    return UuidArray([NULL if value is None else _UUID + value.bytes for value in values])


def texts(values: Iterable[str]) -> TextArray:
    """text[]."""
    return TextArray(_sized([value.encode() for value in values]))


def utf8s(values: Iterable[bytes]) -> TextArray:
    """text[] from UTF-8."""
    return TextArray(_sized(values))


def byteas(values: Iterable[bytes]) -> ByteaArray:
    """bytea[]."""
    return ByteaArray(_sized(values))


def byteas_or_null(values: Iterable[bytes]) -> ByteaArray:
    """bytea[]; an empty value is NULL."""
    return ByteaArray([_LENGTH(len(value)) + value if value else NULL for value in values])


def bools(values: Iterable[bool]) -> BoolArray:
    """boolean[]."""
    return BoolArray(list(map(boolean, values)))


def timestamps(values: Iterable[datetime]) -> TimestampArray:
    """timestamptz[]."""
    return TimestampArray([int8(microseconds(value) - POSTGRES_EPOCH) for value in values])


def _sized(values: Iterable[bytes]) -> list[bytes]:
    return [_LENGTH(len(value)) + value for value in values]
