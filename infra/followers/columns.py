"""Columns of rows in Postgres' binary form: the same elements make array parameters (live) and COPY (tables built aside)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import Any

from infra.store import arrays
from infra.store.arrays import NULL, Array

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"

_TYPES: dict[str, tuple[type[Array], Callable[[Any], bytes]]] = {
    "uuid": (arrays.UuidArray, arrays.uuid),
    "bigint": (arrays.Int8Array, arrays.int8),
    "integer": (arrays.Int4Array, arrays.int4),
    "text": (arrays.TextArray, arrays.text),
    "boolean": (arrays.BoolArray, arrays.boolean),
    "timestamptz": (arrays.TimestampArray, arrays.timestamp),
    "date": (arrays.DateArray, arrays.day),
    "numeric": (arrays.NumericArray, arrays.numeric),
    "jsonb": (arrays.JsonbArray, arrays.jsonb),
}


def elements(type_: str, values: Iterable[Any], *, nullable: bool = False) -> list[bytes]:
    """The values of one column, each with its length before it."""
    encode = _TYPES[type_][1]
    if nullable:
        return [NULL if value is None else encode(value) for value in values]
    return list(map(encode, values))


def array(type_: str, values: Iterable[Any], *, nullable: bool = False) -> Array:
    """An array parameter of the column's values."""
    return _TYPES[type_][0](elements(type_, values, nullable=nullable))


def copy_body(columns: Sequence[Iterable[bytes]]) -> bytes:
    """Columns of elements as the data of `COPY … FROM STDIN (FORMAT binary)`."""
    count = struct.pack(">h", len(columns))
    rows = chain.from_iterable(zip(repeat(count), *columns, strict=False))
    return b"".join(chain((_COPY_HEADER,), rows, (_COPY_END,)))
