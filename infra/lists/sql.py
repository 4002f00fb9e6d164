"""Lists in SQL.

A list reads the read model `search`, which follows the log, and the records that have changed since the event that it has followed
the log to: together they are the records as they are. The two, and where `search` stands, come from one statement, hence from one
snapshot. Records of kinds that are not searched are read from `records` alone.

Rows of `search` are found in one of two ways. To *gather* is to take all that fulfil the conditions from the inverted index, and to
sort them; it costs what is found. To *walk* is to read the index in the order of the list, passing over what does not fulfil the
conditions, until the page is full; it costs little where much is found.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from infra.lists.conditions import AnyOf, Condition, Path, Related, Source, Test
from infra.lists.terms import Terms, finds_few, lookup, options_of, rarest
from infra.store.arrays import Json, TextArray, texts
from projections.search import AMOUNTS, DAYS, LABELS, SearchProjection, place_of

FEW_RELATED = 500
"""Related records, up to which those that name them are looked up one after the other."""

CREATED: frozenset[Path] = frozenset({("created_at",)})
"""What numbers are in the order of."""


class Statement:
    """SQL with numbered parameters, and the common table expressions that it needs."""

    def __init__(self, company_id: UUID) -> None:
        self.company_id = company_id
        self.parameters: list[Any] = [company_id]
        self.tables: dict[str, str] = {}
        """Name → body of each common table expression, in order."""
        self._related: dict[int, str] = {}
        self._bound: dict[Hashable, str] = {}

    def bind(self, value: Any) -> str:
        """The name of a new parameter."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def bind_steps(self, steps: Path) -> str:
        """The name of the parameter that says these steps into a document: every arm takes them."""
        name = self._bound.get(steps)
        if name is None:
            name = self._bound[steps] = self.bind(_steps(steps))
        return name

    def bind_json(self, value: Any) -> str:
        """The name of the parameter with this JSON value."""
        encoded = msgspec.json.encode(value)
        name = self._bound.get(encoded)
        if name is None:
            name = self._bound[encoded] = self.bind(Json(encoded))
        return name

    def late(self, kind: str) -> str:
        """The records of a kind that changed after the event that `search` has come to, deleted ones too."""
        name = f"late_{kind}"
        if name not in self.tables:
            self.tables["stand"] = (
                "SELECT coalesce((SELECT p.seq FROM positions p JOIN projections b ON b.name = p.follower"
                f" WHERE p.company_id = $1 AND p.follower = 'search' AND b.version = {SearchProjection.version}), 0) AS seq"
            )
            self.tables[name] = (
                "SELECT id, number, deleted, document::jsonb AS doc FROM records"
                f" WHERE company_id = $1 AND kind = '{kind}' AND seq > (SELECT seq FROM stand)"
            )
        return name

    def related(self, test: Related) -> str:
        """The ids of the records that fulfil a Related's conditions."""
        if id(test) not in self._related:
            arms = arms_of(self, Source(test.kind, test.conditions), "id", gather=True)
            name = self._related[id(test)] = f"related_{len(self._related)}"
            self.tables[name] = " UNION ALL ".join(arms)
        return self._related[id(test)]

    def text(self, select: str) -> bytes:
        """The whole statement."""
        tables = ", ".join(f"{name} AS MATERIALIZED ({body})" for name, body in self.tables.items())
        return f"{f'WITH {tables} ' if tables else ''}{select}".encode()


@dataclass(frozen=True, slots=True)
class Reach:
    """How values are reached in a row: in a document of `search`, or in a record's own."""

    statement: Statement
    kind: str
    alias: str
    document: str
    place: str | None = None

    def text(self, path: Path) -> str:
        """The value as a text."""
        if self.place is not None and (column := column_of(self.kind, path)):
            return f"{self.alias}.{column}"
        return f"({self.document} #>> {self._steps(path)})"

    def number(self, path: Path) -> str:
        """The value of a text that is an amount."""
        if self.place is not None and path == ("data", AMOUNTS.get(self.kind)):
            return f"{self.alias}.amount"
        return f"({self.text(path)})::numeric"

    def json(self, path: Path) -> str:
        """The value."""
        return f"({self.document} #> {self._steps(path)})"

    def has(self, terms: Terms) -> str:
        """Whether the document of `search` has these terms."""
        return f"{self.document} @> {self.statement.bind_json({self.place or '': terms})}"

    def _steps(self, path: Path) -> str:
        return self.statement.bind_steps(path if self.place is None else (self.place, *path[1:]))


@lru_cache(1_024)
def _steps(steps: Path) -> TextArray:
    return texts(steps)


