"""Pulling changed records with what a sync needs beside them: which are new, and which the asking device only heard of from itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from domain.errors import CompanyNotFound, CursorAhead
from infra.database import Database
from infra.reading import LARGEST


@dataclass(frozen=True, slots=True)
class Changed:
    """A record that changed: its document, and whether it was made since the cursor."""

    seq: int
    kind: str
    document: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """Records that changed after a cursor, in order of seq; the cursor to go on with; and where the log ended."""

    records: list[Changed]
    cursor: int
    has_more: bool
    head: int


_HEAD = b"SELECT seq FROM heads WHERE company_id = %b"
_NEW = "EXISTS (SELECT FROM events f WHERE f.company_id = r.company_id AND f.record_id = r.id AND f.version = 1 AND f.seq > %b)"
_FOREIGN = """
AND CASE WHEN (SELECT l.device_id FROM events l WHERE l.company_id = r.company_id AND l.seq = r.seq) IS DISTINCT FROM %b THEN true
    ELSE EXISTS (SELECT FROM events o WHERE o.company_id = r.company_id AND o.record_id = r.id AND o.seq > %b
                 AND o.device_id IS DISTINCT FROM %b) END
"""
_PAGE = f"""
SELECT r.seq, r.kind, r.document, {_NEW} FROM records r
WHERE r.company_id = %b AND r.seq > %b AND r.seq <= %b AND r.kind = ANY(%b) {{foreign}} ORDER BY r.seq LIMIT %b
"""
_PAGE_OF_ALL = _PAGE.replace("{foreign}", "").encode()
_PAGE_OF_OTHERS = _PAGE.replace("{foreign}", _FOREIGN).encode()
_UNSEEN = b"""
SELECT EXISTS (SELECT FROM events WHERE company_id = %b AND seq > %b AND seq <= %b AND kind = ANY(%b) AND device_id IS DISTINCT FROM %b)
"""
_NUMBERS = b"SELECT id, number FROM records WHERE company_id = %b AND id = ANY(%b)"
_SEQ_AT = b"SELECT coalesce(max(seq), 0) FROM events WHERE company_id = %b AND recorded_at <= %b"


class ChangeReader:
    """Reads what changed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def page(
        self,
        company_id: UUID,
        after: int,
        limit: int,
        kinds: Collection[str],
        *,
        since: int | None = None,
        until: int | None = None,
        device_id: UUID | None = None,
    ) -> ChangedPage:
        """Records whose last event is after the cursor (and not after `until`); without those that only `device_id` changed.

        New is what was made after `since` (default: the cursor). Raises CursorAhead.
        """
        made_after = after if since is None else since
        with self.database.company(company_id) as connection, connection.transaction():
            row = connection.execute(_HEAD, (company_id,), binary=True).fetchone()
            if row is None:
                raise CompanyNotFound
            head = row[0]
            if after > head:
                raise CursorAhead(f"The version is {after}, but this company is at {head}.", path="last_version", head=head)
            end = head if until is None else min(until, head)
            given = [made_after, company_id, after, min(end, LARGEST), list(kinds)]
            if device_id is None:
                rows = connection.execute(_PAGE_OF_ALL, (*given, limit), binary=True).fetchall()
            else:
                rows = connection.execute(
                    _PAGE_OF_OTHERS, (*given, device_id, made_after, device_id, limit), binary=True
                ).fetchall()
        records = [Changed(*one) for one in rows]
        is_full = len(records) == limit and records[-1].seq < end
        return ChangedPage(records, records[-1].seq if is_full else end, is_full, head)

    def has_unseen(self, company_id: UUID, after: int, until: int, kinds: Collection[str], device_id: UUID) -> bool:
        """Whether anybody but this device changed anything with `after` < seq ≤ `until`."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_UNSEEN, (company_id, after, until, list(kinds), device_id), binary=True).fetchone()
        return bool(row and row[0])

    def numbers(self, company_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, int]:
        """The numbers of records."""
        if not record_ids:
            return {}
        with self.database.company(company_id) as connection:
            return dict(connection.execute(_NUMBERS, (company_id, list(record_ids)), binary=True).fetchall())

    def seq_at(self, company_id: UUID, moment: object) -> int:
        """The last seq that was recorded at this moment; 0 before the first."""
        with self.database.company(company_id) as connection:
            row = connection.execute(_SEQ_AT, (company_id, moment), binary=True).fetchone()
        return int(row[0]) if row else 0
