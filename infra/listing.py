"""Lists of records of one or several kinds: filtered, searched, sorted and cut into pages by Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import sql

from infra.database import Database

Path = tuple[str, ...]
"""Where a value is in a record's document: `("data", "name")`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value must be: one of `values` (JSON values), or between `least` and `most`, or holding one of `values` as a text.

    `or_missing`: having none will do too. `numeric`: amounts, which are stored as texts, are compared by value. `exclusive`: the
    bounds themselves are outside.
    """

    paths: tuple[Path, ...]
    values: tuple[Any, ...] = ()
    least: str | None = None
    most: str | None = None
    test: Literal["equal", "range", "holds", "missing"] = "equal"
    numeric: bool = False
    or_missing: bool = False
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the options, each of which is all of its conditions."""

    options: tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Records of a kind that fulfil every condition. `base` is added to their numbers; `order` is what they are sorted by."""

    kind: str
    conditions: tuple[Condition | AnyOf, ...] = ()
    base: int = 0
    order: Path | None = None
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Records that are wanted beside those of a page: those that the ids at these `links` name, deleted ones too; and the living
    ones of the kinds `children` whose parent is a record of the page.
    """

    links: tuple[Path, ...] = ()
    children: tuple[str, ...] = ()


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
    """Living records of all sources together, sorted by what their sources say and then by number; one statement."""
    if not sources:
        return Found(b"", 0)
    parts = sql.SQL(" UNION ALL ").join(_select(company_id, source) for source in sources)
    way = sql.SQL("DESC NULLS LAST" if descending else "ASC NULLS LAST")
    statement = sql.SQL(
        "WITH found AS MATERIALIZED ({parts}),"
        " page AS (SELECT id, document, row_number() OVER (ORDER BY by_number {way}, by_text {way}, row_id {way}) AS place"
        " FROM found ORDER BY place LIMIT {limit} OFFSET {offset})"
        " SELECT (SELECT count(*) FROM found), (SELECT string_agg(document, ',' ORDER BY place) FROM page), {beside}"
    ).format(parts=parts, way=way, limit=limit, offset=offset, beside=_beside(company_id, beside))
    with database.company(company_id) as connection:
        row = connection.execute(statement, prepare=False).fetchone()
    total, items, others = row or (0, None, None)
    return Found(items.encode() if items else b"", total, others.encode() if others else b"")


def _beside(company_id: UUID, beside: Beside | None) -> sql.Composable:
    if beside is None or not (beside.links or beside.children):
        return sql.SQL("NULL")
    parts = [
        sql.SQL("SELECT id FROM records WHERE company_id = {} AND kind = ANY({}) AND NOT deleted AND parent_id IN ({})").format(
            company_id, list(beside.children), sql.SQL("SELECT id FROM page")
        )
    ]
    parts += [sql.SQL("SELECT ({})::uuid FROM page").format(_text(link)) for link in beside.links]
    return sql.SQL("(SELECT string_agg(document, ',' ORDER BY number) FROM records WHERE company_id = {} AND id IN ({}))").format(
        company_id, sql.SQL(" UNION ").join(parts if beside.children else parts[1:])
    )


def _select(company_id: UUID, source: Source) -> sql.Composable:
    order = sql.SQL("NULL") if source.order is None else _text(source.order)
    where = [sql.SQL("company_id = {}").format(company_id), sql.SQL("kind = {}").format(source.kind), sql.SQL("NOT deleted")]
    where += [_test(condition) for condition in source.conditions]
    return sql.SQL(
        "SELECT number + {base} AS row_id, id, document, ({number})::numeric AS by_number, ({text})::text AS by_text"
        " FROM records WHERE {where}"
    ).format(
        base=source.base,
        number=order if source.numeric else sql.SQL("NULL"),
        text=sql.SQL("NULL") if source.numeric else order,
        where=sql.SQL(" AND ").join(where),
    )


def _test(condition: Condition | AnyOf) -> sql.Composable:
    if isinstance(condition, AnyOf):
        options = [sql.SQL(" AND ").join(map(_test, option)) for option in condition.options]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(options)) if options else sql.SQL("false")
    return sql.SQL("({})").format(sql.SQL(" OR ").join(_test_of(condition, path) for path in condition.paths))


def _test_of(condition: Condition, path: Path) -> sql.Composable:
    text = _text(path)
    value: sql.Composable = sql.SQL("({})::numeric").format(text) if condition.numeric else text
    if condition.test == "missing":
        return sql.SQL("{} IS NULL").format(text)
    if condition.test == "holds":
        equal = [sql.SQL("{} ILIKE {}").format(text, f"%{_literal(one)}%") for one in condition.values]
    elif condition.test == "range":
        bounds = ((sql.SQL(">"), condition.least), (sql.SQL("<"), condition.most))
        sign = sql.SQL("" if condition.exclusive else "=")
        made = [sql.SQL("{} {}{} {}").format(value, way, sign, _bound(one, condition)) for way, one in bounds if one is not None]
        equal = [sql.SQL("({})").format(sql.SQL(" AND ").join(made) if made else sql.SQL("true"))]
    elif condition.numeric:
        equal = [sql.SQL("{} = {}").format(value, _bound(str(one), condition)) for one in condition.values]
    else:
        equal = [sql.SQL("{} = {}::jsonb").format(_json(path), msgspec.json.encode(one).decode()) for one in condition.values]
    if condition.or_missing:
        equal.append(sql.SQL("{} IS NULL").format(text))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(equal)) if equal else sql.SQL("false")


def _literal(value: Any) -> str:
    """A text such that LIKE looks for it as it is."""
    return str(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _bound(text: str | None, condition: Condition) -> sql.Composable:
    return sql.SQL("{}::numeric").format(text) if condition.numeric else sql.SQL("{}").format(text)


def _json(path: Path) -> sql.Composable:
    return sql.SQL("(document::jsonb #> {})").format(list(path))


def _text(path: Path) -> sql.Composable:
    return sql.SQL("(document::jsonb #>> {})").format(list(path))
