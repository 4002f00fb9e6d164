"""Postgres array parameters, encoded here in binary form.

psycopg's own list dumper looks at every element; for columns whose type is known this is several times faster, and it is what
makes one code path good for one event and for thousands (docs/decisions/0003-one-append-path.md has the measurement).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from domain.event import microseconds

_HEADER = struct.Struct(">iiIii").pack  # dimensions, has nulls, element oid, length, lower bound
_LENGTH = struct.Struct(">i").pack
_INT8 = struct.Struct(">iq").pack
_INT4 = struct.Struct(">ii").pack
_NULL = _LENGTH(-1)
_UUID = _LENGTH(16)
POSTGRES_EPOCH = 946_684_800_000_000
"""2000-01-01, from which Postgres counts, in microseconds since 1970."""


class Array:
    """An array parameter, encoded."""

    __slots__ = ("body",)
    element_oid = 0
    array_oid = 0

    def __init__(self, elements: Sequence[bytes]) -> None:
        """`elements`: each element with its length before it."""
        head = _HEADER(1, 1, self.element_oid, len(elements), 1) if elements else _HEADER(0, 0, self.element_oid, 0, 0)[:12]
        self.body = head + b"".join(elements)


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


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        return obj.body


def _register(kind: type[Array]) -> None:
    dumper = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.array_oid})
    psycopg.adapters.register_dumper(kind, dumper)


for _kind in (Int8Array, Int4Array, UuidArray, TextArray, ByteaArray, BoolArray, TimestampArray):
    _register(_kind)


def int8s(values: Sequence[int]) -> Int8Array:
    """bigint[]."""
    return Int8Array([_INT8(8, value) for value in values])


def int4s(values: Sequence[int]) -> Int4Array:
    """integer[]."""
    return Int4Array([_INT4(4, value) for value in values])


def uuids(values: Sequence[UUID | None]) -> UuidArray:
    """uuid[]; None is NULL."""
    return UuidArray([_NULL if value is None else _UUID + value.bytes for value in values])


def texts(values: Sequence[str]) -> TextArray:
    """text[]."""
    return utf8s([value.encode() for value in values])


def utf8s(values: Sequence[bytes]) -> TextArray:
    """text[] from UTF-8."""
    return TextArray([_LENGTH(len(value)) + value for value in values])


def byteas(values: Sequence[bytes]) -> ByteaArray:
    """bytea[]."""
    return ByteaArray([_LENGTH(len(value)) + value for value in values])


def bools(values: Sequence[bool]) -> BoolArray:
    """boolean[]."""
    return BoolArray([b"\0\0\0\1\1" if value else b"\0\0\0\1\0" for value in values])


def timestamps(values: Sequence[datetime]) -> TimestampArray:
    """timestamptz[]."""
    return TimestampArray([_INT8(8, microseconds(value) - POSTGRES_EPOCH) for value in values])
