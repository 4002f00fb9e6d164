"""What msgspec says about invalid data, in terms of the request's fields."""

from __future__ import annotations

import ast
import re

import msgspec

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
    return InvalidField(f"{_in_words(what)}.", path=path)


def _in_words(what: str) -> str:
    found = _PATTERN.search(what)
    return _IN_WORDS.get(ast.literal_eval(found["quoted"]), what) if found else what
