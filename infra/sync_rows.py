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
all are rendered anew, and the old ones go. Rows may be thrown away at any time: `SyncRows.drop`, or deleting from both tables.

Rows of an erased person go in the transaction that erases (`erase_person`, migration 0011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from domain.errors import CompanyNotFound
from infra.database import CompanyConnections, Connection, Database
from infra.reading import LARGEST
from infra.store.arrays import UuidArray, bools, int4s, int8s, texts, utf8s, uuid
from infra.store.pipeline import Pipeline, run

PAGE = 1_000
"""Rows that are read at once."""
RENDERED = 4_000
"""Records that are rendered in one transaction: who waits for it waits for so many."""
CHUNK = 500
"""Rows per statement: while Postgres writes one chunk, the next is being rendered."""


class SyncRow(NamedTuple):
    """A record as one collection has it.

    `collection`: what is pulled with a cursor of its own. `part`: which of the collection's views of the record this is (0 to
    32767); it orders the rows of one record. `body`: UTF-8 JSON, ready to send. `made_seq`: the seq of the record's first event,
    needed only for openings. `if_known`: only replaces a row that is there. `is_waiting`: something that the row names was not
    there yet; the row is rendered again when a record of the layout's `awaited` kinds comes.
    """

    record_id: UUID | str
    collection: str
    seq: int
    body: bytes
    deleted: bool = False
    part: int = 0
    made_seq: int = 0
    if_known: bool = False
    is_waiting: bool = False


Render = Callable[[bytes], Iterable[SyncRow]]
"""Documents, as the inside of a JSON list in order of seq → their rows. Whatever it looks up, it looks up before it returns."""


@dataclass(frozen=True)
class Layout:
    """What the rows of a dialect are. `awaited`: kinds that rows which are waiting wait for."""

    dialect: str
    version: int
    kinds: frozenset[str]
    renderer: Callable[[CompanyConnections, UUID], Render]
    awaited: frozenset[str] = frozenset()


class Openings(NamedTuple):
    """What is put before the bodies of a part: of rows that are new since a version, that changed since, and that are deleted."""

    new: str
    changed: str
    deleted: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of a collection with seq > `after`. At most `limit` (never cutting one record's rows), or as many as are sent at once."""

    collection: str
    after: int = 0
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Bodies in order of seq, as the inside of a JSON list; the cursor to go on with, and whether there is more up to `until`."""

    items: bytes
    count: int
    cursor: int
    has_more: bool
    until: int
    head: int


@dataclass(frozen=True, slots=True)
class CollectionsPage:
    """A page of each collection, in the order in which they were asked for. `until`: the seq up to which they are complete."""

    pages: list[RowsPage]
    until: int
    head: int


class SyncRows:
    """The rows of one dialect. Every method blocks; each uses one connection."""

    def __init__(self, database: Database, layout: Layout) -> None: ...

    def page(
        self,
        company_id: UUID,
        wanted: Wanted,
        *,
        openings: dict[int, Openings] | None = None,
        since: int = 0,
        not_own: UUID | None = None,
        until: int | None = None,
    ) -> RowsPage:
        """A page of one collection. Without `until`, everything that is in the log now is there: the first page of a pull.

        `openings`: parts to send, and what goes before each of their bodies, by whether the record was made after `since`; without
        it, every part is sent as its body. `not_own`: leave out records that only this device changed after `since`.
        `until`: of the first page, for those that follow it. Raises CompanyNotFound.
        """

    def collections(self, company_id: UUID, wanted: Sequence[Wanted]) -> CollectionsPage:
        """A page of each collection, in one query. Everything that is in the log now is there. Raises CompanyNotFound."""

    def more(self, company_id: UUID, wanted: Wanted, until: int) -> RowsPage:
        """The next page of a collection, up to the `until` of the first. Raises CompanyNotFound."""

    def drop(self, company_id: UUID) -> None:
        """Throw the rows of this dialect away, of every layout; the next pull renders them anew."""
