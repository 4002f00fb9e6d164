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
    """What a value must be: one of `values` (JSON values), or between `least` and `most`, or holding `values[0]` as a text.

    `or_missing`: having none will do too. `numeric`: amounts, which are stored as texts, are compared by value.
    """

    paths: tuple[Path, ...]
    values: tuple[Any, ...] = ()
    least: str | None = None
    most: str | None = None
    test: Literal["equal", "range", "holds", "missing"] = "equal"
    numeric: bool = False
    or_missing: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Records of a kind that fulfil every condition. `base` is added to their numbers; `order` is what they are sorted by."""

    kind: str
    conditions: tuple[Condition, ...] = ()
    base: int = 0
    order: Path | None = None
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A page: documents as the inside of a JSON list, and how many there are in all."""

    items: bytes
    total: int


def list_from(
    database: Database, company_id: UUID, sources: Sequence[Source], *, descending: bool = False, limit: int = 100, offset: int = 0
) -> Found:
    """Living records of all sources together, sorted by what their sources say and then by number."""
    if not sources:
        return Found(b"", 0)
    parts = sql.SQL(" UNION ALL ").join(_select(company_id, source) for source in sources)
    way = sql.SQL("DESC NULLS LAST" if descending else "ASC NULLS LAST")
    statement = sql.SQL(
        "WITH found AS MATERIALIZED ({parts}),"
        " page AS (SELECT document, row_number() OVER (ORDER BY by_number {way}, by_text {way}, row_id {way}) AS place FROM found"
        " ORDER BY place LIMIT {limit} OFFSET {offset})"
        " SELECT (SELECT count(*) FROM found), (SELECT string_agg(document, ',' ORDER BY place) FROM page)"
    ).format(parts=parts, way=way, limit=limit, offset=offset)
    with database.company(company_id) as connection:
        row = connection.execute(statement, prepare=False).fetchone()
    total, items = row or (0, None)
    return Found(items.encode() if items else b"", total)


def _select(company_id: UUID, source: Source) -> sql.Composable:
    order = sql.SQL("NULL") if source.order is None else _text(source.order)
    where = [sql.SQL("company_id = {}").format(company_id), sql.SQL("kind = {}").format(source.kind), sql.SQL("NOT deleted")]
    where += [_test(condition) for condition in source.conditions]
    return sql.SQL(
        "SELECT number + {base} AS row_id, document, ({number})::numeric AS by_number, ({text})::text AS by_text"
        " FROM records WHERE {where}"
    ).format(
        base=source.base,
        number=order if source.numeric else sql.SQL("NULL"),
        text=sql.SQL("NULL") if source.numeric else order,
        where=sql.SQL(" AND ").join(where),
    )


def _test(condition: Condition) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" OR ").join(_test_of(condition, path) for path in condition.paths))


def _test_of(condition: Condition, path: Path) -> sql.Composable:
    text = _text(path)
    value: sql.Composable = sql.SQL("({})::numeric").format(text) if condition.numeric else text
    if condition.test == "missing":
        return sql.SQL("{} IS NULL").format(text)
    if condition.test == "holds":
        pattern = str(condition.values[0]).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return sql.SQL("{} ILIKE {}").format(text, f"%{pattern}%")
    if condition.test == "range":
        made = [sql.SQL("{} >= {}").format(value, _bound(condition.least, condition))] if condition.least is not None else []
        made += [sql.SQL("{} <= {}").format(value, _bound(condition.most, condition))] if condition.most is not None else []
        return sql.SQL("({})").format(sql.SQL(" AND ").join(made))
    if condition.numeric:
        equal = [sql.SQL("{} = {}").format(value, _bound(str(one), condition)) for one in condition.values]
    else:
        equal = [sql.SQL("{} = {}::jsonb").format(_json(path), msgspec.json.encode(one).decode()) for one in condition.values]
    if condition.or_missing:
        equal.append(sql.SQL("{} IS NULL").format(text))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(equal)) if equal else sql.SQL("false")


def _bound(text: str | None, condition: Condition) -> sql.Composable:
    return sql.SQL("{}::numeric").format(text) if condition.numeric else sql.SQL("{}").format(text)


def _json(path: Path) -> sql.Composable:
    return sql.SQL("(document::jsonb #> {})").format(list(path))


def _text(path: Path) -> sql.Composable:
    return sql.SQL("(document::jsonb #>> {})").format(list(path))
