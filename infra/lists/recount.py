"""Totals that are brought up to date from what has changed, where that can be told without counting everything again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE
from infra.lists.conditions import Related, Source
from infra.lists.sql import Reach, Statement, paths_of, searched, tests_of
from infra.lists.statements import last_moved
from infra.store.arrays import texts

MOST_CHANGED = 200
"""Records that have changed since; where there are more, everything is counted again."""


def recount_statement(company_id: UUID, source: Source, moved: int) -> tuple[bytes, list[Any]] | None:
    """What answers (moved, how many more there are than there were at the event `moved`, or NULL where that cannot be told).

    New records count where they fulfil the conditions. A record that was there before counts as it did, if nothing has happened to
    it that the conditions ask about; else it cannot be told. None: it can never be told of this source.
    """
    if not searched(source) or any(isinstance(test, Related) for test in source.conditions):
        return None
    kind = CATALOGUE[source.kind]
    statement = Statement(company_id)
    since = statement.bind(moved)
    fields = statement.bind(texts(sorted({path[1] for test in source.conditions for path in paths_of(test)})))
    ends = statement.bind(texts([topic for topic, struct in kind.topics.items() if struct in (kind.Deleted, kind.Redacted)]))
    statement.tables["changed"] = (
        "SELECT id, deleted, document::jsonb AS doc FROM records"
        f" WHERE company_id = $1 AND kind = '{source.kind}' AND seq > {since} LIMIT {MOST_CHANGED + 1}"
    )
    statement.tables["made"] = (
        "SELECT c.id FROM changed c JOIN events e ON e.company_id = $1 AND e.record_id = c.id AND e.version = 1"
        f" WHERE e.seq > {since}"
    )
    statement.tables["touched"] = (
        f"SELECT 1 FROM changed c JOIN events e ON e.company_id = $1 AND e.record_id = c.id AND e.seq > {since}"
        " WHERE c.id NOT IN (SELECT id FROM made)"
        f" AND (e.topic = ANY({ends}) OR e.sealed IS NOT NULL OR e.data::jsonb ?| {fields})"
    )
    reach = Reach(statement, source.kind, "c", "c.doc")
    tests = " AND ".join(["NOT c.deleted", "c.id IN (SELECT id FROM made)", *tests_of(reach, source.conditions)])
    more = (
        f"CASE WHEN (SELECT count(*) FROM changed) <= {MOST_CHANGED} AND NOT EXISTS (SELECT FROM touched)"
        f" THEN (SELECT count(*) FROM changed c WHERE {tests}) END"
    )
    return statement.text(f"SELECT {last_moved(source)}, {more}"), statement.parameters
