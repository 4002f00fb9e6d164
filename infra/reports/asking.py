"""Asking a report: the question, the statement that answers it, and the point of the log that the answer stands for.

The head, the projection's position and the answer come from one statement, hence from one snapshot, and a projection commits its
rows with its position: an answer is exactly the books as of the seq it names, and whoever reads it knows whether that is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import psycopg

from domain.errors import CompanyNotFound
from infra.database import Database
from infra.followers.waiting import outdated
from infra.reading.reader import LARGEST
from infra.store.pipeline import run
from projections.registry import PROJECTIONS

By = Literal["posted_on", "dated"]
"""Which day of a line counts: the books', or the fact's own."""
_NAMED = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of which company's books: days from `begin` to `end`, both inclusive, as of the event `at_seq`."""

    company_id: UUID
    begin: date | None = None
    end: date | None = None
    by: By = "posted_on"
    at_seq: int | None = None

    @property
    def between(self) -> bool:
        """Whether there are any dates in it."""
        return self.begin is not None or self.end is not None

    def parameters(self) -> dict[str, Any]:
        """The values that fragments name."""
        return {"company": self.company_id, "begin": self.begin, "end": self.end, "at_seq": self.at_seq, "every": LARGEST}


@dataclass(frozen=True, slots=True)
class Report:
    """A statement that answers: `with_` is its common table expressions, and each part a query of one JSON text.

    `follower`: the projection whose tables it reads.
    """

    follower: str
    with_: str
    parts: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of each part, and where the log ended and the projection stood when it was read."""

    head: int
    reached: int
    parked: int | None
    parts: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class _Statement:
    query: bytes
    names: tuple[str, ...]


@lru_cache(maxsize=512)
def _statement(text: str) -> _Statement:
    """The text with a positional parameter for each named one: statements are few, because values are never in them."""
    return _Statement(_NAMED.sub("%b", text).encode(), tuple(_NAMED.findall(text)))


def ask(database: Database, question: Question, report: Report) -> Answer:
    """What the report says right now, whether or not its projection has reached what is asked for.

    Raises CompanyNotFound, and ProjectionBehind where another version of the software built the tables.
    """
    parts = "".join(f", ({query})" for query in report.parts.values())
    with_ = f"WITH {report.with_}" if report.with_ else ""
    text = (
        f"{with_} SELECT (SELECT seq FROM heads WHERE company_id = %(company)), p.seq, p.parked_seq, b.version{parts}"
        f" FROM (SELECT 1) AS one LEFT JOIN positions p ON p.company_id = %(company) AND p.follower = '{report.follower}'"
        f" LEFT JOIN projections b ON b.name = '{report.follower}'"
    )
    statement = _statement(text)
    values = {**question.parameters(), **report.parameters}
    version = PROJECTIONS[report.follower].version
    try:
        with database.company(question.company_id) as connection:
            result = run(connection, statement.query, [_value(values[name]) for name in statement.names])
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
        raise outdated(report.follower, None, version) from error
    head, reached, parked, built, *found = (result.get_value(0, column) for column in range(len(report.parts) + 4))
    if head is None:
        raise CompanyNotFound
    if int.from_bytes(built or b"", "big") != version:
        raise outdated(report.follower, int.from_bytes(built or b"", "big"), version)
    return Answer(
        int.from_bytes(head, "big"),
        int.from_bytes(reached or b"", "big"),
        int.from_bytes(parked, "big") if parked is not None else None,
        {name: value or b"null" for name, value in zip(report.parts, found, strict=True)},
    )


def _value(value: Any) -> Any:
    """Days are sent as texts, which the statements cast."""
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value
