"""What sync requests say, read leniently where its clients differ: numbers may be texts, and what is not known is passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from api.matrix.tables import NAMES
from api.reading_requests import decode
from domain.errors import InvalidField

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_object = msgspec.json.Decoder(dict[str, Any])


def body_of(body: bytes) -> dict[str, Any]:
    """The request's JSON object. Raises MalformedRequest, InvalidField."""
    return decode(body or b"{}", _object)


def number(form: Mapping[str, Any], name: str, default: int | None = None, *, least: int = 0, most: int = 2**53) -> int:
    """A whole number, also as a text. Raises InvalidField; a field that is missing without a default is one."""
    value = form.get(name)
    if value is None or value == "":
        if default is None:
            raise required(name)
        return default
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidField(f"The {name.replace('_', ' ')} must be a whole number from {least} to {most}.", path=name)
    return value


def text(form: Mapping[str, Any], name: str, default: str | None = None, *, longest: int = 255) -> str:
    """A text. Raises InvalidField; a field that is missing without a default is one."""
    value = form.get(name)
    if value is None or value == "":
        if default is None:
            raise required(name)
        return default
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidField(f"The {name.replace('_', ' ')} must be a text of at most {longest} characters.", path=name)
    return value


def flag(form: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A truth value, also as 0, 1 or their texts. Raises InvalidField."""
    value = form.get(name)
    if value is None:
        return default
    known = {"1": True, "true": True, "0": False, "false": False}
    found = value if isinstance(value, bool) else known.get(str(value).casefold())
    if found is None:
        raise InvalidField(f"The {name.replace('_', ' ')} must be true or false.", path=name)
    return found


def required(name: str) -> InvalidField:
    """The refusal of a form that lacks this field."""
    return InvalidField(f"The {name.replace('_', ' ')} field is required.", path=name)


def read_all(**readers: Callable[[], Any]) -> dict[str, Any]:
    """What each reader reads, by its name. Raises InvalidField with everything that is wrong, as the clients' forms show it."""
    found: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, read in readers.items():
        try:
            found[name] = read()
        except InvalidField as error:
            wrong.setdefault(error.path or name, []).append(error.message)
    if wrong:
        first, *others = [text for texts in wrong.values() for text in texts]
        more = f" (and {len(others)} more error{'s' if len(others) > 1 else ''})" if others else ""
        raise InvalidField(first + more, path=next(iter(wrong)), errors=wrong)
    return found


def email(form: Mapping[str, Any]) -> str:
    """The form's e-mail. Raises InvalidField."""
    found = text(form, "email", longest=254).strip()
    if not EMAIL.fullmatch(found):
        raise InvalidField("The email field must be a valid email address.", path="email")
    return found


def tables(form: Mapping[str, Any]) -> dict[str, str] | None:
    """The tables asked for: the table's own name → the name as the client has it; None for all. Raises InvalidField."""
    names = form.get("tables")
    if names is None:
        return None
    if not isinstance(names, list):
        raise InvalidField("The tables must be a list of names.", path="tables")
    found: dict[str, str] = {}
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in NAMES:
            raise InvalidField(f"There is no table {name!r}; there are {', '.join(sorted(NAMES))}.", path=f"tables[{index}]")
        found[NAMES[name]] = name
    return found
