"""Reading shifts with everything that was sold, paid and spent in them, as one snapshot of the books shows it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from domain.books import Books
from domain.catalogue import CATALOGUE
from domain.errors import CompanyNotFound, RecordNotFound
from domain.record import Record, decode_record
from infra.database import Connection, Database

_BY_IDS = b"SELECT document FROM records WHERE company_id = %b AND id = ANY(%b)"
_IN_SHIFTS = b"""
SELECT document FROM records WHERE company_id = %b AND id = ANY(ARRAY(SELECT records_of_shifts(%b))) AND NOT deleted
"""
_PARTS = b"""
SELECT document FROM records WHERE company_id = %b AND parent_id = ANY(%b)
AND kind IN ('invoice_line', 'payment_split', 'cheque') AND NOT deleted
"""
_ONE = b"SELECT id FROM records WHERE company_id = %b AND kind = 'shift' AND (id = %b OR number = %b) AND NOT deleted"
_SOME = b"""
SELECT id FROM (
    SELECT id, number, document::jsonb -> 'data' ->> 'cashier_id' AS cashier,
        ((document::jsonb -> 'data' ->> 'opened_at')::timestamptz AT TIME ZONE %b)::date AS day
    FROM records WHERE company_id = %b AND kind = 'shift' AND NOT deleted
) AS shifts WHERE day >= coalesce(%b, '-infinity'::date) AND day <= coalesce(%b, 'infinity'::date)
AND cashier = coalesce(%b, cashier) ORDER BY number DESC LIMIT %b
"""

_OPEN = b"""
SELECT r.document FROM unique_values u JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
WHERE u.company_id = %b AND u.kind = 'shift' AND u.name = 'open_shift' ORDER BY r.number
"""
_AROUND = b"""
SELECT document FROM (
    SELECT r.document, r.document::jsonb -> 'data' AS data
    FROM unique_values u JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id
    WHERE u.company_id = %b AND u.kind = 'shift' AND u.name = 'open_shift'
    UNION ALL
    SELECT document, document::jsonb -> 'data' FROM (
        SELECT document FROM records WHERE company_id = %b AND kind = 'shift' AND NOT deleted ORDER BY number DESC LIMIT 100
    ) AS latest WHERE document::jsonb -> 'data' ->> 'closed_at' IS NOT NULL
) AS shifts
WHERE (data ->> 'opened_at')::timestamptz <= %b AND coalesce((data ->> 'closed_at')::timestamptz, 'infinity') >= %b
"""
"""Of the closed ones only the latest are looked at: what is sold offline turns up within days, and there may be thousands."""


def open_shifts(database: Database, company_id: UUID, moment: datetime | None = None) -> list[Record]:
    """The shifts that are open now; with a moment those in which it lies, by the tills' clocks, closed since or not."""
    with database.company(company_id) as connection:
        if moment is None:
            found = connection.execute(_OPEN, (company_id,))
        else:
            found = connection.execute(_AROUND, (company_id, company_id, moment, moment))
        return [decode_record(row[0]) for row in found.fetchall()]


def opened_at(shift: Record) -> datetime:
    """When it was opened, by the till's clock."""
    return datetime.fromisoformat(shift.data["opened_at"])


@dataclass(frozen=True, slots=True)
class Shifts:
    """Shifts, in the order they were asked for, and the books with all that is in them. `seq`: as of this event."""

    seq: int
    shifts: list[Record]
    books: Books

    def within(self, shift: Record, kinds: Collection[str]) -> list[Record]:
        """The living records of these kinds that name the shift, by number."""
        named = str(shift.id)
        found = (one for one in self.books.records.values() if one.kind in kinds and one.data.get("shift_id") == named)
        return sorted((one for one in found if not one.deleted), key=lambda one: (one.kind, one.number))


def read_shift(database: Database, company_id: UUID, reference: UUID | int) -> Shifts:
    """One shift, named by its id or number. Raises RecordNotFound, CompanyNotFound."""
    record_id, number = (reference, 0) if isinstance(reference, UUID) else (company_id, reference)
    with database.company(company_id) as connection, connection.transaction():
        seq = _begin(connection, company_id)
        found = [row[0] for row in connection.execute(_ONE, (company_id, record_id, number)).fetchall()]
        if not found:
            raise RecordNotFound("There is no such shift.", path="shift")
        return _read(connection, company_id, seq, found)


def read_shifts(
    database: Database,
    company_id: UUID,
    *,
    first: date | None = None,
    last: date | None = None,
    cashier_id: UUID | None = None,
    limit: int = 100,
) -> Shifts:
    """The latest shifts that were opened between two days of the company's, both inclusive. Raises CompanyNotFound."""
    with database.company(company_id) as connection, connection.transaction():
        seq = _begin(connection, company_id)
        (company,) = _documents(connection, _BY_IDS, company_id, [company_id])
        cashier = str(cashier_id) if cashier_id is not None else None
        parameters = (company.data["time_zone"], company_id, first, last, cashier, limit)
        return _read(connection, company_id, seq, [row[0] for row in connection.execute(_SOME, parameters).fetchall()])


def _begin(connection: Connection, company_id: UUID) -> int:
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    row = connection.execute(b"SELECT seq FROM heads WHERE company_id = %b", (company_id,)).fetchone()
    if row is None:
        raise CompanyNotFound
    return int(row[0])


def _read(connection: Connection, company_id: UUID, seq: int, ids: Sequence[UUID]) -> Shifts:
    """The shifts, what names them, the lines and parts of that, and the cashiers and payment accounts: a query for each."""
    books = Books(company_id, seq=seq)
    _add(books, _documents(connection, _BY_IDS, company_id, list(ids)))
    shifts = [books.records[one] for one in ids]
    named = _documents(connection, _IN_SHIFTS, company_id, [str(one) for one in ids]) if ids else []
    _add(books, named)
    _add(books, _documents(connection, _PARTS, company_id, [record.id for record in named]))
    others = {record.data.get(name) for record in books.records.values() for name in ("payment_account_id", "cashier_id")}
    _add(books, _documents(connection, _BY_IDS, company_id, [UUID(one) for one in others if one]))
    return Shifts(seq, shifts, books)


def _documents(connection: Connection, statement: bytes, company_id: UUID, keys: list[Any]) -> list[Record]:
    rows = connection.execute(statement, (company_id, keys)).fetchall() if keys else []
    return [decode_record(document) for (document,) in rows]


def _add(books: Books, records: Collection[Record]) -> None:
    for record in records:
        books.add(record, CATALOGUE[record.kind])
