"""What msgspec says about invalid data, in terms of the request's fields."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from domain.errors import InvalidField

_AT = re.compile(r"^(?P<what>.*) - at `(?P<where>[^`]*)`$", re.DOTALL)
_PATTERN = re.compile(r"matching regex (?P<quoted>'.*'|\".*\")$")
_IN_WORDS = {
    r"\S": "This must not be blank",
    r"^[^@\s]+@[^@\s]+$(?!\n)": "This is not an e-mail address",
    r"^[A-Z]{3}$(?!\n)": "A currency is three capital letters (ISO 4217), like USD",
    r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)": "A codename has lower-case letters, digits and inner hyphens, at most 63",
    r"^[0-9a-f]{64}$(?!\n)": "A SHA-256 is 64 lower-case hexadecimal digits",
}
"""What the patterns of `domain.values` and of the kinds ask for; nobody should have to read a regular expression."""
_PARTS = re.compile(r"(?P<name>[^.\[\]]+)|\[(?P<index>[^\]]*)\]")
_ONE_OF_SOME = "Invalid enum value"
_NAMED = re.compile(r"(?:unknown field|required field) `(?P<name>[^`]*)`|^`(?P<field>[^`]*)` ")


def invalid_field(
    error: msgspec.ValidationError, *, root: str = "", expected: type | None = None, given: Any = None
) -> InvalidField:
    """What msgspec says, as an InvalidField whose path names the field.

    `expected` is the type that `given` (a JSON value, or JSON as bytes) was to be read as: with it the message can say which
    values there are, where a field takes only some.
    """
    text = str(error)
    found = _AT.match(text)
    what, where = (found["what"], found["where"].removeprefix("$").removeprefix(".")) if found else (text, "")
    if what.startswith(_ONE_OF_SOME) and expected is not None and (allowed := _allowed(expected, given, where)):
        what = f"{what}; use one of {', '.join(map(repr, allowed))}"
    named = _NAMED.search(what)
    name = (named["name"] or named["field"]) if named else None
    path = root
    for part in (where, name):
        if part:
            path = f"{path}.{part}" if path and not part.startswith("[") else f"{path}{part}"
    return InvalidField(f"{_in_words(what)}.", path=path)


_DATES = {
    "Invalid RFC3339 encoded date": "There is no such date; dates are written like 2026-03-21",
    "Invalid RFC3339 encoded datetime": "There is no such time; times are written like 2026-03-21T08:30:00Z",
}


def _in_words(what: str) -> str:
    if what in _DATES:
        return _DATES[what]
    found = _PATTERN.search(what)
    return _IN_WORDS.get(ast.literal_eval(found["quoted"]), what) if found else what


# Which values a field takes ----------------------------------------------------------------------

_shape = cache(inspect.type_info)
"""A batch of commands is a large type: it is looked into once."""


def _allowed(expected: type, given: Any, where: str) -> tuple[Any, ...]:
    """The values that the field at `where` takes; empty where that cannot be told."""
    shape = _shape(expected)
    value = msgspec.json.decode(given) if isinstance(given, bytes) else given
    for part in _PARTS.finditer(where):
        shape = _chosen(shape, value)
        if isinstance(shape, inspect.StructType):
            shape = next((field.type for field in shape.fields if field.encode_name == part["name"]), inspect.AnyType())
            value = value.get(part["name"]) if isinstance(value, dict) else None
        elif isinstance(shape, inspect.ListType) and (part["index"] or "").isdecimal():
            shape, place = shape.item_type, int(part["index"])
            value = value[place] if isinstance(value, list) and place < len(value) else None
        else:
            return ()
    shape = _chosen(shape, value)
    return shape.values if isinstance(shape, inspect.LiteralType) else ()


def _chosen(shape: inspect.Type, value: Any) -> inspect.Type:
    """The one of a union's types that `value` is read as, without its bounds."""
    while isinstance(shape, inspect.Metadata):
        shape = shape.type
    if not isinstance(shape, inspect.UnionType):
        return shape
    options = [_chosen(option, value) for option in shape.types]
    if isinstance(value, dict):
        tagged = (o for o in options if isinstance(o, inspect.StructType) and (not o.tag_field or value.get(o.tag_field) == o.tag))
        return next(tagged, options[0])
    wanted = (inspect.LiteralType, inspect.ListType)
    return next((option for option in options if isinstance(option, wanted)), options[0])


# How amounts are written -------------------------------------------------------------------------

_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_UNUSUAL = re.compile(rb'"[-+.0-9eE]*(?:[_\s\x80-\xff]|\\[fnrtu])[-+.0-9a-fA-F_\s\x80-\xff\\nrtu]*"')
"""In JSON, a text that Python might read as a number although no other program would; or one that is no number at all."""


def may_hold_unusual_amounts(body: bytes) -> bool:
    """Whether it is worth asking `require_plain_amounts` about this JSON."""
    return _UNUSUAL.search(body) is not None


def require_plain_amounts(read: Any, given: Any, path: str = "") -> None:
    """Raise InvalidField where `given`, which was `read` as Structs, writes an amount as only Python does: `1_000`, ` 5 `, `٣`."""
    if isinstance(given, str):
        if isinstance(read, Decimal) and not _PLAIN.fullmatch(given):
            raise InvalidField(f"{given!r} is not written as an amount; write it like '1000.50'.", path=path)
    elif isinstance(given, list) and isinstance(read, list):
        for index, (item, text) in enumerate(zip(read, given, strict=True)):
            require_plain_amounts(item, text, f"{path}[{index}]")
    elif isinstance(given, dict) and isinstance(read, msgspec.Struct):
        for name in _with_amounts(type(read)):
            if name in given:
                require_plain_amounts(getattr(read, name), given[name], f"{path}.{name}" if path else name)


@cache
def _with_amounts(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of `struct` that hold amounts, or Structs that do."""
    return tuple(field.name for field in msgspec.structs.fields(struct) if _holds_amounts(field.type))


def _holds_amounts(annotation: Any) -> bool:
    if annotation is Decimal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return bool(_with_amounts(annotation))
    return any(map(_holds_amounts, getattr(annotation, "__args__", ())))
