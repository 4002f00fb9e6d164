"""What the OpenAPI document says of pulls and batches: every collection with every field, made of the collections themselves.

Nothing is read or written by these types; `api.mahak.forms` reads more leniently than a schema can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.mahak.collections import ALL, OF_VENDOR
from api.mahak.collections.collection import Collection
from api.mahak.saving.answers import ANSWERED
from api.mahak.values import INT32

_TYPES: Mapping[str, Any] = {
    "i": Annotated[int, Meta(ge=-INT32 - 1, le=INT32)],
    "l": int,
    "d": float,
    "s": str,
    "b": bool,
    "t": Annotated[str, Meta(description="A date and time as 2025-11-29T12:00:00, on the company's clocks.")],
}
"""By the letters of the vendor's contract."""
Field = tuple[str, Any, Any]


def _struct(name: str, said: str, fields: Iterable[Field]) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, list(fields), kw_only=True, namespace={"__doc__": said})


def _row(collection: Collection) -> type[msgspec.Struct]:
    """A row of V2, which a batch may send back; V1 has the same names in PascalCase, without the guide's."""
    fields = {wire: _TYPES[letter] | None for wire, letter in collection.types.items()}
    fields |= {wire: _TYPES[letter] | None for wire, letter in collection.words.items()}
    if collection.code_wire:
        fields[collection.code_wire] = _TYPES["i"] | str | None  # in V2 a code may be a word
    entity = collection.entity[0].upper() + collection.entity[1:]
    return _struct(f"Mahak{entity}", f"A row of `{collection.name}`.", ((wire, one, None) for wire, one in fields.items()))


ROWS: Mapping[str, type[msgspec.Struct]] = {collection.name: _row(collection) for collection in ALL}
"""The rows of each collection."""


def _names(collection: Collection) -> tuple[str, ...]:
    """Its name in V2, and those that the guide has for it."""
    return tuple(dict.fromkeys((collection.name, *collection.guide)))


def _pulled(collection: Collection) -> type[msgspec.Struct]:
    row: Any = ROWS[collection.name]
    fields: list[Field] = [("records", list[row]), ("rowVersion", int), ("hasMore", bool)]  # type: ignore[list-item]
    return _struct(f"{row.__name__}Pulled", "Rows above the version that was asked for, and the highest of theirs.", fields)


def _objects(name: str, said: str, fields: Iterable[tuple[str, Any]]) -> type[msgspec.Struct]:
    return _struct(name, said, ((wire, one | None, None) for wire, one in fields))


def _list_of(collection: Collection) -> Any:
    row: Any = ROWS[collection.name]
    return list[row]


Commit = _objects(
    "MahakBatch",
    "Collections of rows, in any order, under the vendor's names or the guide's, in any case. A row has the server's id, or the"
    " client's own, or both; a child names its parent by either. `deleted: true` deletes; `rowVersion` is the version that the row"
    " was based on. Numbers may come as texts, and unknown fields are passed over.",
    ((name, _list_of(collection)) for collection in ALL for name in _names(collection)),
)
Pull = _objects(
    "MahakPull",
    "One version for each collection that is wanted: the highest the client has, 0 for everything. The vendor writes"
    " `fromBankVersion`, the guide `banksRowVersion`, which V2 takes too.",
    [
        *((collection.version_field, int) for collection in ALL),
        *((f"{name}RowVersion", int) for collection in ALL for name in _names(collection)),
        ("orderTypes", list[int]),
        ("pageSize", Annotated[int, Meta(ge=1, le=10_000, description="Most rows of each collection.")]),
    ],
)
PulledData = _objects(
    "MahakPulled",
    "Each collection that was asked for, by the name that was asked by; `objects` has the same rows under the vendor's names.",
    [
        *((name, pulled) for collection in ALL for pulled in [_pulled(collection)] for name in _names(collection)),
        ("objects", dict[str, Any]),
    ],
)
PulledObjects = _objects(
    "MahakObjects",
    "Every collection: its rows, or null where it was not asked for. The fields are those of V2's rows in PascalCase, without the"
    " guide's.",
    ((collection.pascal_name, list[dict[str, Any]]) for collection in OF_VENDOR),
)


class RefusedRow(msgspec.Struct, kw_only=True, rename="pascal"):
    """What is wrong with a row: the fields (separated by commas), why, and the code."""

    property: str
    error: str
    code: int


class RowResult(msgspec.Struct, kw_only=True, rename="pascal"):
    """What became of a row, whose place in the request counts from 1."""

    result: bool
    index: int
    entity_id: int | None = None
    entity_client_id: int | None = None
    entity_code: int | None = None
    row_version: int | None = None
    errors: list[RefusedRow] | None = None
    additional_data: dict[str, Any] | None = None


class RowResults(msgspec.Struct, kw_only=True, rename="pascal"):
    """What became of the rows of a collection, in the order of the request."""

    results: list[RowResult]


_BY_NAME = {collection.name: collection for collection in ALL}
SavedObjects = _struct(
    "MahakSaved",
    "The results of every collection.",
    ((_BY_NAME[name].saved_name, RowResults, msgspec.NODEFAULT) for name in ANSWERED),
)
