"""The columns of a kind's table: what every record has, then every field of the kind's Struct."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin
from uuid import UUID

import msgspec

from domain.catalogue import CATALOGUE
from domain.event import JSON
from domain.record import Record

Form = Literal["text", "decimal", "date", "time", "boolean", "integer", "number", "json"]


class Column(NamedTuple):
    """A column: its name, what its values are, and the field of the record's data that it holds; None for the record's own."""

    name: str
    form: Form
    field: str | None = None


OWN: tuple[Column, ...] = (
    Column("id", "text"),
    Column("number", "integer"),
    Column("seq", "integer"),
    Column("version", "integer"),
    Column("deleted", "boolean"),
    Column("created_at", "time"),
    Column("updated_at", "time"),
    Column("created_by", "text"),
    Column("updated_by", "text"),
    Column("client_id", "text"),
    Column("source", "text"),
)
"""What every record has, of whatever kind."""
_NAMES = frozenset(column.name for column in OWN)
_FORMS: Mapping[Any, Form] = {
    str: "text",
    UUID: "text",
    Decimal: "decimal",
    date: "date",
    datetime: "time",
    bool: "boolean",
    int: "integer",
    float: "number",
}


@cache
def columns_of_kind(kind: str) -> tuple[Column, ...]:
    """The columns of the kind's table. A field that is called like something every record has is `data_…`."""
    known = CATALOGUE[kind]
    structs = (known.fields, known.derived) if known.derived else (known.fields,)
    fields = {field.name: form_of(field.type) for struct in structs for field in msgspec.structs.fields(struct)}
    return (*OWN, *(Column(f"data_{name}" if name in _NAMES else name, form, name) for name, form in fields.items()))


def form_of(annotation: Any) -> Form:
    """What the values of a field are; nested ones, and those that may be of several forms, are JSON."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return form_of(get_args(annotation)[0])
    if origin is Literal:
        return "text"
    if origin in (Union, types.UnionType):
        # A reference is an id in every record; only commands may name a record by a Struct
        parts = [part for part in get_args(annotation) if part is not types.NoneType and not _is_struct(part)]
        forms = {form_of(part) for part in parts}
        return forms.pop() if len(forms) == 1 else "json"
    return _FORMS.get(annotation, "json")


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def value_of(record: Record, column: Column) -> Any:
    """The value: None, or text, int, float, bool or datetime as the record has it; dates and decimals as text, JSON as bytes."""
    if column.field is None:
        value = getattr(record, column.name)
        return str(value) if isinstance(value, UUID) else value
    value = record.data.get(column.field)
    return value if value is None or column.form != "json" else JSON.encode(value)
