"""What msgspec says about invalid data, in terms of the request's fields."""

from __future__ import annotations

import re

import msgspec

from domain.errors import InvalidField

_AT = re.compile(r"^(?P<what>.*) - at `(?P<where>[^`]*)`$", re.DOTALL)
_NAMED = re.compile(r"(?:unknown field|required field) `(?P<name>[^`]*)`|^`(?P<field>[^`]*)` ")


def invalid_field(error: msgspec.ValidationError, *, root: str = "") -> InvalidField:
    """What msgspec says, as an InvalidField whose path names the field."""
    text = str(error)
    found = _AT.match(text)
    what, where = (found["what"], found["where"].removeprefix("$").removeprefix(".")) if found else (text, "")
    named = _NAMED.search(what)
    name = (named["name"] or named["field"]) if named else None
    path = root
    for part in (where, name):
        if part:
            path = f"{path}.{part}" if path and not part.startswith("[") else f"{path}{part}"
    return InvalidField(f"{what}.", path=path)
