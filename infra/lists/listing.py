"""Lists of records of one or several kinds: filtered, searched, sorted and cut into pages by Postgres, as fresh as the log."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.pq.abc import PGresult

from infra.database import Connection, Database
from infra.lists.conditions import AnyOf, Beside, Condition, Path, Related, Source, Test
from infra.lists.recount import recount_statement
from infra.lists.shapes import Statement, Template, shape_of
from infra.lists.sql import indexed, walkable
from infra.lists.statements import count_statement, page_statement
from infra.lists.totals import Total, Totals
from infra.loop_connections import LoopConnections
from infra.store.pipeline import Pipeline

__all__ = [
    "AnyOf",
    "Beside",
    "Condition",
    "Found",
    "Listing",
    "Path",
    "Related",
    "Source",
    "Test",
    "count_of",
    "list_from",
    "list_in_loop",
]

FEW = 1_000
"""Records that are gathered and sorted for every page; where there are more, the index is walked in the order of the list."""

_MEANT = """
SELECT set_config('enable_bitmapscan', 'on', {0}), set_config('enable_sort', 'off', {0}),
    set_config('enable_incremental_sort', 'off', {0}), set_config('enable_seqscan', 'off', {0}),
    set_config('enable_hashjoin', 'off', {0}), set_config('enable_mergejoin', 'off', {0}), set_config('work_mem', '64MB', {0})
"""
"""How statements of lists mean to be executed, whatever the statistics say: an index for every condition and order that has one."""
_MEANT_NOW = _MEANT.format("true").encode()
MEANT_ALWAYS = _MEANT.format("false").encode()
"""What prepares a connection that reads nothing but lists."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page: documents as the inside of a JSON list, how many there are in all, and the documents `beside` them, by number.

    `head`: where the company's log ended when they were read; None where nothing was.
    """

    items: bytes
    total: int
    beside: bytes = b""
    head: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of records of all sources together, sorted by what their sources say and then by number."""

    sources: tuple[Source, ...]
    descending: bool = False
    limit: int = 100
    offset: int = 0
    beside: Beside | None = None


def list_from(
    database: Database,
    company_id: UUID,
    sources: Sequence[Source],
    *,
    descending: bool = False,
    limit: int = 100,
    offset: int = 0,
    beside: Beside | None = None,
) -> Found:
    """What `Listing` says, read in a thread."""
    reading = _reading(database.totals, company_id, Listing(tuple(sources), descending, limit, offset, beside))
    try:
        statements = next(reading)
        with database.company(company_id) as connection:
            while True:
                statements = reading.send(_run(database.totals, connection, statements))
    except StopIteration as end:
        found: Found = end.value
        return found


async def list_in_loop(
    connections: LoopConnections, totals: Totals, company_id: UUID, listing: Listing, *, has_moved: bool = False
) -> Found:
    """What the listing says, read in the event loop. Raises ServiceUnavailable.

    `has_moved`: whether the log is known to have moved, so that totals that are known have to be brought on.
    """
    reading = _reading(totals, company_id, listing, has_moved=has_moved)
    try:
        statements = next(reading)
        while True:
            results = await connections.ask(company_id, [(*one, totals.worth_keeping(one[0])) for one in statements])
            statements = reading.send(results)
    except StopIteration as end:
        found: Found = end.value
        return found


def count_of(database: Database, company_id: UUID, sources: Sequence[Source]) -> int:
    """How many records a list has."""
    return list_from(database, company_id, sources, limit=0).total


