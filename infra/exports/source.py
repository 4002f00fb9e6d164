"""What an export reads: a company's books as of one seq, a page at a time.

Everything that was posted and recorded up to a seq stays as it is, so keyset pages bounded by the seq read the same books however
long it takes, on connections that are held for one page only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from domain.catalogue import CATALOGUE
from domain.chart import DEFAULT_CHART, root_of
from domain.errors import CompanyNotFound, CursorAhead
from domain.event import RecordedEvent
from domain.record import Record
from infra.database import Connection, Database
from infra.followers.waiting import wait_for
from infra.history.asof import find_as_of, records_as_of
from infra.history.moments import seq_at
from infra.reading.reader import Reader
from infra.store.rows import select_events

JOURNAL_PAGE = 1_000
EVENT_PAGE = 250
"""Events of a page; some hold long texts."""
FIRST_DAY = date.min


class JournalLine(NamedTuple):
    """A line of the journal."""

    seq: int
    line: int
    record_id: UUID
    kind: str
    account: str
    party_id: UUID | None
    document_id: UUID | None
    due: date | None
    place_id: UUID | None
    currency: str
    debit: Decimal
    credit: Decimal
    balance: Decimal
    dated: date
    posted_on: date
    reverses: int | None

    @property
    def amount(self) -> Decimal:
        """Debits above zero, credits below."""
        return self.debit - self.credit


class Opened(NamedTuple):
    """An account that is posted to, in one currency, and the first day of it."""

    account: str
    currency: str
    first_day: date


class ChartEntry(NamedTuple):
    """An account of the chart, as of the seq."""

    code: str
    name: str
    type: str
    closed: bool


_HEAD = b"SELECT c.codename, h.seq FROM heads h JOIN companies c USING (company_id) WHERE h.company_id = %b"
_POINT = b"SELECT recorded_at, encode(hash, 'hex') FROM events WHERE company_id = %b AND seq = %b"
_JOURNAL = f"""
SELECT {", ".join(JournalLine._fields)} FROM journal_lines
WHERE company_id = %b AND seq <= %b AND (posted_on, seq, line) > (%b, %b, %b) ORDER BY posted_on, seq, line LIMIT %b
""".encode()
_OPENED = b"""
SELECT a.account, a.currency, f.day FROM account_balances a CROSS JOIN LATERAL (
    SELECT seq FROM journal_lines j
    WHERE j.company_id = a.company_id AND j.account = a.account AND j.currency = a.currency AND j.seq <= %b
    ORDER BY j.seq, j.line LIMIT 1
) AS posted CROSS JOIN LATERAL (
    SELECT min(posted_on) AS day FROM journal_lines j
    WHERE j.company_id = a.company_id AND j.account = a.account AND j.currency = a.currency AND j.seq <= %b
) AS f WHERE a.company_id = %b ORDER BY a.account, a.currency
"""
_COUNT_LINES = b"SELECT count(*) FROM journal_lines WHERE company_id = %b AND seq <= %b"
_NUMBERS = b"SELECT numbers FROM heads WHERE company_id = %b"
_KINDS = b"""
SELECT r.kind FROM records r WHERE r.company_id = %b AND r.kind = ANY(%b) AND r.number = 1
AND EXISTS (SELECT FROM events e WHERE e.company_id = r.company_id AND e.record_id = r.id AND e.seq <= %b)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A company's books as of `seq`. `recorded_at` and `hash` are those of the event `seq`; None where the log is empty there."""

    database: Database
    company_id: UUID
    codename: str
    seq: int
    recorded_at: datetime | None
    hash: str | None

    def company(self) -> Record | None:
        """The company's own record, as of the seq."""
        with self.database.company(self.company_id) as connection:
            return find_as_of(connection, self.company_id, self.seq, [self.company_id]).get(self.company_id)

    def find(self, ids: Collection[UUID]) -> dict[UUID, Record]:
        """Records by id, as of the seq."""
        with self.database.company(self.company_id) as connection:
            return find_as_of(connection, self.company_id, self.seq, ids)

    def records(self, kind: str) -> Iterator[list[Record]]:
        """Pages of a kind's records as of the seq, in order of their numbers."""
        return records_as_of(self.database, self.company_id, self.seq, kind)

    def events(self, page: int = EVENT_PAGE) -> Iterator[list[RecordedEvent]]:
        """Pages of the log up to the seq."""
        after = 0
        while after < self.seq:
            with self.database.company(self.company_id) as connection:
                found = select_events(connection, self.company_id, after, page, until=self.seq)
            if not found:
                return
            yield found
            after = found[-1].seq

    def event_lines(self, kinds: Sequence[str] | None, page: int = EVENT_PAGE) -> Iterator[tuple[bytes, int]]:
        """The log up to the seq as NDJSON, as `GET /ledger/v1/events` writes it: (lines, how many)."""
        reader, after = Reader(self.database), 0
        while after < self.seq:
            pulled = reader.pull("events", self.company_id, after, min(page, self.seq - after), kinds, b"\n")
            items, count = pulled.items, pulled.count
            if pulled.cursor > self.seq and items:  # a page of some kinds reaches beyond; each line begins with its seq
                lines = [line for line in items.split(b"\n") if int(line[len(b'{"seq":') : line.index(b",")]) <= self.seq]
                items, count = b"\n".join(lines), len(lines)
            if count:
                yield items + b"\n", count
            if not pulled.has_more:
                return
            after = pulled.cursor

    def journal(self, page: int = JOURNAL_PAGE) -> Iterator[list[JournalLine]]:
        """Pages of the journal up to the seq, in order of the books' days, then of the log."""
        key: tuple[date, int, int] = (FIRST_DAY, 0, 0)
        while True:
            with self.database.company(self.company_id) as connection:
                rows = connection.execute(_JOURNAL, (self.company_id, self.seq, *key, page), binary=True).fetchall()
            if rows:
                lines = [JournalLine._make(row) for row in rows]
                yield lines
                key = (lines[-1].posted_on, lines[-1].seq, lines[-1].line)
            if len(rows) < page:
                return

    def opened(self) -> list[Opened]:
        """Every account and currency that was posted to, as of the seq."""
        with self.database.company(self.company_id) as connection:
            rows = connection.execute(_OPENED, (self.seq, self.seq, self.company_id), binary=True).fetchall()
        return [Opened._make(row) for row in rows]

    def chart(self) -> dict[str, ChartEntry]:
        """The chart of accounts as of the seq, by code: the default one, and what the company's own accounts say."""
        entries = {one.code: ChartEntry(one.code, one.name, one.type, False) for one in DEFAULT_CHART.values()}
        for page in self.records("account"):
            for record in page:
                data = record.data
                entries[data["code"]] = ChartEntry(data["code"], data["name"], data["type"], record.deleted)
        return entries

    def count_lines(self) -> int:
        """How many lines the journal has, as of the seq."""
        with self.database.company(self.company_id) as connection:
            row: Any = connection.execute(_COUNT_LINES, (self.company_id, self.seq)).fetchone()
        return int(row[0])

    def kinds(self) -> list[str]:
        """The kinds of which there were records, as of the seq, in the catalogue's order."""
        with self.database.company(self.company_id) as connection:
            found = connection.execute(_KINDS, (self.company_id, list(CATALOGUE), self.seq)).fetchall()
        return [kind for kind in CATALOGUE if (kind,) in found]

    def count_records(self) -> dict[str, int]:
        """Kind → how many records there are today, which is at least how many there were."""
        with self.database.company(self.company_id) as connection:
            row: Any = connection.execute(_NUMBERS, (self.company_id,)).fetchone()
        return dict(row[0])

    def wait_for_journal(self) -> None:
        """Wait until everything up to the seq is posted. Raises ProjectionBehind."""
        wait_for(self.database, "balances", self.company_id, self.seq)


