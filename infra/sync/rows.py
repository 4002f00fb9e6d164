"""Rows of a dialect, rendered once and kept ready to send: a pull copies bytes.

A dialect describes its rows with a `Layout`: which kinds of records it sends, and a function that renders documents as rows. What
that function makes depends on the document and on nothing that changes: numbers of records, client ids. The rows are kept in the
table `sync_rows`, and brought up to the log by whoever pulls first: `SyncRows.page` (everything of one collection after a seq, with
an opening per row that only the request knows) and `SyncRows.collections` (many collections, each after a seq of its own) read them
in one query, which also says whether they are as far as the log.

    LAYOUT = Layout("mahak", version=1, kinds=KINDS, renderer=make_renderer)

    def make_renderer(connections: CompanyConnections, company_id: UUID) -> Render:
        reader = ChangeReader(connections)  # whatever takes a Database for reading takes this one connection too
        def render(documents: bytes) -> Iterable[SyncRow]:
            known = reader.numbers(company_id, ...)  # first look up,
            return (SyncRow(...) for one in ...)  # then render: nothing is looked up while rows are taken
        return render

    rows = SyncRows(services.database, LAYOUT)
    found = rows.collections(company_id, [Wanted("Products", after=17), Wanted("Invoices", after=0)])
    while found.pages[1].has_more:
        more = rows.more(company_id, Wanted("Invoices", after=found.pages[1].cursor), found.until)

A row has one key, (record, collection, part). A record that is rendered again replaces its rows; what it has no row for any more is
removed. Where clients have to learn that a record left a collection, render a row for it with `if_known` (a tombstone): it
replaces what is there, and is not kept where nothing is. `version` of a layout is raised with every change of what rows hold; then
all are rendered anew, and the old ones go. Without its position a company's rows are rendered anew too: `DELETE FROM
sync_positions` at any time, as a rebuild of the documents does; `SyncRows.drop` throws the rows away as well.

Rows of an erased person go in the transaction that erases (`erase_person`, migration 0011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.pq.abc import PGresult

from domain.errors import CompanyNotFound
from infra.database import Database
from infra.reading.reader import LARGEST
from infra.store.arrays import bools, int4s, int8s, texts
from infra.store.pipeline import run
from infra.sync.layout import LARGEST_VERSION, OF_LAYOUT, Layout, RowKeeper, number

PAGE = 1_000
"""Rows that are read at once."""


class Openings(NamedTuple):
    """What is put before the bodies of a part: of rows that are new since a version, that changed since, and that are deleted."""

    new: str
    changed: str
    deleted: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of a collection with seq > `after`; at most `limit`, but for the other rows of the last one's record.

    `spanned`: also between which seqs its part 0 lies, wherever `after` is (of `SyncRows.collections` only).
    """

    collection: str
    after: int = 0
    limit: int = PAGE
    spanned: bool = False


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Bodies in order of seq, as the inside of a JSON list; the cursor to go on with, and whether there is more up to `until`.

    `last` is the seq of the last row, 0 where there is none. Of a collection that was wanted as `spanned`: `lives_from` is the
    lowest seq of a living row of part 0, `newest` the highest of all of them, each 0 where there is none.
    """

    items: bytes
    count: int
    cursor: int
    has_more: bool
    until: int
    head: int
    last: int
    lives_from: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class CollectionsPage:
    """A page of each collection, in the order in which they were asked for. `until`: the seq up to which they are complete.

    `head` may be beyond it, where something was written while the rows were brought up to the log.
    """

    pages: list[RowsPage]
    until: int
    head: int


class _Found(NamedTuple):
    """What a statement that reads a page answers."""

    head: int
    position: int
    read: int
    last: int
    sent: int
    items: bytes
    lives_from: int = 0
    newest: int = 0


# Statements ---------------------------------------------------------------------------------------

_STATE = f"(SELECT seq FROM heads WHERE company_id = %b), (SELECT seq FROM sync_positions WHERE {OF_LAYOUT})"
# Rows of one record are never cut apart. Within a seq they come in the index's order, which is that of their parts
_PAGE = f"""
SELECT {_STATE}, count(*), max(seq), {{sent}} FROM (
    SELECT seq, {{row}} FROM sync_rows s WHERE {OF_LAYOUT} AND collection = %b AND seq > %b AND seq <= %b {{parts}}
    ORDER BY seq FETCH FIRST (%b) ROWS WITH TIES
) AS page
"""
_OPENED = "(%b::text[])[part * 3 + CASE WHEN deleted THEN 3 WHEN made_seq <= %b THEN 2 ELSE 1 END] || body AS body"
_OWN = """
EXISTS (SELECT FROM events l WHERE l.company_id = %b AND l.record_id = s.record_id AND l.seq = s.seq AND l.device_id = %b)
AND NOT EXISTS (SELECT FROM events o WHERE o.company_id = %b AND o.record_id = s.record_id AND o.seq > %b
                AND o.device_id IS DISTINCT FROM %b) AS own
