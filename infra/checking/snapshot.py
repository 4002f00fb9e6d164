"""What a check reads: one company as one snapshot of the database shows it, while writers and followers go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

from domain.books import evolve
from domain.catalogue import CATALOGUE, fields_of
from domain.errors import CompanyNotFound
from domain.record import Record, decode_record
from infra.database import Connection
from infra.store.rows import event_of_row
from infra.store.statements import EVENT_COLUMNS
from projections.registry import Registry

PAGE = 1_000
_names = count()


class OutOfDate(Exception):
    """A projection's tables are another version's, or it has none: it needs a rebuild before it can be checked."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A company in a read-only transaction that sees one moment. `seq` is its head's."""

    connection: Connection
    company_id: UUID
    codename: str
    seq: int
    registry: Registry
    kinds: frozenset[tuple[str, bool]]
    """The kinds that there are living (False) or deleted (True) records of: most companies have few, and no other is asked for."""
    _since: dict[int, dict[UUID, Record]] = field(default_factory=dict)

    def rows(self, statement: bytes, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, a page at a time in memory; other queries may be made meanwhile."""
        with self.connection.cursor(name=f"check_{next(_names)}") as cursor:
            cursor.itersize = PAGE
            cursor.execute(statement, parameters)
            yield from cursor

    def one(self, statement: bytes, parameters: Sequence[Any]) -> tuple[Any, ...]:
        """The only row of a query."""
        row: tuple[Any, ...] | None = self.connection.execute(statement, parameters).fetchone()
        assert row is not None, "an aggregate always has a row"
        return row

    def position(self, projection: str) -> int:
        """The seq up to which a projection is folded: its tables are compared as of there. Raises OutOfDate."""
        version = self.registry.projections[projection].version
        built, seq = self.one(
            b"SELECT (SELECT version FROM projections WHERE name = %b),"
            b" coalesce((SELECT seq FROM positions WHERE follower = %b AND company_id = %b), 0)",
            (projection, projection, self.company_id),
        )
        if built != version:
            raise OutOfDate(f"{projection} needs a rebuild: version {built} built its tables, this is version {version}")
        return int(seq)

    def living(self, kind: str, until: int | None = None) -> Iterator[Record]:
        """The living records of a kind as of a seq, or as of the head."""
        since = self.since(until)
        if (kind, False) in self.kinds:
            documents = self.rows(
                b"SELECT document FROM records WHERE company_id = %b AND kind = %b AND seq <= %b AND NOT deleted",
                (self.company_id, kind, self.seq if until is None else until),
            )
            for (document,) in documents:
                yield decode_record(document)
        for record in since.values():
            if record.kind == kind and not record.deleted:
                yield record

    def buried(self, kind: str) -> Iterator[Record]:
        """The deleted records of a kind."""
        if (kind, True) not in self.kinds:
            return
        statement = b"SELECT document FROM records WHERE company_id = %b AND kind = %b AND deleted"
        for (document,) in self.rows(statement, (self.company_id, kind)):
            yield decode_record(document)

    def since(self, until: int | None) -> dict[UUID, Record]:
        """The records that were changed after `until`, as they stood then: as many as a follower is behind, at most."""
        if until is None or until >= self.seq:
            return {}
        if until in self._since:
            return self._since[until]
        found = self._since[until] = {}
        changed = b"SELECT record_id FROM events WHERE company_id = %b AND seq > %b"
        rows = self.rows(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND seq <= %b AND record_id IN (".encode()
            + changed
            + b") ORDER BY seq",
            (self.company_id, until, self.company_id, until),
        )
        for row in rows:
            event = event_of_row(row)
            found[event.record_id] = evolve(found.get(event.record_id), event, CATALOGUE[event.kind], fields_of(event))
        return found


@contextmanager
def snapshot_of(connection: Connection, company_id: UUID, registry: Registry) -> Iterator[Snapshot]:
    """A snapshot of a company, for as long as the block lasts. Raises CompanyNotFound."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute(
            b"SELECT c.codename, h.seq FROM companies c JOIN heads h USING (company_id) WHERE company_id = %b", (company_id,)
        ).fetchone()
        if row is None:
            raise CompanyNotFound
        codename, seq = row
        kinds = connection.execute(b"SELECT DISTINCT kind, deleted FROM records WHERE company_id = %b", (company_id,)).fetchall()
        yield Snapshot(connection, company_id, codename, seq, registry, frozenset(kinds))
