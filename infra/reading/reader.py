"""Reading: pull pages since a cursor, single records, filtered lists. Postgres joins the stored bytes; nothing is decoded here.

A page and the head it was read under come from one statement, hence from one snapshot: a reader that was given the cursor N has
been given everything up to N.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from domain.catalogue import CATALOGUE
from domain.errors import CompanyNotFound, CursorAhead, InvalidField, UnknownKind
from infra.database import Database
from infra.lists.listing import Condition, Path, Source, list_from
from infra.requests import is_storable
from infra.store.arrays import texts
from infra.store.pipeline import run

MAX_PAGE = 10_000
LARGEST = 2**62
"""Beyond every seq and number there will be, and within a bigint."""

Pulled = Literal["records", "events"]

EVENT_ENVELOPE = """
'{"seq":' || seq || ',"recorded_at":"' || to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
|| '","occurred_at":"' || to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
|| '","kind":"' || kind || '","record_id":"' || record_id || '","version":' || version || ',"topic":"' || topic
|| '","actor_id":' || coalesce('"' || actor_id || '"', 'null') || ',"device_id":' || coalesce('"' || device_id || '"', 'null')
|| ',"command_id":' || coalesce('"' || command_id || '"', 'null')
|| ',"correlation_id":' || coalesce('"' || correlation_id || '"', 'null')
|| ',"hash":"' || encode(hash, 'hex') || '"'
"""
"""SQL of an event's JSON object, but for its data, what is sealed of it, and the closing brace."""
EVENT_JSON = EVENT_ENVELOPE + """|| ',"data":' || data || coalesce(',"sealed":"' || encode(sealed, 'hex') || '"', '') || '}'"""
"""SQL of an event's JSON object."""


_PAGE = """
SELECT (SELECT seq FROM heads WHERE company_id = %b), max(seq), count(*), string_agg(item, %b) FROM ({source}) AS page
"""
"""The head, the last seq of the page, how many items, and the items joined."""

_STATEMENTS: dict[tuple[Pulled, bool], str] = {
    ("records", False): "SELECT seq, document AS item FROM records WHERE company_id = %b AND seq > %b ORDER BY seq LIMIT %b",
    # A keyset per kind, merged: a small kind in a large company costs what it holds, not what the company holds
    ("records", True): """
        SELECT one.seq, one.item FROM unnest(%b::text[]) AS wanted (kind) CROSS JOIN LATERAL (
            SELECT seq, document AS item FROM records
            WHERE company_id = %b AND kind = wanted.kind AND seq > %b ORDER BY seq LIMIT %b
        ) AS one ORDER BY one.seq LIMIT %b""",
    ("events", False): f"SELECT seq, {EVENT_JSON} AS item FROM events WHERE company_id = %b AND seq > %b ORDER BY seq LIMIT %b",
    ("events", True): f"""
        SELECT seq, {EVENT_JSON} AS item FROM events WHERE kind = ANY(%b) AND company_id = %b AND seq > %b ORDER BY seq LIMIT %b""",
}
_PULLS = {key: _PAGE.replace("{source}", source).encode() for key, source in _STATEMENTS.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """Items as joined JSON, the cursor to ask with next, and whether there is more right now."""

    items: bytes
    count: int
    cursor: int
    has_more: bool
    head: int


@dataclass(frozen=True, slots=True)
class Found:
    """One record's document (its JSON envelope) and what an ETag needs."""

    document: bytes
    seq: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a filtered list: documents as joined JSON, how many there are in all, and where the log ended when it was read."""

    items: bytes
    total: int
    head: int | None


class Reader:
    """Reads companies' records and logs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def pull(
        self,
        what: Pulled,
        company_id: UUID,
        after: int,
        limit: int = 1_000,
        kinds: Sequence[str] | None = None,
        separator: bytes = b",",
    ) -> Page:
        """Events after the cursor, or records whose last event is after it, in order. Raises CursorAhead, UnknownKind."""
        known_kinds(kinds)
        parameters: list[Any] = [company_id, separator.decode()]
        if kinds is not None:
            parameters.append(texts(kinds))
        parameters += (company_id, min(after, LARGEST), limit)
        if kinds is not None and what == "records":
            parameters.append(limit)
        with self.database.company(company_id) as connection:
            result = run(connection, _PULLS[what, kinds is not None], parameters)
        values = [result.get_value(0, column) for column in range(4)]  # bytes: no text is decoded here
        if values[0] is None:
            raise CompanyNotFound
        head, last, count = (int.from_bytes(value or b"", "big") for value in values[:3])
        items = values[3] or b""
        if after > head:
            raise CursorAhead(f"The cursor is {after}, but this company's log ends at {head}.", path="after", head=head)
        full = count == limit and last < head
        return Page(items, count, last if full else head, full, head)

    def record_pages(self, company_id: UUID, after: int, kinds: Sequence[str] | None = None, size: int = 1_000) -> Iterator[Page]:
        """Every page of records from the cursor to the head, a page at a time in memory."""
        while True:
            page = self.pull("records", company_id, after, size, kinds)
            yield page
            if not page.has_more:
                return
            after = page.cursor

    def find_record(self, company_id: UUID, kind: str, reference: UUID | int) -> Found | None:
        """A record by its id or number, deleted or not; None where the company has no such record."""
        known_kinds([kind])
        column, named = ("id", reference) if isinstance(reference, UUID) else ("number", max(-LARGEST, min(reference, LARGEST)))
        statement = f"SELECT document, seq, deleted FROM records WHERE company_id = %b AND kind = %b AND {column} = %b"
        with self.database.company(company_id) as connection:
            row = run(connection, statement.encode(), (company_id, kind, named))
        if row.ntuples == 0:
            return None
        document, seq, deleted = (row.get_value(0, column) or b"" for column in range(3))
        return Found(document, int.from_bytes(seq, "big"), deleted == b"\x01")

    def list_records(
        self,
        company_id: UUID,
        kind: str,
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        deleted: bool | None = False,
        sort: str = "number",
        descending: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> Listing:
        """Records of a kind whose fields equal (one of) the given texts, sorted, and by number where they are equal.

        Raises UnknownKind, InvalidField.
        """
        known_kinds([kind])
        conditions: list[Condition] = []
        for name, values in (filters or {}).items():
            if not all(map(is_storable, values)):
                raise InvalidField("A text must be Unicode without the NUL character.", path=name)
            conditions.append(Condition((_field(kind, name),), tuple(values), test="is"))
        order = None if sort == "number" else ("seq",) if sort == "seq" else _field(kind, sort)
        source = Source(kind, tuple(conditions), order=order, deleted=deleted)
        found = list_from(self.database, company_id, [source], descending=descending, limit=limit, offset=offset)
        return Listing(found.items, found.total, found.head)


def known_kinds(kinds: Sequence[str] | None) -> None:
    """Raise UnknownKind where one of the names is no kind."""
    for kind in kinds or ():
        if kind not in CATALOGUE:
            raise UnknownKind(f"There is no kind {kind!r}.", path="kind", kinds=sorted(CATALOGUE))


def _field(kind: str, name: str) -> Path:
    known = CATALOGUE[kind]
    derived = known.derived.__struct_fields__ if known.derived else ()
    if name not in known.field_names and name not in derived:
        raise InvalidField(f"{kind!r} has no field {name!r}.", path=name)
    return ("data", name)