def _reading(
    totals: Totals, company_id: UUID, listing: Listing, *, has_moved: bool = False
) -> Generator[list[Statement], list[PGresult], Found]:
    """Reading a page: yields statements, is sent their results, and returns what was found.

    It is one round trip; and a second one where the total is not known, and is not small: the first of a list, or after a write of
    such records.
    """
    sources = listing.sources
    if not sources:
        return Found(b"", 0)
    places: dict[str, int] = {}
    shapes = [shape_of(source, places) for source in sources]
    texts = tuple(places)
    keys = [(company_id, shape, texts) for shape in shapes]
    known = [totals.get(key) for key in keys]
    gathered = [
        _is_gathered(totals, source, shape, total, descending=listing.descending)
        for source, shape, total in zip(sources, shapes, known, strict=True)
    ]
    page = _template(totals, company_id, listing, shapes, gathered).fill(texts)
    recounts: dict[int, Statement] = {}
    for place, (source, old) in enumerate(zip(sources, known, strict=True)):
        if has_moved and old is not None and not gathered[place] and (recount := recount_statement(company_id, source, old.moved)):
            recounts[place] = recount
    result, *more_results = yield [page, *recounts.values()]
    recounted = dict(zip(recounts, more_results, strict=True))
    now = [_still(total, _told(result, 3 + 2 * place)) for place, total in enumerate(known)]
    for place, (source, old) in enumerate(zip(sources, known, strict=True)):
        if now[place] is not None or old is None:
            continue
        if place not in recounted and (recount := recount_statement(company_id, source, old.moved)):
            (recounted[place],) = yield [recount]
        if place in recounted:
            moved, more = _told(recounted[place], 0)
            now[place] = None if more is None else Total(moved, old.total + more)
    if unknown := [place for place, total in enumerate(now) if total is None]:
        (counted,) = yield [count_statement(company_id, [sources[place] for place in unknown])]
        for turn, place in enumerate(unknown):
            now[place] = _still(None, _told(counted, 2 * turn))
    found = 0
    for key, total in zip(keys, now, strict=True):
        assert total is not None, "what was not known has been counted"
        totals.put(key, total)
        found += total.total
    items, others, head = (result.get_value(0, column) for column in range(3))
    return Found(items or b"", found, others or b"", None if head is None else int.from_bytes(head, "big"))


def _template(totals: Totals, company_id: UUID, listing: Listing, shapes: Sequence[Hashable], gathered: Sequence[bool]) -> Template:
    """The statement of a page."""
    made_of = (company_id, *shapes, *gathered, listing.descending, listing.limit, listing.offset, listing.beside)
    template = totals.templates.get(made_of)
    if template is None:
        order, limit, offset, beside = listing.descending, listing.limit, listing.offset, listing.beside
        template = Template(
            listing.sources,
            lambda sources: page_statement(
                company_id, sources, gathered, descending=order, limit=limit, offset=offset, beside=beside
            ),
        )
        totals.templates.put(made_of, template)
    return template


def _is_gathered(totals: Totals, source: Source, shape: Hashable, total: Total | None, *, descending: bool) -> bool:
    """Whether all that the source has is gathered and counted: where it is known to be little. What there is much of is walked."""
    ways = totals.ways.get((shape, descending))
    if ways is None:
        ways = (walkable(source, descending=descending), indexed(source))
        totals.ways.put((shape, descending), ways)
    can_be_walked, is_indexed = ways
    return not can_be_walked or (is_indexed and (total is None or total.total <= FEW))


def _still(known: Total | None, told: tuple[int, int | None]) -> Total | None:
    """The total of a source as of now: as it was told, or where it was not, as it was known if nothing has moved since."""
    moved, total = told
    if total is not None:
        return Total(moved, total)
    return known if known is not None and known.moved == moved else None


def _told(result: PGresult, column: int) -> tuple[int, int | None]:
    moved, total = result.get_value(0, column), result.get_value(0, column + 1)
    assert moved is not None, "greatest() of a number"
    return int.from_bytes(moved, "big"), None if total is None else int.from_bytes(total, "big")


def _run(totals: Totals, connection: Connection, statements: Sequence[Statement]) -> list[PGresult]:
    with Pipeline(connection) as pipeline:
        pipeline.send(_MEANT_NOW)
        for query, parameters in statements:
            pipeline.send(query, parameters, keep=totals.worth_keeping(query))
        return pipeline.results()[1:]
