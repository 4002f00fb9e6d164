"""Writing rows: a view's steps with their wire names in one spelling. A pull's first page writes a hundred thousand rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api.documents import Document
from api.mahak.collections.view import ID_BASES, Known, Link, client_number, code_of
from api.mahak.documents import Row, data_hash, server_time
from api.mahak.values import DEFAULTS, Write

if TYPE_CHECKING:
    from api.mahak.collections.plan import Plan

Derive = Callable[[Document, Known], Any]


@dataclass(slots=True)
class Steps:
    """What fills a row: our fields by name, what is kept under the vendor's names, what is derived, and the references."""

    links: list[tuple[Link, str, str, str]]
    plain: dict[str, tuple[str, Write | None]] = field(default_factory=dict)
    rest: dict[str, tuple[str, Write | None]] = field(default_factory=dict)
    derived: list[tuple[str, Derive]] = field(default_factory=list)


class RowWriter:
    """Writes records of one kind as rows of one collection, in one spelling."""

    def __init__(self, plan: Plan, steps: Steps, spelled: Callable[[str], str]) -> None:
        def known(wire: str) -> str:
            return spelled(wire) if wire else ""

        collection = plan.collection
        self._template: Row = {spelled(wire): DEFAULTS[letter] for wire, letter in collection.types.items()}
        self._plain = {ours: (spelled(wire), write) for ours, (wire, write) in steps.plain.items()}
        self._rest = {ours: (spelled(wire), write) for ours, (wire, write) in steps.rest.items()}
        self._derived = [(spelled(wire), derive) for wire, derive in steps.derived]
        self._links = [(link, known(one), known(two), known(three)) for link, one, two, three in steps.links]
        self._kept = plan.rest
        self._entity = collection.entity
        self._base = plan.view.base or ID_BASES.get((plan.name, plan.kind), 0)
        self._id, self._client, self._version = known(collection.id_wire), known(collection.client_wire), spelled("rowVersion")
        self._deleted = spelled("deleted") if "deleted" in collection.types else ""
        self._hash = spelled("dataHash")
        self._made = spelled("createDate") if "createDate" in collection.bookkeeping else ""
        self._changed = spelled("updateDate")

    def row(self, document: Document, known: Known) -> Row:
        """The row of a record."""
        row = self._template.copy()
        data = document.data
        find = self._plain.get
        for name, value in data.items():
            if value is not None and (step := find(name)) is not None:
                row[step[0]] = value if step[1] is None else step[1](value)
        if rest := data.get(self._kept):
            find = self._rest.get
            for name, value in rest.items():
                if value is not None and (step := find(name)) is not None:
                    row[step[0]] = value if step[1] is None else step[1](value)
        for link, id_wire, client_wire, code_wire in self._links:
            if (named := link.named(document, known)) is None:
                continue
            if id_wire:
                row[id_wire] = ID_BASES.get((link.collection, named.kind), 0) + named.number
            if client_wire and named.client_id is not None:
                row[client_wire] = client_number(named, link.entity or link.prefix)
            if code_wire:
                row[code_wire] = code_of(named, link.entity or link.prefix)
        for wire, derive in self._derived:
            if (value := derive(document, known)) is not None:
                row[wire] = value
        if self._id:
            row[self._id] = self._base + document.number
        if self._client and document.client_id is not None:
            row[self._client] = client_number(document, self._entity)
        if self._deleted:
            row[self._deleted] = document.deleted
        row[self._hash] = data_hash(document)
        if self._made:
            row[self._made] = server_time(document.created_at)
        row[self._changed] = server_time(document.updated_at)
        row[self._version] = document.seq
        return row