"""
_COLLECTIONS = f"""
SELECT {_STATE}, page.*, span.*
FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::boolean[]) WITH ORDINALITY AS wanted (name, after, most, spanned, place)
CROSS JOIN LATERAL (
    SELECT count(*), max(seq), count(*), string_agg(body, ',') FROM (
        SELECT seq, body FROM sync_rows WHERE {OF_LAYOUT} AND collection = wanted.name AND seq > wanted.after
        ORDER BY seq FETCH FIRST (wanted.most) ROWS WITH TIES
    ) AS one
) AS page
LEFT JOIN LATERAL (
    SELECT (SELECT seq FROM sync_rows WHERE {OF_LAYOUT} AND collection = wanted.name AND part = 0 AND NOT deleted
        ORDER BY seq LIMIT 1),
        (SELECT seq FROM sync_rows WHERE {OF_LAYOUT} AND collection = wanted.name AND part = 0 ORDER BY seq DESC LIMIT 1)
) AS span (lives_from, newest) ON wanted.spanned
ORDER BY wanted.place
""".encode()


@lru_cache(maxsize=4)
def _page_statement(*, opened: bool, others: bool) -> bytes:
    row = (_OPENED if opened else "body") + (", " + _OWN if others else "")
    condition = " FILTER (WHERE NOT own)" if others else ""
    return _PAGE.format(
        row=row,
        sent=f"count(*){condition}, string_agg(body, ','){condition}",
        parts="AND part = ANY(%b)" if opened else "",
    ).encode()


class SyncRows:
    """The rows of one dialect. Every method blocks; each uses one connection."""

    def __init__(self, database: Database, layout: Layout) -> None:
        self.database = database
        self.layout = layout
        self._keeper = RowKeeper(database, layout)

    def page(
        self,
        company_id: UUID,
        wanted: Wanted,
        *,
        openings: Mapping[int, Openings] | None = None,
        since: int = 0,
        not_own: UUID | None = None,
        until: int | None = None,
    ) -> RowsPage:
        """A page of one collection. Without `until`, everything that is in the log now is there: the first page of a pull.

        `openings`: parts to send, and what goes before each of their bodies, by whether the record was made after `since`; without
        it, every part is sent as its body. `not_own`: leave out records that only this device changed after `since`.
        `until`: of the first page, for those that follow it. Raises CompanyNotFound.
        """
        own = self.layout.key(company_id)
        end = LARGEST if until is None else until
        parameters: list[Any] = [company_id, *own]
        if openings is not None:
            parameters += (texts(_flat(openings)), since)
        if not_own is not None:
            parameters += (company_id, not_own, company_id, since, not_own)
        parameters += (*own, wanted.collection, min(wanted.after, LARGEST), end)
        if openings is not None:
            parameters.append(int4s(sorted(openings)))
        statement = _page_statement(opened=openings is not None, others=not_own is not None)
        parameters.append(wanted.limit)
        found = self._read(company_id, statement, parameters, until)
        return _rows_page(wanted, found[0], end)

    def more(self, company_id: UUID, wanted: Wanted, until: int) -> RowsPage:
        """The next page of a collection, up to the `until` of the first. Raises CompanyNotFound."""
        return self.page(company_id, wanted, until=until)

    def collections(self, company_id: UUID, wanted: Sequence[Wanted]) -> CollectionsPage:
        """A page of each collection, in one query. Everything that is in the log now is there. Raises CompanyNotFound."""
        own = self.layout.key(company_id)
        asked = (
            texts([one.collection for one in wanted]),
            int8s([min(one.after, LARGEST) for one in wanted]),
            int8s([one.limit for one in wanted]),
            bools([one.spanned for one in wanted]),
        )
        found = self._read(company_id, _COLLECTIONS, [company_id, *own, *asked, *own, *own, *own], None)
        pages = [_rows_page(one, row, LARGEST) for one, row in zip(wanted, found, strict=True)]
        return CollectionsPage(pages, found[0].position, found[0].head)

    def drop(self, company_id: UUID) -> None:
        """Throw the rows of this dialect away, of every layout; the next pull renders them anew."""
        self._keeper.drop(company_id, LARGEST_VERSION)

    def _read(self, company_id: UUID, statement: bytes, parameters: Sequence[Any], until: int | None) -> list[_Found]:
        """The rows of a statement that begins with the head and the position, read when the position is far enough."""
        while True:
            with self.database.company(company_id) as connection:
                result = run(connection, statement, parameters)
            found = [_found(result, row) for row in range(result.ntuples)]
            until = found[0].head if until is None else until  # what was there when it was asked; not what comes meanwhile
            if found[0].position >= until:
                return found
            self._keeper.catch_up(company_id, until)


def _found(result: PGresult, row: int) -> _Found:
    head = result.get_value(row, 0)
    if head is None:
        raise CompanyNotFound
    position = result.get_value(row, 1)
    read, last, sent = (number(result, row, column) for column in (2, 3, 4))
    return _Found(
        int.from_bytes(head, "big"),
        -1 if position is None else int.from_bytes(position, "big"),
        read,
        last,
        sent,
        result.get_value(row, 5) or b"",
        *(number(result, row, column) for column in range(6, result.nfields)),
    )


def _rows_page(wanted: Wanted, found: _Found, end: int) -> RowsPage:
    until = min(found.position, end)
    has_more = found.read >= wanted.limit and found.last < until
    cursor = found.last if has_more else until
    return RowsPage(found.items, found.sent, cursor, has_more, until, found.head, found.last, found.lives_from, found.newest)


def _flat(openings: Mapping[int, Openings]) -> list[str]:
    """The openings of all parts from 0 on, three for each."""
    nothing = Openings("", "", "")
    return [text for part in range(max(openings, default=-1) + 1) for text in openings.get(part, nothing)]
