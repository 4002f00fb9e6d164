"""The plan of a view: how records of one kind become rows of one collection, and rows become our fields. Made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.mahak.collections.row_writer import RowWriter, Steps
from api.mahak.collections.view import Known, Link, View, id_of
from api.mahak.documents import Row
from api.mahak.values import INT32, INT64, READERS, WRITERS, Read, read_code, read_int, read_long
from domain.errors import InvalidField

if TYPE_CHECKING:
    from api.mahak.collections.collection import Collection


@dataclass(frozen=True, slots=True)
class Named:
    """What a client's row says of a reference: the server's id, else the client's, else the code; at the place `path`."""

    link: Link
    path: str
    id: int = 0
    client_id: int = 0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a client's row says of itself, and the records that it names by the first of our fields that may hold them."""

    id: int
    client_id: int
    deleted: bool | None
    row_version: int
    links: dict[str, Named]


_Lowered = tuple[tuple[str, str], ...]
"""Wire names as they are looked up, in lower case, and as they are told."""


class Plan:
    """How records of one kind become rows of one collection, and rows become our fields. Made once."""

    def __init__(self, collection: Collection, view: View) -> None:
        self.collection = collection
        self.view = view
        self.name = collection.name
        self.kind = view.kind
        self.rest = "" if view.base else "data" if view.kind == "custom_record" else "extra"  # nothing is kept of rows that follow
        links = [(link, *wires) for link in view.links if any(wires := _wires(link, collection.types))]
        lowered = [(link, _lowered(_wires(link))) for link in view.links if link.ours]
        self._named_by = [(link, frozenset(key for key, _ in wires), wires) for link, wires in lowered]
        self.written = frozenset(link.prefix for link in view.links if link.ours)
        """The references that rows of this kind may set."""
        also = collection.also
        self._own_ids = _lowered((collection.id_wire, f"{also}Id" if also else ""))
        self._own_client_ids = _lowered((collection.client_wire, f"{also}ClientId" if also else ""))
        special = {column.wire: column for column in view.columns}
        linked = {wire for _, *wires in links for wire in wires if wire}
        framework = {collection.id_wire, collection.client_wire, "deleted", "rowVersion", *collection.bookkeeping}
        steps = Steps(links)
        self._readers: dict[str, tuple[str, str, str, Read]] = {}
        """By the name in lower case: the wire name, our field, the name in what is kept where it is kept there, how it is read."""
        for wire, letter in collection.types.items():
            if wire in framework or wire in linked:
                continue
            column = special.get(wire)
            ours = column.ours if column else view.names.get(wire, "")
            is_code = not ours and column is None and wire == collection.code_wire and self.rest != "data"
            if is_code:
                ours = view.code
            if not ours and (column is None or column.derive is None):
                ours = f"{self.rest}.{wire}"
            write = column.write if column and column.write else WRITERS[letter]
            if column is not None and column.derive is not None:
                steps.derived.append((wire, column.derive))
            elif ours.startswith((_EXTRA, _DATA)):
                steps.rest[ours.partition(".")[2]] = (wire, write)
            else:
                steps.plain[ours] = (wire, write)
            read = column.read if column is not None and (column.read or column.derive) else READERS[letter]
            if is_code and not ours.startswith(_EXTRA):
                read = read_code
            if read is not None and ours:
                self._readers[wire.lower()] = (wire, ours, ours.partition(".")[2] if ours.startswith((_EXTRA, _DATA)) else "", read)
        self._code_wire = collection.code_wire if collection.code_wire not in special else ""
        """Where a code of ours may stand as the word that it is; empty where a column says what the code is."""
        self._moments = frozenset(column.wire for column in view.columns if column.is_moment)
        self._camel = RowWriter(self, steps, str)
        self._pascal = RowWriter(self, steps, _capitalized)

    # To the client --------------------------------------------------------------------------------

    def row_id(self, document: Document) -> int:
        """The id of a record's row."""
        return id_of(self.name, self.kind, document.number)

    def row(self, document: Document, known: Known) -> Row:
        """The row of a record as V2 answers it: in the vendor's names, with the guide's fields; there a code may be a word."""
        row = self._camel.row(document, known)
        row["deleted"] = document.deleted
        code_wire = self._code_wire
        if code_wire and not row[code_wire] and isinstance(code := document.data.get(self.view.code), str):
            row[code_wire] = code
        return {**row, **self.view.guide(document, row, known)}

    def row_v1(self, document: Document, known: Known) -> Row:
        """The row of a record as V1 answers it: the same names in PascalCase."""
        return self._pascal.row(document, known)

    # From the client ------------------------------------------------------------------------------

    def names(self, row: Mapping[str, Any], zone: ZoneInfo, path: str) -> Said:
        """What a client's row, whose names are in lower case, says of itself and of other records. Raises InvalidField."""
        deleted = row.get("deleted")
        links: dict[str, Named] = {}
        for link, keys, wires in self._named_by:
            if not keys.isdisjoint(row) and (named := self._named(row, link, wires, zone, path)) is not None:
                links[link.ours[0]] = named
        return Said(
            id=self._first(row, self._own_ids, zone, path, read_int),
            client_id=self._first(row, self._own_client_ids, zone, path, read_long),
            deleted=deleted if deleted is None or deleted is False else READERS["b"](deleted, zone, f"{path}.deleted"),
            row_version=_number(row, "rowversion", "rowVersion", zone, path, read_long),
            links=links,
        )

    def data(
        self, row: Mapping[str, Any], zone: ZoneInfo, path: str, *, before: Row | None = None, null_clears: bool = False
    ) -> Row:
        """Our fields of a client's row, whose names are in lower case. `before` is the record's data where there is one.

        Unknown names are passed over; so is a null unless it clears. Raises InvalidField, naming the field as the vendor writes it.
        """
        is_there, before = before is not None, before or {}
        data: Row = {}
        rest: Row = dict(before.get(self.rest) or {})
        touched = False
        for key, given in row.items():
            step = self._readers.get(key)
            if step is None or (given is None and not null_clears):
                continue
            wire, ours, kept, read = step
            value = None if given is None else read(given, zone, f"{path}.{wire}")
            if is_there and value in _NOTHING and (rest.get(kept) if kept else before.get(ours)) is None:
                continue  # what is answered where there is nothing comes back, and says nothing
            if kept:
                rest[kept] = value
                touched = True
            elif wire in self._moments:
                data[ours] = value and value[:10]
                rest[wire] = None if value is None or value.endswith(_MIDNIGHT) else value
                touched = touched or rest[wire] is not None or wire in (before.get(self.rest) or {})
            else:
                data[ours] = value
        if touched:
            data[self.rest] = {name: value for name, value in rest.items() if value is not None}
        return self.view.complete(dict(row), data, before)

    def wire_of(self, ours: str) -> str:
        """A field of ours in the vendor's words: how a refusal names it; ours where the vendor has no word for it."""
        for wire, name, _, _ in self._readers.values():
            if name == ours:
                return wire
        link = next((link for link, _, _ in self._named_by if ours in link.ours), None)
        if link is not None:
            return f"{link.prefix}Id"
        own = {"base_seq": "rowVersion", "id": self.collection.id_wire, "client_id": self.collection.client_wire}
        return _TOLD_AS.get(ours) or own.get(ours, ours)

    @staticmethod
    def _first(row: Mapping[str, Any], wires: _Lowered, zone: ZoneInfo, path: str, read: Read) -> int:
        for key, wire in wires:
            if number := _number(row, key, wire, zone, path, read):
                return number
        return 0

    @staticmethod
    def _named(row: Mapping[str, Any], link: Link, wires: _Lowered, zone: ZoneInfo, path: str) -> Named | None:
        number, client_id, code = (_number(row, key, wire, zone, path, read_long) for key, wire in wires)
        if not (number or client_id or code):
            return None
        place = wires[0 if number else 1 if client_id else 2][1]
        return Named(link, f"{path}.{place}", number, client_id, code)


