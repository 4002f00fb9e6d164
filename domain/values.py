"""The value types that record fields are made of, each with its bounds, and the base of every field Struct."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

# Patterns end in `$(?!\n)`: Python's `$` alone also matches before a last newline, and JSON Schema has no `\Z`.
Line = Annotated[str, Meta(max_length=255)]
"""A short text on one line."""
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
"""A short text that is neither empty nor blank."""
Text = Annotated[str, Meta(max_length=20_000)]
"""A long text."""
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$(?!\n)")]
CurrencyCode = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
"""ISO 4217, three capital letters."""
ClientId = Annotated[str, Meta(min_length=1, max_length=128)]
"""An id that a client made; unique within its source and kind."""
Day = date
"""A calendar day. Fields that are called `date` need this name for their type."""
LARGEST_NUMBER = 2**53
Number = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]
Count = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A whole number that fits a JavaScript number."""
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]

LARGEST_EXPONENT = 15
MOST_DECIMALS = 9


class OutOfRange(ValueError):
    """A number that a book of accounts cannot hold."""


class Ref(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another record, named by its number or by the id its client gave it (optionally another source's)."""

    number: Number | None = None
    client_id: ClientId | None = None
    source: Line | None = None


Reference = UUID | Ref
"""In a command: a record's UUID, or a Ref. In an event and in a record: always the UUID."""


def always(value: Any) -> Any:
    """A default that is written out: an empty optional field is left out of JSON, a field with a real default never."""

    def make() -> Any:
        return value

    return msgspec.field(default_factory=make)


@cache
def decimal_fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The names of the fields of `struct` that may hold a Decimal."""
    return tuple(f.name for f in msgspec.structs.fields(struct) if _mentions(f.type, Decimal))


def _mentions(annotation: Any, wanted: type) -> bool:
    if annotation is wanted:
        return True
    return any(_mentions(part, wanted) for part in getattr(annotation, "__args__", ()))


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of one kind of record, as a create command, its event and the record hold them."""

    def __post_init__(self) -> None:
        for name in decimal_fields(type(self)):
            value = getattr(self, name)
            if isinstance(value, Decimal):
                written = _written(name, value)
                if written is not value:
                    msgspec.structs.force_setattr(self, name, written)
            elif isinstance(value, list):
                msgspec.structs.force_setattr(self, name, [_written(name, item) for item in value])


def require_reasonable(struct: msgspec.Struct) -> None:
    """Raise OutOfRange where a number in `struct` is one that a book of accounts cannot hold."""
    for name in decimal_fields(type(struct)):
        value = getattr(struct, name)
        for number in value if isinstance(value, list) else (value,):
            if isinstance(number, Decimal) and not is_reasonable(number):
                raise _out_of_range(name)


def _out_of_range(name: str) -> OutOfRange:
    return OutOfRange(f"`{name}` must be a finite number below 10^{LARGEST_EXPONENT} with at most {MOST_DECIMALS} decimals")


def _written(name: str, value: Decimal) -> Decimal:
    if not is_reasonable(value):
        raise _out_of_range(name)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:  # 1e2 is written as 100
        return value.quantize(Decimal(1))
    return value if value or not value.is_signed() else value.copy_abs()  # and -0 as 0


def is_reasonable(value: Decimal) -> bool:
    """Whether `value` is finite and of a size and precision that a book of accounts can hold."""
    if not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return value.adjusted() < LARGEST_EXPONENT and isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def columns_of(struct: type[msgspec.Struct]) -> list[tuple[str, Any, Any]]:
    """The fields of `struct` with their defaults, as `msgspec.defstruct` takes them."""
    columns: list[tuple[str, Any, Any]] = []
    for f in msgspec.structs.fields(struct):
        if f.default is not msgspec.NODEFAULT:
            default = msgspec.field(default=f.default)
        elif f.default_factory is not msgspec.NODEFAULT:
            default = msgspec.field(default_factory=f.default_factory)
        else:
            default = msgspec.field()
        columns.append((f.name, f.type, default))
    return columns


@cache
def changes_of(fields: type[Fields]) -> type[Fields]:
    """The Struct of a partial update of `fields`: every field optional; a field that is absent does not change."""
    columns = [
        (f.name, f.type | msgspec.UnsetType, msgspec.UNSET)  # an explicit null clears an optional field
        for f in msgspec.structs.fields(fields)
    ]
    made: Any = msgspec.defstruct(
        f"{fields.__name__}Changes",
        columns,
        bases=(Fields,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        module=fields.__module__,
    )
    changes: type[Fields] = made
    return changes
