"""Filters and the order of lists: query parameters named like fields, with the operators that each type has.

Values of one parameter are alternatives, different parameters go together. `null` is a field without a value. Amounts and dates
take `$lt-`, `$lte-`, `$gt-`, `$gte-` and `$btw-<from>-<to>` (both included); dates also `$today`, `$week`, `$month`, `$ltoday`,
`$lweek`, `$leq-<date>`, `$lin-<date>`, and the parameters `<field>From` and `<field>To`. Days and weeks are those of the
business's own time zone, and a week begins on Monday.

`businessId` is a filter of every object, too: there are no others' records, so that it finds all or nothing.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from api.fintrack import values
from api.fintrack.objects.object import Field, Object
from domain.errors import InvalidField
from infra.lists.listing import AnyOf, Condition, Path, Source

MOST_VALUES = 100
MISSING = "null"
NOTHING = AnyOf(())
"""What no record fulfils."""

_COMPARISON = re.compile(r"\$(lte|lt|gte|gt)-(.+)", re.DOTALL)
_BETWEEN_NUMBERS = re.compile(r"\$btw-(-?[^-]+(?:[eE]-\d+)?)-(-?[^-]+(?:[eE]-\d+)?)")
_BETWEEN_DATES = re.compile(r"\$btw-(\d{4}-\d{2}-\d{2}[^$]*?|\d{5,})-(\d{4}-\d{2}-\d{2}.*|\d{5,})")
_ON_DAY = re.compile(r"\$(leq|lin)-(.+)", re.DOTALL)
_TIMES: dict[str, tuple[Path, bool]] = {"createdAt": (("created_at",), False), "updatedAt": (("updated_at",), False)}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one request: its query by name, and the business's time zone, day and id."""

    query: dict[str, list[str]]
    zone: ZoneInfo
    today: date
    business_id: str

    def source(self, object_: Object, order: str) -> tuple[Source, bool]:
        """What to list, and whether the last comes first; in this `order` where the query names none. Raises InvalidField."""
        conditions = [*object_.where, *self._of_business()]
        for field in object_.fields:
            if not field.filterable:
                continue
            given = [value for value in self.query.get(field.wire, ()) if value != ""]
            if len(given) > MOST_VALUES:
                raise InvalidField(f"`{field.wire}` takes at most {MOST_VALUES} values.", path=field.wire)
            if given:
                made = object_.filters.get(field.wire)
                conditions.append(made(given, self.today) if made else self._any_of(field, given))
            if field.type == "Date":
                conditions += self._bounds(field)
        path, numeric, descending = order_of(object_, (self.query.get("sort") or [""])[-1] or order)
        return Source(object_.kind, tuple(conditions), order=path, numeric=numeric), descending

    def _of_business(self) -> list[AnyOf]:
        """Nothing, where `businessId` names only other businesses."""
        given = [value for value in self.query.get("businessId", ()) if value != ""]
        ids = [str(values.read_id(value, "businessId")) for value in given if value != MISSING]
        return [NOTHING] if given and self.business_id not in ids else []

    def _any_of(self, field: Field, given: Sequence[str]) -> AnyOf | Condition:
        """A field that has any of these values, or fulfils any of these operators."""
        path = (field.path,)
        plain = [value for value in given if value != MISSING and not self._is_operator(field, value)]
        options: list[tuple[Condition, ...]] = []
        if MISSING in given:
            options.append((Condition(path, test="missing"),))
        if field.type in ("String", "Text") and plain:
            texts = [values.read_text(value, field.wire, values.LONGEST_STRING) for value in plain]
            options.append((Condition(path, tuple(texts), test="holds"),))
        elif field.type == "Date":
            options += [(self._days(field, value),) for value in plain]
        elif plain:
            read = [field.read(value, self.zone) for value in plain]
            numeric = field.type == "Double"
            options.append((Condition(path, tuple(str(one) for one in read) if numeric else tuple(read), numeric=numeric),))
        options += [(self._operator(field, value),) for value in given if self._is_operator(field, value)]
        return options[0][0] if len(options) == 1 and len(options[0]) == 1 else AnyOf(tuple(options))

    def _is_operator(self, field: Field, value: str) -> bool:
        return field.type in ("Double", "Date") and value.startswith("$")

    def _operator(self, field: Field, value: str) -> Condition:
        """What `$…` means. Raises InvalidField."""
        if found := _COMPARISON.fullmatch(value):
            sign, bound = found[1], self._bound(field, found[2])
            numeric, exclusive = field.type == "Double", sign in ("lt", "gt")
            if sign.startswith("lt"):
                return Condition((field.path,), most=bound, test="range", numeric=numeric, exclusive=exclusive)
            return Condition((field.path,), least=bound, test="range", numeric=numeric, exclusive=exclusive)
        between = _BETWEEN_NUMBERS if field.type == "Double" else _BETWEEN_DATES
        if found := between.fullmatch(value):
            least, most = self._bound(field, found[1]), self._bound(field, found[2])
            return Condition((field.path,), least=least, most=most, test="range", numeric=field.type == "Double")
        if field.type == "Date" and (days := self._named_days(field, value)):
            return _between(field, *days)
        raise InvalidField(f"`{field.wire}` has no operator {value[:40]!r}; {_operators(field)}.", path=field.wire)

    def _bound(self, field: Field, text: str) -> str:
        return str(field.read(text, self.zone))

    def _days(self, field: Field, value: str) -> Condition:
        """The days that a plain value names: one, or as many as there are while it is being typed."""
        if days := values.days_beginning(value):
            return _between(field, *days)
        try:
            day = values.read_day(value, field.wire, self.zone)
        except InvalidField as error:
            raise InvalidField(f"{error.message.rstrip('.')}; {_operators(field)}.", path=field.wire) from None
        return _between(field, day, day)

    def _named_days(self, field: Field, value: str) -> tuple[date, date] | None:
        today = self.today
        if value in ("$today", "$ltoday"):
            return today, today
        if value in ("$week", "$lweek"):
            monday = today - timedelta(days=today.weekday())
            return monday, monday + timedelta(days=6)
        if value == "$month":
            return today.replace(day=1), today.replace(day=monthrange(today.year, today.month)[1])
        if found := _ON_DAY.fullmatch(value):
            day = values.read_day(found[2], field.wire, self.zone)
            return day, day
        return None

    def _bounds(self, field: Field) -> list[Condition]:
        """`<field>From` and `<field>To`, both included."""
        ends: list[str | None] = []
        for name in (f"{field.wire}From", f"{field.wire}To"):
            text = (self.query.get(name) or [""])[-1]
            ends.append(values.read_day(text, name, self.zone).isoformat() if text else None)
        return [Condition((field.path,), least=ends[0], most=ends[1], test="range")] if any(ends) else []