def open_source(database: Database, company_id: UUID, *, at_seq: int | None = None, at: datetime | None = None) -> Source:
    """The books as of a seq, or of a time, or of now. Raises CompanyNotFound, CursorAhead."""
    with database.company(company_id) as connection:
        row = connection.execute(_HEAD, (company_id,)).fetchone()
        if row is None:
            raise CompanyNotFound
        codename, head = row
        if at_seq is not None and at_seq > head:
            raise CursorAhead(f"This company's log ends at {head}.", path="at_seq", head=head)
        seq = at_seq if at_seq is not None else seq_at(connection, company_id, at) if at is not None else head
        return Source(database, company_id, codename, seq, *_point(connection, company_id, seq))


def _point(connection: Connection, company_id: UUID, seq: int) -> tuple[datetime | None, str | None]:
    row = connection.execute(_POINT, (company_id, seq)).fetchone()
    return (row[0], row[1]) if row else (None, None)


_TYPE_BY_DIGIT = {"1": "asset", "2": "liability", "3": "equity", "4": "revenue"}


def entry_of(chart: dict[str, ChartEntry], code: str) -> ChartEntry:
    """The account that a code is, or is a part of. One that is in no chart is named by its code, and typed by its first digit."""
    root = root_of(code)
    found = chart.get(root) or chart.get(code)
    return found or ChartEntry(root, "", _TYPE_BY_DIGIT.get(root[:1], "expense"), False)
