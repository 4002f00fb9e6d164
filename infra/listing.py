"""Lists of records of one or several kinds: filtered, searched, sorted and cut into pages by Postgres, as fresh as the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.pq.abc import PGresult

from infra.database import Connection, Database
from infra.list_conditions import AnyOf, Beside, Condition, Path, Related, Source, Test
from infra.list_recount import recount_statement
from infra.list_sql import count_statement, indexed, page_statement, walkable
from infra.store.pipeline import Pipeline
from infra.totals import Total

__all__ = ["AnyOf", "Beside", "Condition", "Found", "Path", "Related", "Source", "Test", "count_of", "list_from"]

FEW = 1_000
"""Records that are gathered and sorted for every page; where there are more, the index is walked in the order of the list."""

_MEANT = b"""
SELECT set_config('enable_bitmapscan', 'on', true), set_config('enable_sort', 'off', true),
    set_config('enable_incremental_sort', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('work_mem', '64MB', true)
"""
"""How statements of lists mean to be executed, whatever the statistics say: an index for every condition and order that has one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page: documents as the inside of a JSON list, how many there are in all, and the documents `beside` them, by number.

    `head`: where the company's log ended when they were read; None where nothing was.
    """

    items: bytes
    total: int
    beside: bytes = b""
    head: int | None = None


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
    """Records of all sources together, sorted by what their sources say and then by number; one statement.

    It takes a second one where the total is not known, and is not small: the first of a list, or after a write of such records.
    """
    if not sources:
        return Found(b"", 0)
    keys = [(company_id, repr(source)) for source in sources]
    known = [database.totals.get(key) for key in keys]
    gathered = [
        not walkable(source, descending=descending) or (indexed(source) and (total is None or total.total <= FEW))
        for source, total in zip(sources, known, strict=True)
    ]
    made_of = (*keys, *gathered, descending, limit, offset, beside)
    statement = database.totals.statements.get(made_of)
    if statement is None:
        statement = page_statement(company_id, sources, gathered, descending=descending, limit=limit, offset=offset, beside=beside)
        database.totals.statements.put(made_of, statement)
    with database.company(company_id) as connection:
        result = _run(database, connection, *statement)
        totals = [_still(total, _told(result, 3 + 2 * place)) for place, total in enumerate(known)]
        for place, (source, old) in enumerate(zip(sources, known, strict=True)):
            if totals[place] is None and old is not None:
                totals[place] = _brought_on(database, connection, company_id, source, old)
        if unknown := [place for place, total in enumerate(totals) if total is None]:
            counted = _run(database, connection, *count_statement(company_id, [sources[place] for place in unknown]))
            for turn, place in enumerate(unknown):
                totals[place] = _still(None, _told(counted, 2 * turn))
    found = 0
    for key, total in zip(keys, totals, strict=True):
        assert total is not None, "what was not known has been counted"
        database.totals.put(key, total)
        found += total.total
    items, others, head = (result.get_value(0, column) for column in range(3))
    return Found(items or b"", found, others or b"", None if head is None else int.from_bytes(head, "big"))


def count_of(database: Database, company_id: UUID, sources: Sequence[Source]) -> int:
    """How many records a list has."""
    return list_from(database, company_id, sources, limit=0).total


def _still(known: Total | None, told: tuple[int, int | None]) -> Total | None:
    """The total of a source as of now: as it was told, or where it was not, as it was known if nothing has moved since."""
    moved, total = told
    if total is not None:
        return Total(moved, total)
    return known if known is not None and known.moved == moved else None


def _brought_on(database: Database, connection: Connection, company_id: UUID, source: Source, old: Total) -> Total | None:
    """An old total with what has changed since, if that can be told."""
    statement = recount_statement(company_id, source, old.moved)
    if statement is None:
        return None
    moved, more = _told(_run(database, connection, *statement), 0)
    return None if more is None else Total(moved, old.total + more)


def _told(result: PGresult, column: int) -> tuple[int, int | None]:
    moved, total = result.get_value(0, column), result.get_value(0, column + 1)
    assert moved is not None, "greatest() of a number"
    return int.from_bytes(moved, "big"), None if total is None else int.from_bytes(total, "big")


def _run(database: Database, connection: Connection, query: bytes, parameters: Sequence[Any]) -> PGresult:
    with Pipeline(connection) as pipeline:
        pipeline.send(_MEANT)
        pipeline.send(query, parameters, keep=database.totals.worth_keeping(query))
        return pipeline.results()[1]
