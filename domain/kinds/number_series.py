"""Number series: the codes that a company gives to its papers, one after the other without a gap, as `ORD-POS-000042`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from domain.decision import Decision
from domain.kind import HolderOf, Kind, Unique
from domain.policy import Policy
from domain.values import Fields, Line, Name, always

Digits = Annotated[int, Meta(ge=1, le=15)]
Last = Annotated[int, Meta(ge=0, le=2**53)]


class NumberSeries(Fields, frozen=True, kw_only=True):
    """`prefix` names the series, `digits` are at least written of each number, `last` is the one that was given last."""

    prefix: Name
    digits: Digits = always(6)
    last: Last = always(0)
    description: Line | None = None


NUMBER_SERIES = Kind(
    name="number_series",
    fields=NumberSeries,
    policy=Policy.SERVER_WINS,
    unique=(Unique("prefix", ("prefix",)),),
    fixed=frozenset({"prefix"}),
    verbs=("started", "changed", "ended"),
)


def holders_of_series(prefix: object) -> Iterable[HolderOf]:
    """What has to be loaded before the next number of a series is known."""
    if isinstance(prefix, str):
        yield HolderOf(NUMBER_SERIES.name, "prefix", prefix)


def wants_of_number(decision: Decision, prefix: str, kind: str, unique: str) -> Iterable[HolderOf]:
    """What has to be loaded before it is known which numbers of a series others of the kind were given by hand."""
    _, digits, last = _series(decision, prefix)
    taken = _taken_after(decision, prefix, digits, last, kind, unique)
    for number in range(last + 1, last + 2 + 9 * taken):
        yield HolderOf(kind, unique, _code(prefix, digits, number))


def take_number(decision: Decision, prefix: str, kind: str, unique: str) -> str:
    """Take the next code of the series, passing over those that the kind's records have already. The first one starts it."""
    series, digits, last = _series(decision, prefix)
    number = last + 1 + _taken_after(decision, prefix, digits, last, kind, unique)
    record = decision.books.record(series) if series is not None else None
    if record is None or record.deleted:
        decision.create(NUMBER_SERIES, decision.new_id(), NumberSeries(prefix=prefix, last=number))
    else:
        decision.change(NUMBER_SERIES, record, {"last": number})
    return _code(prefix, digits, number)


def _series(decision: Decision, prefix: str) -> tuple[UUID | None, int, int]:
    series = decision.books.unique.get((NUMBER_SERIES.name, "prefix", prefix))
    record = decision.books.record(series) if series is not None else None
    if record is None:
        return None, 6, 0
    return series, record.data["digits"], record.data["last"]


def _taken_after(decision: Decision, prefix: str, digits: int, last: int, kind: str, unique: str) -> int:
    taken = 0
    while decision.books.unique.get((kind, unique, _code(prefix, digits, last + 1 + taken))) is not None:
        taken += 1
    return taken


def _code(prefix: str, digits: int, number: int) -> str:
    return f"{prefix}{number:0{digits}d}"