def column_of(kind: str, path: Path) -> str | None:
    """The column of `search` that holds the value, if one does."""
    if path == ("data", LABELS.get(kind)):
        return "label"
    return "day" if path == ("data", DAYS.get(kind)) else None


# Arms: the ways that rows of one source are found --------------------------------------------------


def arms_of(
    statement: Statement, source: Source, columns: str = "row", *, gather: bool, limit: str = "", descending: bool = False
) -> list[str]:
    """The SELECTs whose rows together are a source's. `columns`: `row`, with what is sorted by, `id` or `none`."""
    if not searched(source):
        reach = Reach(statement, source.kind, "r", "r.document::jsonb")
        where = ["r.company_id = $1", f"r.kind = '{source.kind}'", *tests_of(reach, source.conditions)]
        if source.deleted is not None:
            where.append("r.deleted" if source.deleted else "NOT r.deleted")
        tail = "" if gather else _walking(reach, source, descending=descending, limit=limit)
        return [f"(SELECT {_columns(reach, source, columns)} FROM records r WHERE {' AND '.join(where)}{tail})"]
    late = statement.late(source.kind)
    place = place_of(statement.company_id, source.kind)
    reach = Reach(statement, source.kind, "s", "s.document", place)
    old = f"s.number NOT IN (SELECT number FROM {late})"
    picked = _columns(reach, source, columns)
    if gather:
        arms = _gathering(reach, source, picked, old)
    else:
        own = f"s.company_id = $1 AND s.kind = '{source.kind}'"
        where = [own, *tests_of(reach, source.conditions), old]
        tail = _walking(reach, source, descending=descending, limit=limit)
        arms = [f"(SELECT {picked} FROM searchable s WHERE {' AND '.join(where)}{tail})"]
    new = Reach(statement, source.kind, "l", "l.doc")
    where = ["NOT l.deleted", *tests_of(new, source.conditions)]
    return [*arms, f"(SELECT {_columns(new, source, columns)} FROM {late} l WHERE {' AND '.join(where)})"]


def searched(source: Source) -> bool:
    """Whether `search` has what the source asks for."""
    if source.kind not in LABELS or source.deleted is not False:
        return False
    paths = [path for test in source.conditions for path in paths_of(test)]
    if source.order is not None and source.order not in CREATED:
        paths.append(source.order)
    return all(len(path) > 1 and path[0] == "data" for path in paths)


def walkable(source: Source, *, descending: bool) -> bool:
    """Whether there is an index in the order of the source."""
    if source.order is None or source.order in CREATED:
        return True
    if not searched(source):
        return source.order == ("seq",)
    if source.numeric:
        return False
    column = column_of(source.kind, source.order)
    return (column == "day" and descending) or (column == "label" and not descending)


def indexed(source: Source) -> bool:
    """Whether the inverted index finds what fulfils the conditions."""
    return searched(source) and any(
        isinstance(test, Related) or options_of(source.kind, test) is not None for test in source.conditions
    )


def _columns(reach: Reach, source: Source, columns: str) -> str:
    if columns != "row":
        return f"{reach.alias}.id" if columns == "id" else ""
    by_number, by_text = "NULL", "NULL"
    if source.order == ("seq",):
        by_number = f"{reach.alias}.seq"
    elif source.order is not None and source.order not in CREATED:
        by_number, by_text = (reach.number(source.order), "NULL") if source.numeric else ("NULL", reach.text(source.order))
    base = reach.statement.bind(source.base)
    return (
        f"{reach.alias}.id, {reach.alias}.number + {base} AS row_id, {by_number}::numeric AS by_number, {by_text}::text AS by_text"
    )


def _walking(reach: Reach, source: Source, *, descending: bool, limit: str) -> str:
    way = " DESC" if descending else ""
    if source.order is None or source.order in CREATED:
        return f" ORDER BY {reach.alias}.number{way} LIMIT {limit}"
    if source.order == ("seq",):
        return f" ORDER BY {reach.alias}.seq{way} LIMIT {limit}"
    nulls = " NULLS LAST" if descending else ""
    return f" ORDER BY {reach.text(source.order)}{way}{nulls}, {reach.alias}.number{way} LIMIT {limit}"


