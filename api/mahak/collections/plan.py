"""The plan of a view: how records of one kind become rows of one collection, and rows become our fields. Made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.mahak.collections.view import Known, Link, View, client_number, code_of, id_of
from api.mahak.documents import Document, Row, data_hash, server_time
from api.mahak.values import DEFAULTS, READERS, WRITERS, Read, Write, read_code, read_int, read_long
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
    """What a client's row says: ids, our fields, and the records that it names by the first of our fields that may hold them."""

    id: int
    client_id: int
    deleted: bool | None
    row_version: int
    data: Row
    links: dict[str, Named]


_Step = tuple[str, str, Write | None]


class Plan:
    """How records of one kind become rows of one collection, and rows become our fields. Made once."""

    def __init__(self, collection: Collection, view: View) -> None:
        self.collection = collection
        self.view = view
        self.name = collection.name
        self.kind = view.kind
        self.rest = "data" if view.kind == "custom_record" else "extra"
        self._links = [(link, *wires) for link in view.links if any(wires := _wires(link, collection.types))]
        self._named_by = [(link, _wires(link)) for link in view.links if link.ours]
        special = {column.wire: column for column in view.columns}
        linked = {wire for _, *wires in self._links for wire in wires if wire}
        framework = {collection.id_wire, collection.client_wire, "deleted", "rowVersion", *_BOOKKEEPING}
        self._template: Row = {wire: DEFAULTS[letter] for wire, letter in collection.types.items()}
        self._plain: list[_Step] = []
        self._rest: dict[str, tuple[str, Write | None]] = {}
        self._derived: list[tuple[str, Callable[[Document, Known], Any]]] = []
        self._readers: list[tuple[str, str, str, Read]] = []
        """(the name in lower case, the wire name, our field or the name in what is kept, how it is read)"""
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
                self._derived.append((wire, column.derive))
            elif ours.startswith((_EXTRA, _DATA)):
                self._rest[ours.partition(".")[2]] = (wire, write)
            else:
                self._plain.append((wire, ours, write))
            read = column.read if column is not None and (column.read or column.derive) else READERS[letter]
            if is_code and not ours.startswith(_EXTRA):
                read = read_code
            if read is not None and ours:
                self._readers.append((wire.lower(), wire, ours, read))
        self._moments = frozenset(column.wire for column in view.columns if column.is_moment)
        self._wires = tuple(self._template)
        self._pascal = tuple(wire[0].upper() + wire[1:] for wire in self._wires)

    # To the client --------------------------------------------------------------------------------

    def row_id(self, document: Document) -> int:
        """The id of a record's row."""
        return id_of(self.name, self.kind, document.number)

    def row(self, document: Document, known: Known) -> Row:
        """The row of a record, in the vendor's names (camelCase)."""
        row = self._template.copy()
        data = document.data
        for wire, name, write in self._plain:
            if (value := data.get(name)) is not None:
                row[wire] = value if write is None else write(value)
        if rest := data.get(self.rest):
            steps = self._rest
            for name, value in rest.items():
                if value is not None and (step := steps.get(name)) is not None:
                    row[step[0]] = value if step[1] is None else step[1](value)
        for link, id_wire, client_wire, code_wire in self._links:
            if (named := link.named(document, known)) is None:
                continue
            if id_wire:
                row[id_wire] = id_of(link.collection, named.kind, named.number)
            if client_wire:
                row[client_wire] = client_number(named, link.entity or link.prefix)
            if code_wire:
                row[code_wire] = code_of(named, link.entity or link.prefix)
        for wire, derive in self._derived:
            if (value := derive(document, known)) is not None:
                row[wire] = value
        collection = self.collection
        if collection.id_wire:
            row[collection.id_wire] = self.row_id(document)
        if collection.client_wire:
            row[collection.client_wire] = client_number(document, collection.entity)
        if "deleted" in row:
            row["deleted"] = document.deleted
        row["dataHash"] = data_hash(document)
        row["createDate"] = server_time(document.created_at)
        row["updateDate"] = server_time(document.updated_at)
        row["rowVersion"] = document.seq
        return row

    def pascal(self, row: Row) -> Row:
        """The same row with PascalCase names, as V1 answers it."""
        return dict(zip(self._pascal, row.values(), strict=True))

    def guided(self, document: Document, row: Row, known: Known) -> Row:
        """The same row with the guide's fields beside the vendor's, as V2 answers it; there a code may be a word."""
        guided = {**row, "deleted": document.deleted, **self.view.guide(document, row, known)}
        code_wire = self.collection.code_wire
        if code_wire and not guided.get(code_wire) and isinstance(code := document.data.get(self.view.code), str):
            guided[code_wire] = code
        return guided

    # From the client ------------------------------------------------------------------------------

    def read(
        self, row: Mapping[str, Any], zone: ZoneInfo, path: str, *, before: Row | None = None, null_clears: bool = False
    ) -> Said:
        """A client's row, whose names are in lower case. `before` is the record's data where there is one.

        Unknown names are passed over; so is a null unless it clears. Raises InvalidField, naming the field as the vendor writes it.
        """
        before = before or {}
        data: Row = {}
        rest: Row = dict(before.get(self.rest) or {})
        touched = False
        for key, wire, ours, read in self._readers:
            if key not in row or (row[key] is None and not null_clears):
                continue
            value = None if row[key] is None else read(row[key], zone, f"{path}.{wire}")
            if ours.startswith((_EXTRA, _DATA)):
                rest[ours.partition(".")[2]] = value
                touched = True
            elif wire in self._moments:
                data[ours] = value and value[:10]
                rest[wire] = None if value is None or value.endswith(_MIDNIGHT) else value
                touched = touched or rest[wire] is not None or wire in (before.get(self.rest) or {})
            else:
                data[ours] = value
        if touched:
            data[self.rest] = {name: value for name, value in rest.items() if value is not None}
        data = self.view.complete(dict(row), data, before)
        collection = self.collection
        deleted = row.get("deleted")
        return Said(
            id=self._own(row, "Id", collection.id_wire, zone, path, read_int),
            client_id=self._own(row, "ClientId", collection.client_wire, zone, path, read_long),
            deleted=None if deleted is None else READERS["b"](deleted, zone, f"{path}.deleted"),
            row_version=self._number(row, "rowVersion", zone, path, read_long),
            data=data,
            links={link.ours[0]: named for link, wires in self._named_by if (named := self._named(row, link, wires, zone, path))},
        )

    def _own(self, row: Mapping[str, Any], suffix: str, wire: str, zone: ZoneInfo, path: str, read: Read) -> int:
        also = self.collection.also
        return self._number(row, wire, zone, path, read) or (self._number(row, also + suffix, zone, path, read) if also else 0)

    def _named(self, row: Mapping[str, Any], link: Link, wires: tuple[str, ...], zone: ZoneInfo, path: str) -> Named | None:
        number, client_id, code = (self._number(row, wire, zone, path, read_long) for wire in wires)
        if not (number or client_id or code):
            return None
        place = next(wire for wire, value in zip(wires, (number, client_id, code), strict=True) if value)
        return Named(link, f"{path}.{place}", number, client_id, code)

    @staticmethod
    def _number(row: Mapping[str, Any], wire: str, zone: ZoneInfo, path: str, read: Read) -> int:
        value = row.get(wire.lower()) if wire else None
        if value is None:
            return 0
        try:
            return int(read(value, zone, f"{path}.{wire}"))
        except InvalidField:
            if wire.endswith("Code"):  # a code that is a word names nothing by number
                return 0
            raise


_EXTRA, _DATA, _MIDNIGHT = "extra.", "data.", "T00:00:00"
_BOOKKEEPING = ("dataHash", "createDate", "updateDate", "createSyncId", "updateSyncId")


def _wires(link: Link, types: Mapping[str, str] | None = None) -> tuple[str, str, str]:
    """How a reference is written: server's id, client's id, code; of them those that are in `types`, where it is given."""
    wires = (f"{link.prefix}Id", f"{link.prefix}ClientId", f"{link.prefix}Code")
    id_wire, client_wire, code_wire = (wire if types is None or wire in types else "" for wire in wires)
    return id_wire, client_wire, code_wire
