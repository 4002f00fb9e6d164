"""The statements of lists: a page of records with those beside it, and how many records there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.catalogue import CATALOGUE
from infra.lists.conditions import Beside, Path, Related, Source, Test
from infra.lists.sql import Statement, arms_of
from infra.store.arrays import texts


def page_statement(
    company_id: UUID,
    sources: Sequence[Source],
    gathered: Sequence[bool],
    *,
    descending: bool,
    limit: int,
    offset: int,
    beside: Beside | None,
) -> tuple[bytes, list[Any]]:
    """What answers the documents, those beside them, where the log ends, and of every source (moved, total or NULL): what is
    gathered is counted.
    """
    statement = Statement(company_id)
    most = statement.bind(limit + offset)
    told: list[str] = []
    for place, (source, gather) in enumerate(zip(sources, gathered, strict=True)):
        arms = arms_of(statement, source, gather=gather, limit=most, descending=descending)
        statement.tables[f"found_{place}"] = " UNION ALL ".join(arms)
        told += [last_moved(source), f"(SELECT count(*) FROM found_{place})" if gather else "NULL::bigint"]
    way = "DESC NULLS LAST" if descending else "ASC NULLS LAST"
    found = " UNION ALL ".join(f"SELECT * FROM found_{place}" for place in range(len(sources)))
    statement.tables["page"] = (
        f"SELECT id, row_number() OVER () AS place FROM (SELECT id FROM ({found}) AS found"
        f" ORDER BY by_number {way}, by_text {way}, row_id {way}"
        f" LIMIT {statement.bind(limit)} OFFSET {statement.bind(offset)}) AS cut"
    )
    statement.tables["shown"] = (
        "SELECT p.id, p.place, r.parent_id, r.document FROM page p JOIN records r ON r.company_id = $1 AND r.id = p.id"
    )
    documents = "(SELECT string_agg(document, ',' ORDER BY place) FROM shown)"
    head = "(SELECT seq FROM heads WHERE company_id = $1)"
    others = _beside(statement, beside, sources)
    return statement.text(f"SELECT {documents}, {others}, {head}, {', '.join(told)}"), statement.parameters


def count_statement(company_id: UUID, sources: Sequence[Source]) -> tuple[bytes, list[Any]]:
    """What answers of every source (moved, total)."""
    statement = Statement(company_id)
    told: list[str] = []
    for source in sources:
        counts = [f"(SELECT count(*) FROM {arm} AS one)" for arm in arms_of(statement, source, "none", gather=True)]
        told += [last_moved(source), " + ".join(counts)]
    return statement.text(f"SELECT {', '.join(told)}"), statement.parameters


def last_moved(source: Source) -> str:
    """The last event of a record of the kinds that count: what was counted at it still counts."""
    kinds = sorted({source.kind, *_related_kinds(source.conditions)})
    lasts = [f"(SELECT max(seq) FROM records WHERE company_id = $1 AND kind = '{kind}')" for kind in kinds]
    return f"greatest(0::bigint, {', '.join(lasts)})"


def _related_kinds(tests: Sequence[Test]) -> list[str]:
    related = [test for test in tests if isinstance(test, Related)]
    return [kind for test in related for kind in (test.kind, *_related_kinds(test.conditions))]


def _beside(statement: Statement, beside: Beside | None, sources: Sequence[Source]) -> str:
    if beside is None or not (beside.links or beside.children):
        return "NULL"
    parts: list[str] = []
    others = ""
    if beside.children:
        kinds = statement.bind(texts(beside.children))
        parts.append(
            "SELECT r.number, r.document FROM shown p CROSS JOIN LATERAL (SELECT number, document, kind, deleted FROM records"
            f" WHERE company_id = $1 AND parent_id = p.id OFFSET 0) AS r WHERE r.kind = ANY({kinds}) AND NOT r.deleted"
        )
        told = f"r.kind = ANY({kinds}) AND NOT r.deleted AND r.parent_id IN (SELECT id FROM page)"
        others = f" WHERE ({told}) IS NOT TRUE"
    if beside.links:
        named = " UNION ".join(_linked(statement, link, sources) for link in beside.links)  # each id once
        parts.append(
            f"SELECT r.number, r.document FROM ({named}) AS wanted (id)"
            f" JOIN records r ON r.company_id = $1 AND r.id = wanted.id{others}"
        )
    return f"(SELECT string_agg(document, ',' ORDER BY number) FROM ({' UNION ALL '.join(parts)}) AS others)"


def _linked(statement: Statement, link: Path, sources: Sequence[Source]) -> str:
    """The ids that the records of the page have at a link."""
    if all(link == ("data", CATALOGUE[source.kind].parent) for source in sources):
        return "SELECT DISTINCT parent_id FROM shown"  # which saves reading every document
    return f"SELECT DISTINCT (document::jsonb #>> {statement.bind_steps(link)})::uuid FROM shown"