def _number(row: Mapping[str, Any], key: str, wire: str, zone: ZoneInfo, path: str, read: Read) -> int:
    value = row.get(key) if key else None
    if value is None or value is False or value == 0:
        return 0
    if type(value) is int and 0 < value <= (INT32 if read is read_int else INT64):
        return value
    try:
        return int(read(value, zone, f"{path}.{wire}"))
    except InvalidField:
        if wire.endswith("Code") and isinstance(value, str):  # a code that is a word names nothing by number
            return 0
        raise


def _lowered(wires: tuple[str, ...]) -> _Lowered:
    return tuple((wire.lower(), wire) for wire in wires)


_TOLD_AS: Mapping[str, str] = {"discount_percent": "discount", "prices": "price1", "discounts": "discount1"}
"""Fields of ours that are read of others with them: the wire field that a refusal names."""
_NOTHING = (None, 0, "0", "")
"""What rows have where a record has nothing; false is 0."""
_EXTRA, _DATA, _MIDNIGHT = "extra.", "data.", "T00:00:00"


def _capitalized(wire: str) -> str:
    return wire[0].upper() + wire[1:]


def _wires(link: Link, types: Mapping[str, str] | None = None) -> tuple[str, str, str]:
    """How a reference is written: server's id, client's id, code; of them those that are in `types`, where it is given."""
    wires = (f"{link.prefix}Id", f"{link.prefix}ClientId", f"{link.prefix}Code")
    id_wire, client_wire, code_wire = (wire if types is None or wire in types else "" for wire in wires)
    return id_wire, client_wire, code_wire
