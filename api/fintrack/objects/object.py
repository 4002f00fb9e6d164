"""An object of FinTrack: a view of one kind of record. All its wire names are in one table of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from api.documents import Document
from api.fintrack import values
from api.fintrack.errors import InvalidId
from api.fintrack.roles import READ, WRITE, Gate
from domain.errors import InvalidField
from domain.record import Record
from infra.lists.listing import AnyOf, Condition, Path

Row = dict[str, Any]
Type = Literal["ID", "String", "Text", "Double", "Integer", "Date", "Enum", "Boolean", "Object"]
Api = Literal["get", "list", "fetch"]
"""How records are read: one of them, the list, or the list that `_fetchList…` answers."""

IDENTITY = ("id",)
SYSTEM = frozenset({"businessId", "isActive", "recordVersion", "createdAt", "updatedAt", "_owner"})
"""What every object has; nobody writes it."""


NOTHING = (None, None)
"""The word of an Enum that is not there, and its place."""
_OF_RECORDS = {
    "businessId": "seen.company_id",
    "isActive": "not document.deleted",
    "recordVersion": "document.version",
    "createdAt": "moment_text(document.created_at)",
    "updatedAt": "moment_text(document.updated_at)",
    "_owner": "document.created_by",
}
"""What every object has of its record, beside the fields of its kind."""


@dataclass(frozen=True)
class Field:
    """One field. `ours` is where a record of ours has it; empty where the object's `show` says it.

    `required`: a new object needs it, and it cannot be cleared. `settable`: clients write it `always`, only on `create`, or
    `never`. `options` of an Enum: their word and ours. `absent` is answered where we have no value.
    """

    wire: str
    type: Type
    ours: str = ""
    required: bool = False
    settable: Literal["always", "create", "never"] = "always"
    filterable: bool = False
    options: tuple[tuple[str, str], ...] = ()
    absent: Any = None

    @property
    def path(self) -> Path:
        """Where a document has it."""
        return ("data", self.ours)

    def read(self, value: Any, zone: ZoneInfo, name: str = "") -> Any:
        """A value from the wire as our own. Raises InvalidField, InvalidId."""
        name = name or self.wire
        if self.type == "ID":
            return str(values.read_id(value, name))
        if self.type == "Double":
            return values.read_number(value, name)
        if self.type == "Date":
            return values.read_day(value, name, zone).isoformat()
        if self.type == "Enum":
            return self.option(value, name)
        if self.type == "Boolean":
            return values.read_flag(value, name)
        return values.read_text(value, name, values.LONGEST_TEXT if self.type == "Text" else values.LONGEST_STRING)

    def option(self, value: Any, name: str) -> str:
        """Our word for an Enum's. Raises InvalidField, which names the options."""
        for wire, ours in self.options:
            if isinstance(value, str) and value.strip().casefold() == wire.casefold():
                return ours
        raise InvalidField(f"`{name}` must be one of {', '.join(wire for wire, _ in self.options)}.", path=name)

    def show(self, row: Row, stored: Any) -> None:
        """Put a stored word of an Enum into a row."""
        row[self.wire], row[self.index_name] = self.shown.get(stored, NOTHING)

    @cached_property
    def index_name(self) -> str:
        """The name of an Enum's companion, the place of its value among the options."""
        return f"{self.wire}_idx"

    @cached_property
    def shown(self) -> Mapping[Any, tuple[str | None, int | None]]:
        """Stored words of an Enum: theirs, and its place among the options."""
        return {ours: (wire, place) for place, (wire, ours) in enumerate(self.options)}


@dataclass(frozen=True)
class Join:
    """An object that is answered inside of another: the one that the field `link` names, or where it is empty its `children`."""

    name: str
    of: str
    fields: tuple[str, ...]
    link: str = ""
    local: bool = False
    """Whether it is the same service's; others are left out on request."""


@dataclass(frozen=True)
class Seen:
    """What showing a record may need: whose it is, which day it is there, and the records beside it."""

    company_id: str
    today: date
    currency: str
    beside: Mapping[str, Document] = field(default_factory=dict)
    children: Mapping[str, Sequence[Document]] = field(default_factory=dict)
    balances: Mapping[str, tuple[Decimal, str]] = field(default_factory=dict)