def _between(field: Field, first: date, last: date) -> Condition:
    if first == last:
        return Condition((field.path,), (first.isoformat(),))
    return Condition((field.path,), least=first.isoformat(), most=last.isoformat(), test="range")


def _operators(field: Field) -> str:
    common = "use a value, `null`, `$lt-`, `$lte-`, `$gt-`, `$gte-` or `$btw-<from>-<to>`"
    if field.type == "Date":
        return f"{common}, `$today`, `$week`, `$month`, `$ltoday`, `$lweek`, `$leq-<date>` or `$lin-<date>`"
    return common


def order_of(object_: Object, sort: str) -> tuple[Path | None, bool, bool]:
    """Where the value to sort by is, whether it is an amount, and whether the last comes first. Raises InvalidField."""
    name = sort.removeprefix("-")
    descending = sort.startswith("-")
    if name == "createdAt":  # numbers are given in that order
        return None, False, descending
    if name in _TIMES:
        return *_TIMES[name], descending
    field = object_.by_wire.get(name)
    if field is None or not field.ours or field.type == "ID":
        sortable = [one.wire for one in object_.fields if one.ours and one.type != "ID"]
        raise InvalidField(
            f"A list of {object_.plural} cannot be sorted by {name[:40]!r}; use one of {', '.join([*sortable, *_TIMES])},"
            " with a minus before it for the last first.",
            path="sort",
        )
    return field.path, field.type == "Double", descending
