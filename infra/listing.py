"""Lists of records of one or several kinds: filtered, searched, sorted and cut into pages by Postgres, as fresh as the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.pq.abc import PGresult

from infra.database import Connection, Database
from infra.list_conditions import AnyOf, Beside, Condition, Path, Related, Source, Test
from infra.list_sql import count_statement, indexed, page_statement, walkable
from infra.store.pipeline import Pipeline
from infra.totals import Total

__all__ = ["AnyOf", "Beside", "Condition", "Found", "Path", "Related", "Source", "Test", "count_of", "list_from"]

FEW = 1_000
"""Records that are gathered and sorted for every page; where there are more, the index is walked in the order of the list."""

_GATHER = b"""
SELECT set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('work_mem', '64MB', true)
"""
_WALK = b"""
SELECT set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('work_mem', '64MB', true)
"""
"""How a list means its statement to be executed, whatever the statistics say: settings of the one transaction."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page: documents as the inside of a JSON list, how many there are in all, and the documents `beside` them, by number."""

    items: bytes
    total: int
    beside: bytes = b""


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
    key = (company_id, repr(tuple(sources)))
    known = database.totals.get(key)
    walks = all(walkable(source, descending=descending) for source in sources)
    gather = not walks or (any(map(indexed, sources)) and (known is None or known.total <= FEW))
    statement = page_statement(company_id, sources, gather=gather, descending=descending, limit=limit, offset=offset, beside=beside)
    with database.company(company_id) as connection:
        result = _run(database, connection, gather, *statement)
        moved, total = _whole(result, 0), _whole(result, 1)
        if total is None:
            total = known.total if known is not None and known.moved == moved else None
        if total is None:
            counted = _run(database, connection, True, *count_statement(company_id, sources))
            moved, total = _whole(counted, 0), _whole(counted, 1)
    assert moved is not None, "greatest() of a number"
    assert total is not None, "count() is a number"
    database.totals.put(key, Total(moved, total))
    return Found(result.get_value(0, 2) or b"", total, result.get_value(0, 3) or b"")


def count_of(database: Database, company_id: UUID, sources: Sequence[Source]) -> int:
    """How many records a list has."""
    return list_from(database, company_id, sources, limit=0).total


def _run(database: Database, connection: Connection, gather: bool, query: bytes, parameters: Sequence[Any]) -> PGresult:
    with Pipeline(connection) as pipeline:
        pipeline.send(_GATHER if gather else _WALK)
        pipeline.send(query, parameters, keep=database.totals.worth_keeping(query))
        return pipeline.results()[1]


def _whole(result: PGresult, column: int) -> int | None:
    value = result.get_value(0, column)
    return None if value is None else int.from_bytes(value, "big", signed=True)
