"""Pulling: records that changed, as rows of the tables that they are seen in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from api.matrix.columns import Numbers, Row, moment_text
from api.matrix.tables import ALL, BY_KIND
from domain.event import JSON
from domain.record import Record, decode_record
from infra.pulling_changes import Changed, ChangeReader

KINDS = frozenset(table.kind for table in ALL)
REMEMBERED = 100_000


class ChangeRow(msgspec.Struct):
    """One change of a pull. `id` and `version` are both the seq."""

    id: int
    table: str
    record_id: int
    operation: str
    data: Row
    version: int
    timestamp: str


class Rows:
    """Renders one company's records as rows. Numbers that were looked up are remembered: they never change."""

    def __init__(self, reader: ChangeReader, company_id: UUID, company_number: int) -> None:
        self.reader = reader
        self.company_id = company_id
        self.company_number = company_number
        self._known: dict[UUID, int] = {company_id: company_number}

    def numbers_for(self, records: Iterable[Record], tables: Mapping[str, str] | None = None) -> Numbers:
        """The numbers that the rows of these records name."""
        wanted: set[UUID] = set()
        for record in records:
            if record.created_by is not None:
                wanted.add(record.created_by)
            for table in BY_KIND.get(record.kind, ()):
                wanted.update(map(UUID, table.referred(record)))
        if len(self._known) > REMEMBERED:
            self._known = {self.company_id: self.company_number}
        if missing := wanted - self._known.keys():
            self._known |= self.reader.numbers(self.company_id, missing)
        return Numbers(self._known)

    def changes(self, page: list[Changed], tables: Mapping[str, str] | None) -> list[ChangeRow]:
        """The rows of a page, in order of seq; only of `tables` (own name → the client's name) where they are given."""
        records = [decode_record(one.document) for one in page]
        numbers = self.numbers_for(records)
        rows: list[ChangeRow] = []
        for changed, record in zip(page, records, strict=True):
            operation = "DELETE" if record.deleted else "INSERT" if changed.is_new else "UPDATE"
            for table in BY_KIND[record.kind]:
                name = table.name if tables is None else tables.get(table.name)
                if name is None or not table.shows(record):
                    continue
                row = table.row(record, numbers, self.company_number)
                if table.kind == "company":
                    row["id"] = self.company_number
                if record.deleted:
                    row = {"id": row["id"]}
                rows.append(ChangeRow(record.seq, name, row["id"], operation, row, record.seq, moment_text(record.updated_at)))
        return rows

    def encoded(self, page: list[Changed], tables: Mapping[str, str] | None) -> bytes:
        """The rows of a page as the inside of a JSON list."""
        return JSON.encode(self.changes(page, tables))[1:-1]
