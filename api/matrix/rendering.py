"""Rows: records that changed, as the tables have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from api.matrix.documents import Document, Numbers, Row, document_of, time_text
from api.matrix.tables import ALL, BY_KIND, PULLED
from api.matrix.tables.money import account_key
from api.matrix.tables.table import Table
from domain.needs import Needs
from infra.store.interface import Store
from infra.sync.change_reader import ChangeReader

KINDS = frozenset(table.kind for table in ALL)
PULLED_KINDS = frozenset(table.kind for table in ALL if table.name in PULLED)
REMEMBERED = 100_000


_NAMED: Mapping[str, tuple[tuple[str, ...], bool]] = {
    kind: (
        tuple(dict.fromkeys(name for table in tables for name in table.references)),
        any(table.has_author for table in tables),
    )
    for kind, tables in BY_KIND.items()
}
"""Of each kind: the fields that name records whose numbers a row needs, and whether it needs the author's."""
_NONE: tuple[tuple[str, ...], bool] = ((), False)


class ChangeRow(msgspec.Struct, gc=False):
    """One change of a pull. `id` and `version` are both the seq; a deletion's `data` holds only the row's id."""

    id: int
    table: str
    record_id: int
    operation: str
    data: Row
    version: int
    timestamp: str


class Numbering:
    """Looks up the numbers that one company's rows name. What was looked up is remembered: it never changes."""

    def __init__(self, reader: ChangeReader, company_id: UUID, company_number: int) -> None:
        self.reader = reader
        self.company_id = company_id
        self.company_number = company_number
        self._known: dict[str, int] = {str(company_id): company_number}

    def numbers_for(self, documents: Iterable[Document]) -> Numbers:
        """The numbers that the rows of these records name."""
        wanted: set[str] = set()
        has_accounts = False
        for document in documents:
            fields, has_author = _NAMED.get(document.kind, _NONE)
            if has_author and document.created_by is not None:
                wanted.add(document.created_by)
            if fields:
                data = document.data
                for name in fields:
                    if (value := data.get(name)) is not None:
                        wanted.add(value)
            has_accounts = has_accounts or document.kind == "journal_line"
        if len(self._known) > REMEMBERED:
            self._known = {str(self.company_id): self.company_number}
        if missing := wanted - self._known.keys():
            found = self.reader.numbers(self.company_id, [UUID(one) for one in missing])
            self._known |= {str(record_id): number for record_id, number in found.items()}
        if has_accounts:
            codes = self.reader.account_numbers(self.company_id)
            self._known |= {account_key(code): number for code, number in codes.items()}
        return self._known


class Rows(Numbering):
    """Renders one company's records as rows."""

    def __init__(self, reader: ChangeReader, store: Store, company_id: UUID, company_number: int) -> None:
        super().__init__(reader, company_id, company_number)
        self.store = store

    def row(self, document: Document, table: Table, numbers: Numbers) -> Row:
        """The row of one record."""
        return table.row(document, numbers, self.company_number)

    # Conflicts ------------------------------------------------------------------------------------

    def conflicts(self, conflicts: Sequence[Document]) -> list[Row]:
        """Conflicts with both versions, in the words of the table that the record is a row of."""
        about = self._about(conflicts)
        numbers = self.numbers_for([*conflicts, *about.values()])
        return [self.conflict(one, about, numbers) for one in conflicts]

    def _about(self, documents: Iterable[Document]) -> dict[str, Document]:
        """The records that conflicts are about."""
        ids = {UUID(document.data["record_id"]) for document in documents if document.kind == "conflict"}
        if not ids:
            return {}
        found = {str(r.id): document_of(r) for r in self.store.read_records(self.company_id, Needs(ids=ids)).records}
        self.numbers_for(found.values())
        return found

    def conflict(self, conflict: Document, about: Mapping[str, Document], numbers: Numbers) -> Row:
        """One conflict. `client_version` and `server_version` hold the columns that met, `server_record` the row as it is now."""
        data = conflict.data
        row: Row = {
            "id": conflict.number,
            "company_id": self.company_number,
            "conflict_id": conflict.number,
            "kind": data["record_kind"],
            "action": data["action"],
            "policy": data["policy"],
            "outcome": data["outcome"],
            "status": data["status"],
            "resolution": data.get("resolution"),
            "note": data.get("note"),
            "base_version": data.get("base_seq"),
            "created_at": time_text(conflict.created_at),
            "updated_at": time_text(conflict.updated_at),
        }
        document = about.get(data["record_id"])
        if document is None:
            return row
        table = table_of(document)
        if table is None:
            return row
        client, server = data.get("client", {}), data.get("server", {})
        row |= {
            "table": table.name,
            "record_id": table.row_id(document, self.company_number),
            "fields": self._columns(table, document, numbers, data.get("fields", [])),
            "client_version": self._part(table, document, numbers, client),
            "server_version": self._part(table, document, numbers, server),
            "server_record": self.row(document, table, numbers),
            "server_deleted": document.deleted,
        }
        return row

    def _part(self, table: Table, document: Document, numbers: Numbers, fields: Mapping[str, Any]) -> Row:
        """Some of our fields as columns of the table."""
        data = {**document.data, **fields}
        other = msgspec.structs.replace(document, data={name: value for name, value in data.items() if value is not None})
        named = self.numbers_for([other])
        said: Row = {}
        table.write_said(said, other, {**numbers, **named})
        return {name: said[name] for name in self._columns(table, document, numbers, fields) if name in said}

    def _columns(self, table: Table, document: Document, numbers: Numbers, fields: Iterable[str]) -> list[str]:
        """The columns that show these fields of ours."""
        wanted = set(fields)
        return [column.wire for column in table.columns if column.ours.partition(".")[0] in wanted]


def table_of(document: Document, name: str | None = None) -> Table | None:
    """The table (of this name, if the record is a row of it) that a record is best shown in."""
    shown = [table for table in BY_KIND.get(document.kind, ()) if table.shows(document)]
    by_name = {table.name: table for table in shown}
    return by_name.get(name or "") or by_name.get("invoices") or (shown[0] if shown else None)
