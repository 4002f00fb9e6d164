"""What requests say: JSON objects whose names are matched without regard to case, at every level."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from api.http_errors import HttpRequest
from api.mahak.values import INT64, read_int, read_long
from api.reading_requests import decode, read_body
from domain.errors import InvalidField

MEDIA_TYPES = ("text/json",)
_object: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_UTC = ZoneInfo("UTC")


async def form_of(request: HttpRequest, *, is_batch: bool = False) -> dict[str, Any]:
    """The request's JSON object, by its names in lower case. Raises MalformedRequest, MediaTypeUnsupported, InvalidField.

    `is_batch`: it has rows, which stand or fall for themselves: a NUL is refused where the text that has it is read.
    """
    return form_in(await body_of(request), is_batch=is_batch)


async def body_of(request: HttpRequest) -> bytes:
    """The request's body, unpacked. Raises MediaTypeUnsupported, MalformedRequest, BodyTooLarge."""
    return await read_body(request, compressed=True, also=MEDIA_TYPES)


def form_in(body: bytes, *, is_batch: bool = False) -> dict[str, Any]:
    """The JSON object in a body, by its names in lower case. Raises MalformedRequest, InvalidField."""
    form: dict[str, Any] = decode(body or b"{}", _object, may_hold_nul=is_batch)
    return folded(form)


def folded(form: Mapping[str, Any]) -> dict[str, Any]:
    """An object by its names in lower case; of names that differ in case only the last one counts."""
    return {name.lower(): value for name, value in form.items()}


def number(form: Mapping[str, Any], name: str, *, most: int | None = None) -> int | None:
    """A whole number that is not below 0, also as a text; None where there is none. Raises InvalidField."""
    value = form.get(name.lower())
    if value is None or value == "":
        return None
    found = value if type(value) is int and value <= INT64 else int(read_long(value, _UTC, name))
    if found < 0 or (most is not None and found > most):
        limits = "0 or more" if most is None else f"from 0 to {most}"
        raise InvalidField(f"`{name}` must be a whole number, {limits}.", path=name)
    return found


def numbers(form: Mapping[str, Any], name: str) -> list[int] | None:
    """A list of whole numbers; None where there is none. Raises InvalidField."""
    values = form.get(name.lower())
    if values is None:
        return None
    if not isinstance(values, list):
        raise InvalidField(f"`{name}` must be a list of whole numbers.", path=name)
    return [int(read_int(value, _UTC, f"{name}[{index}]")) for index, value in enumerate(values)]


def text(form: Mapping[str, Any], *names: str, longest: int = 255) -> str:
    """The text under the first of these names that is there; empty where none is. Numbers are taken as their digits.

    Raises InvalidField.
    """
    for name in names:
        value = form.get(name.lower())
        if value is None:
            continue
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > longest:
            raise InvalidField(f"`{name}` must be a text of at most {longest} characters.", path=name)
        return value
    return ""