def every(_: Record | Document) -> bool:
    """Every record of the kind is such an object."""
    return True


def _nothing_more(_: Document, __: Row, ___: Seen) -> None:
    return


def _as_it_is(_: Row, data: Row, __: Record | None, ___: ZoneInfo) -> Row:
    return data


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """How rows of certain names are made: from a document's stored values, the document, and what is seen; what else is needed.

    `is_exact`: nothing is written beside those names.
    """

    names: tuple[str, ...]
    make: Callable[[Callable[..., Any], Document, Seen], Row]
    finishes: bool
    is_exact: bool


Filter = Callable[[Sequence[str], date], "Condition | AnyOf"]


@dataclass(frozen=True)
class Object:
    """One object: its names, its service, its fields, and what is special about it.

    `where` and `shows`: which records of the kind are such objects, as the database and as code tell it. `complete(form, data,
    record, zone)` adds to our data what no single field says; `finish(document, row, seen)` does so to a row. `filters` are those
    of fields that no single place holds. `defaults` are data of every new record.
    """

    name: str
    plural: str
    service: str
    kind: str
    fields: tuple[Field, ...]
    order: str
    """The field by which lists are sorted, with a minus for the last first."""
    where: tuple[Condition | AnyOf, ...] = ()
    shows: Callable[[Record | Document], bool] = every
    complete: Callable[[Row, Row, Record | None, ZoneInfo], Row] = _as_it_is
    finish: Callable[[Document, Row, Seen], None] = _nothing_more
    filters: Mapping[str, Filter] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    selected: Mapping[Api, tuple[str, ...]] = field(default_factory=dict)
    """The fields that an API answers, where that is not all."""
    joins: Mapping[Api, tuple[Join, ...]] = field(default_factory=dict)
    derived: frozenset[str] = frozenset()
    """The names that `finish` writes, where an API answers only some fields."""
    has_fetch_list: bool = True
    has_balances: bool = False
    create_gate: Gate = WRITE
    write_gate: Gate = WRITE
    read_gate: Gate = READ
    nouns: Mapping[str, str] = field(default_factory=dict)
    """What our kinds are called in this object's refusals."""
    wires: Mapping[str, str] = field(default_factory=dict)
    """Fields of ours that several fields of theirs are about, and how refusals call them."""
    removing_role: str = ""
    """Where a record may be two objects at once: the role in `roles` that is taken away then, instead of the record."""

    _plans: dict[tuple[str, ...] | None, _Plan] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def id_name(self) -> str:
        """How the path, and a new object's own id, is called."""
        return f"{self.name}Id"

    @property
    def path(self) -> str:
        """The address of the collection."""
        return f"/{self.service}/v1/{self.plural.lower()}"

    @property
    def fetch_path(self) -> str:
        """The address of `_fetchList…`."""
        return f"/{self.service}/v1/_fetchlist{self.name.lower()}"

    @cached_property
    def by_wire(self) -> Mapping[str, Field]:
        """The fields by their names."""
        return {one.wire: one for one in self.fields}

    def wire_of(self, ours: str) -> str:
        """A field of ours as clients call it."""
        return self.wires.get(ours) or next((one.wire for one in self.fields if one.ours == ours), ours)

    # From the wire ---------------------------------------------------------------------------------

    def new_data(self, form: Row, zone: ZoneInfo) -> Row:
        """Our fields of a new object. Raises InvalidField, naming everything that is missing."""
        missing = [one.wire for one in self.fields if one.required and is_blank(form.get(one.wire))]
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            raise InvalidField(f"{names} {'is' if len(missing) == 1 else 'are'} required.", path=missing[0])
        data = {one.ours: one.read(form[one.wire], zone) for one in self._sent(form, "create") if form[one.wire] is not None}
        return self.complete(form, {**self.defaults, **data}, None, zone)

    def changes(self, form: Row, record: Record, zone: ZoneInfo) -> Row:
        """Our fields that are sent; what clients do not write is passed over. Raises InvalidField."""
        data: Row = {}
        for one in self._sent(form, "always"):
            value = form[one.wire]
            if one.required and is_blank(value):
                raise InvalidField(f"`{one.wire}` is required and cannot be cleared.", path=one.wire)
            data[one.ours] = None if value is None else one.read(value, zone)
        return self.complete(form, data, record, zone)

    def own_id(self, form: Row) -> UUID | None:
        """The id that a new object brings, if it does. The all-zero one says that there is none. Raises InvalidId."""
        given = form.get(self.id_name)
        own = None if given is None else values.read_id(given, self.id_name)
        if own is not None and not own.int:
            raise InvalidId(f"`{self.id_name}` is the all-zero UUID, which no {self.name} has.", path=self.id_name)
        return own

    def _sent(self, form: Row, when: str) -> list[Field]:
        return [one for one in self.fields if one.ours and one.wire in form and one.settable in ("always", when)]

    # To the wire -----------------------------------------------------------------------------------

    def row(self, document: Document, seen: Seen, names: tuple[str, ...] | None = None, *, active: bool | None = None) -> Row:
        """The object of a record: all its fields, or those of these `names`."""
        plan = self._plan(names)
        row = plan.make(document.data.get, document, seen)
        if active is not None and "isActive" in row:
            row["isActive"] = active
        if plan.finishes:
            self.finish(document, row, seen)
        return row if plan.is_exact else {name: row[name] for name in plan.names}

    def _plan(self, names: tuple[str, ...] | None) -> _Plan:
        """How a row of these names is written: lists write many, so that what can be known before is."""
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self._planned(names)
        return plan

    def _planned(self, names: tuple[str, ...] | None) -> _Plan:
        derived = sorted(self.derived - self.by_wire.keys())
        wanted = (*IDENTITY, *(one.wire for one in self.fields), *derived, *_OF_RECORDS) if names is None else names
        finishes = names is None or not self.derived.isdisjoint(wanted)
        finished = self.derived if finishes else frozenset()
        order: list[str] = []
        for name in wanted:
            field_ = self.by_wire.get(name)
            order += [name] if field_ is None or field_.type != "Enum" else [name, field_.index_name]
        stored = [one for one in self.fields if one.ours and one.wire in wanted and one.wire not in finished]
        make = _maker(order, stored)
        return _Plan(names=tuple(order), make=make, finishes=finishes, is_exact=names is None or not finishes)