def _gathering(reach: Reach, source: Source, picked: str, old: str) -> list[str]:
    """SELECTs of all that `search` has: by the inverted index where it helps, else all of the kind."""
    statement, kind, tests = reach.statement, source.kind, source.conditions
    checked: list[str] = []
    options, rest = lookup(kind, tests)
    if options is not None and not finds_few(kind, options) and any(_in_column(kind, test) for test in tests):
        options, rest = None, list(tests)  # an index in the order of the column finds fewer
    elif options is not None and finds_few(kind, options):
        rare = rarest(kind, options)
        checked = (
            [] if rare == options else [f"(({' OR '.join(map(reach.has, options))}) IS TRUE)"]
        )  # which is no index's condition
        options = rare
    needed = ["s.company_id = $1", f"s.kind = '{kind}'"]
    if options is not None:
        needed = [f"({' OR '.join(map(reach.has, options)) or 'false'})", *checked]
    found = " AND ".join([*needed, *tests_of(reach, rest), old])
    link = next((test for test in tests if isinstance(test, Related)), None)
    if link is None or (options is not None and finds_few(kind, options)):
        return [f"(SELECT {picked} FROM searchable s WHERE {found})"]
    name = statement.related(link)
    place, few = statement.bind(reach.place), f"(SELECT count(*) FROM {name}) <= {FEW_RELATED}"
    names = f"s.document @> jsonb_build_object({place}::text, jsonb_build_object('{link.link[-1]}', n.id::text))"
    others = " AND ".join([*tests_of(reach, [test for test in tests if test is not link]), old])
    return [
        (
            f"(SELECT {picked} FROM (SELECT id FROM {name} WHERE {few}) AS n"
            f" CROSS JOIN LATERAL (SELECT * FROM searchable s WHERE {names} OFFSET 0) AS s WHERE {others})"
        ),
        f"(SELECT {picked} FROM searchable s WHERE NOT {few} AND {found})",
    ]


def _in_column(kind: str, test: Test) -> bool:
    """Whether an index of a column finds what lies in a range."""
    if not isinstance(test, Condition) or test.test != "range" or test.or_missing or len(test.paths) != 1:
        return False
    path = test.paths[0]
    return path == ("data", AMOUNTS.get(kind)) if test.numeric else column_of(kind, path) is not None


# Conditions ------------------------------------------------------------------------------------------


def paths_of(test: Test) -> list[Path]:
    """Where a condition looks."""
    if isinstance(test, Related):
        return [test.link]
    if isinstance(test, AnyOf):
        return [path for option in test.options for one in option for path in one.paths]
    return list(test.paths)


def tests_of(reach: Reach, tests: Sequence[Test]) -> list[str]:
    """The conditions as SQL."""
    return [_test(reach, test) for test in tests]


def _test(reach: Reach, test: Test) -> str:
    if isinstance(test, Related):
        name = reach.statement.related(test)
        # IS TRUE: a hashed look-up for each row, in the order of the rows, and no join
        return f"(({reach.text(test.link)} IN (SELECT id::text FROM {name})) IS TRUE)"
    if isinstance(test, AnyOf):
        options = [" AND ".join(_test(reach, one) for one in option) for option in test.options]
        return f"({' OR '.join(options)})" if options else "false"
    return f"({' OR '.join(_test_of(reach, test, path) for path in test.paths)})"


def _test_of(reach: Reach, condition: Condition, path: Path) -> str:
    bind = reach.statement.bind
    text = reach.text(path)
    cast = "::numeric" if condition.numeric else ""
    value = reach.number(path) if condition.numeric else text
    if condition.test == "missing":
        return f"{text} IS NULL"
    if condition.test in ("holds", "starts"):
        before, folded = ("", f"daftar.fold({text})") if condition.test == "holds" else (" ", f"(' ' || daftar.fold({text}))")
        patterns = [bind(f"%{before}{_literal(one)}%") for one in condition.values]
        made = [f"{folded} LIKE (SELECT daftar.fold({pattern}))" for pattern in patterns]
    elif condition.test == "range":
        sign = "" if condition.exclusive else "="
        bounds = ((">", condition.least), ("<", condition.most))
        both = [f"{value} {way}{sign} {bind(one)}{cast}" for way, one in bounds if one is not None]
        made = [f"({' AND '.join(both) if both else 'true'})"]
    elif condition.test == "is":
        made = [f"{text} = ANY({bind(texts(condition.values))})"]
    elif condition.numeric:
        made = [f"{value} = {bind(str(one))}::numeric" for one in condition.values]
    else:
        made = [f"{reach.json(path)} = {reach.statement.bind_json(one)}" for one in condition.values]
    if condition.or_missing:
        made.append(f"{text} IS NULL")
    return f"({' OR '.join(made)})" if made else "false"


def _literal(value: Any) -> str:
    """A text such that LIKE looks for it as it is."""
    return str(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
