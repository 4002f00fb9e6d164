"""Columns of rows in Postgres' binary form: the same elements make array parameters (live) and COPY (tables built aside)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from domain.event import microseconds
from infra.store.arrays import Array, BoolArray, Int4Array, Int8Array, TextArray, TimestampArray, UuidArray

_LENGTH = struct.Struct(">i").pack
_INT8 = struct.Struct(">iq").pack
_INT4 = struct.Struct(">ii").pack
_NULL = _LENGTH(-1)
_UUID = _LENGTH(16)
_POSTGRES_EPOCH = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970
_POSTGRES_DAY = date(2000, 1, 1).toordinal()
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"


class NumericArray(Array):
    """An array of numerics."""

    element_oid, array_oid = 1700, 1231


class DateArray(Array):
    """An array of dates."""

    element_oid, array_oid = 1082, 1182


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.body


for _kind in (NumericArray, DateArray):
    psycopg.adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_ArrayDumper,), {"oid": _kind.array_oid}))


def _uuid(value: UUID | str) -> bytes:
    return _UUID + (value.bytes if isinstance(value, UUID) else bytes.fromhex(value.replace("-", "")))


def _int8(value: int) -> bytes:
    return _INT8(8, value)


def _int4(value: int) -> bytes:
    return _INT4(4, value)


def _text(value: str | bytes) -> bytes:
    body = value.encode() if isinstance(value, str) else value
    return _LENGTH(len(body)) + body


def _bool(value: bool) -> bytes:
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _timestamp(value: datetime) -> bytes:
    return _INT8(8, microseconds(value) - _POSTGRES_EPOCH)


def _date(value: date) -> bytes:
    return _INT4(4, value.toordinal() - _POSTGRES_DAY)


def _numeric(value: Decimal) -> bytes:
    return _numeric_of(str(value))


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
    body = _numeric_head(len(groups), weight if groups else 0, 0x4000 if negative else 0, scale) + _DIGITS[len(groups)](*groups)
    return _LENGTH(len(body)) + body


_numeric_head = struct.Struct(">hhHH").pack
_DIGITS = [struct.Struct(f">{count}h").pack for count in range(40)]


_TYPES: dict[str, tuple[type[Array], Callable[[Any], bytes]]] = {
    "uuid": (UuidArray, _uuid),
    "bigint": (Int8Array, _int8),
    "integer": (Int4Array, _int4),
    "text": (TextArray, _text),
    "boolean": (BoolArray, _bool),
    "timestamptz": (TimestampArray, _timestamp),
    "date": (DateArray, _date),
    "numeric": (NumericArray, _numeric),
}


def elements(type_: str, values: Iterable[Any], *, nullable: bool = False) -> list[bytes]:
    """The values of one column, each with its length before it."""
    encode = _TYPES[type_][1]
    if nullable:
        return [_NULL if value is None else encode(value) for value in values]
    return list(map(encode, values))


def array(type_: str, values: Iterable[Any], *, nullable: bool = False) -> Array:
    """An array parameter of the column's values."""
    return _TYPES[type_][0](elements(type_, values, nullable=nullable))


def copy_body(columns: Sequence[Iterable[bytes]]) -> bytes:
    """Columns of elements as the data of `COPY … FROM STDIN (FORMAT binary)`."""
    count = struct.pack(">h", len(columns))
    rows = chain.from_iterable(zip(repeat(count), *columns, strict=False))
    return b"".join(chain((_COPY_HEADER,), rows, (_COPY_END,)))