def _maker(names: Sequence[str], stored: Sequence[Field]) -> Callable[[Callable[..., Any], Document, Seen], Row]:
    """What makes rows: one expression, put together as `dataclasses` does it, because a list makes many rows.

    `stored`: the fields among the names that are values of the document; what is not known here is None.
    """
    known: dict[str, Any] = {"number_of": values.number_of, "day_text": values.day_text, "moment_text": values.moment_text}
    known["NOTHING"] = NOTHING
    parts = {name: _OF_RECORDS.get(name, "None") for name in names} | {name: "document.id" for name in IDENTITY if name in names}
    for place, one in enumerate(stored):
        value = f"stored({one.ours!r})"
        if one.type == "Enum":
            known[f"shown_{place}"] = one.shown.get
            parts[one.wire] = f"(word := shown_{place}({value}, NOTHING))[0]"
            parts[one.index_name] = "word[1]"
        elif one.type == "Double":
            parts[one.wire] = f"number_of(stored({one.ours!r}, {one.absent!r}))"
        else:
            parts[one.wire] = f"day_text({value})" if one.type == "Date" else value
    text = ", ".join(f"{name!r}: {parts[name]}" for name in names)
    made: Callable[[Callable[..., Any], Document, Seen], Row] = eval(  # noqa: S307 - of our own tables of fields
        f"lambda stored, document, seen: {{{text}}}", known
    )
    return made


def is_blank(value: Any) -> bool:
    """Whether a required field is as good as not there."""
    return value is None or (isinstance(value, str) and not value.strip())


def id_of(value: str | None) -> UUID | None:
    """A stored id."""
    return UUID(value) if value else None
