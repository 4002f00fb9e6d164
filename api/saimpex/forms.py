"""Forms: what a request's body holds, field by field. From one table come the reading, the OpenAPI schema, and where an error is.

A field has a name on the wire, perhaps other names that are taken too, and our name. What is not in the form is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from api.saimpex import values
from api.saimpex.values import Read, Row
from domain.errors import InvalidField

MOST_ROWS = 1_000
_PARTS = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")


@dataclass(frozen=True)
class Field:
    """One field. `also` are other names for it; `items` the form of its rows where it is a list of them.

    `by_client` names the record by the client id of the action that made it, and goes before the field itself.
    """

    name: str
    ours: str
    read: Read
    type: Any = str
    required: bool = False
    also: tuple[str, ...] = ()
    by_client: str = ""
    items: Form | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they count."""
        return (*((self.by_client,) if self.by_client else ()), self.name, *self.also)

    def key_in(self, row: Mapping[str, Any]) -> str:
        """The name that a row has it by; its own where the row has none of them."""
        for name in self.names:
            if row.get(name) not in (None, ""):
                return name
        return next((name for name in self.names if name in row and name != self.by_client), self.name)


class Form:
    """The fields of a body. `name` is that of its schema. `empty`: texts that are empty clear a field, or are as none given."""

    def __init__(self, name: str, *fields: Field) -> None:
        self.name = name
        self.fields = fields
        self.by_ours = {field.ours: field for field in fields}

    def read(self, row: Mapping[str, Any], place: str = "", *, keep_null: bool = False) -> Row:
        """Our values by our names; what is not given is left out (a null is kept where it clears).

        Raises InvalidField with everything that is wrong, in `errors` by the place as the client wrote it.
        """
        found: Row = {}
        wrong: dict[str, list[str]] = {}
        for field in self.fields:
            key = field.key_in(row)
            value, path = row.get(key), place + key
            if value is None or value == "":
                if field.required:
                    wrong[path] = [f"The {values.words(key)} field is required."]
                elif keep_null and key in row:
                    found[field.ours] = None
                continue
            try:
                if field.items is not None:
                    found[field.ours] = _read_rows(field.items, value, path, required=field.required)
                elif key == field.by_client:
                    found[field.ours] = values.reference_by_client(value, path)
                else:
                    found[field.ours] = field.read(value, path)
            except InvalidField as error:
                _collect(wrong, error, path)
        if wrong:
            raise refused(wrong)
        return found

    def place(self, path: str, row: Mapping[str, Any]) -> str:
        """A place in our words (`lines[0].product_id`) as the client wrote it (`items.0.product_id`)."""
        form: Form | None = self
        current: Any = row
        parts: list[str] = []
        for name, index in _PARTS.findall(path):
            if index:
                parts.append(index)
                current = current[int(index)] if isinstance(current, list) and int(index) < len(current) else {}
                continue
            field = form.by_ours.get(name) if form is not None else None
            here = current if isinstance(current, Mapping) else {}
            key = field.key_in(here) if field is not None else name
            parts.append(key)
            current, form = here.get(key), field.items if field is not None else None
        return ".".join(parts)

    @cached_property
    def struct(self) -> type[msgspec.Struct]:
        """The schema."""
        columns: list[tuple[str, Any, Any]] = []
        for field in self.fields:
            kind: Any = field.type if field.items is None else list.__class_getitem__(field.items.struct)
            columns.append((field.name, kind) if field.required else (field.name, kind | None, None))  # type: ignore[arg-type]
            columns += [(name, str | None, None) for name in ((field.by_client,) if field.by_client else ())]
        return msgspec.defstruct(self.name, columns, kw_only=True, omit_defaults=True, module=__name__)

    @cached_property
    def synced(self) -> Form:
        """The form with what a queued action says of itself."""
        return Form(self.name, *self.fields, *SYNC)


def _read_rows(form: Form, value: Any, path: str, *, required: bool) -> list[Row]:
    if not isinstance(value, list) or (required and not value):
        raise InvalidField(f"The {values.words(path)} must be a list of at least one row.", path=path)
    if len(value) > MOST_ROWS:
        raise InvalidField(f"The {values.words(path)} may have at most {MOST_ROWS} rows.", path=path)
    rows: list[Row] = []
    wrong: dict[str, list[str]] = {}
    for index, row in enumerate(value):
        here = f"{path}.{index}"
        try:
            rows.append(form.read(_object(row, here), f"{here}."))
        except InvalidField as error:
            _collect(wrong, error, here)
    if wrong:
        raise refused(wrong)
    return rows


def _object(value: Any, path: str) -> Row:
    if not isinstance(value, dict):
        raise InvalidField("This must be an object.", path=path)
    return value


def _collect(wrong: dict[str, list[str]], error: InvalidField, path: str) -> None:
    found = error.details.get("errors") or {error.path or path: [error.message]}
    for place, texts in found.items():
        wrong.setdefault(place, []).extend(texts)


def refused(wrong: Mapping[str, list[str]]) -> InvalidField:
    """The refusal of a form, with everything that is wrong with it."""
    place, texts = next(iter(wrong.items()))
    return InvalidField(texts[0], path=place, errors=dict(wrong))


def field(
    name: str,
    read: Read,
    ours: str = "",
    *,
    type_: Any = str,
    required: bool = False,
    also: tuple[str, ...] = (),
) -> Field:
    """A field; `ours` is its name with us where that differs."""
    return Field(name, ours or name, read, type_, required, also)


def ref(name: str, ours: str = "", *, required: bool = False, by_client: str = "", also: tuple[str, ...] = ()) -> Field:
    """A field that names a record by its number, or by the client id of the action that made it."""
    return Field(
        name, ours or name, values.reference, int | str, required, also, by_client or name.removesuffix("_id") + "_client_id"
    )


def rows(name: str, items: Form, ours: str = "", *, required: bool = False, also: tuple[str, ...] = ()) -> Field:
    """A field that is a list of rows."""
    return Field(name, ours or name, values.anything, list, required, also, items=items)


LONGEST_DEVICE = 64
SYNC: tuple[Field, ...] = (
    field("client_id", values.client_id),
    field("client_created_at", values.moment),
    field("device_id", values.text(LONGEST_DEVICE)),
)
"""What a queued action says of itself."""
