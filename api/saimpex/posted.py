"""What was posted: JSON, or a form with files; the same fields either way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from api.http_errors import HttpRequest
from api.reading_requests import check_depth, decode, media_type_of, read_body, read_file, services_of
from api.saimpex.values import Row
from api.uploads import MULTIPART, ReceivedFile, receive_form
from domain.errors import InvalidField, MalformedRequest
from infra.fingerprints import request_fingerprint

URL_ENCODED = "application/x-www-form-urlencoded"
MOST_FIELDS = 10_000
MOST_FILES = 10
_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_KEYS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Posted:
    """The fields of a request, its files, and its fingerprint: equal for bodies that mean the same."""

    row: Row
    fingerprint: bytes
    files: Sequence[ReceivedFile] = ()


@asynccontextmanager
async def receive(request: HttpRequest, *, files: bool = False) -> AsyncIterator[Posted]:
    """The request's body, for as long as the block lasts. Only where `files` are taken may it be a multipart form.

    Raises MalformedRequest, MediaTypeUnsupported, InvalidField, BodyTooLarge.
    """
    label = f"{request.method} {request.scope['path']}"
    media_type = media_type_of(request)
    if files and media_type == MULTIPART:
        async with receive_form(request, most_files=MOST_FILES) as form:
            yield Posted(nested(form.fields), form.fingerprint(label), form.files)
    elif media_type == URL_ENCODED:
        row = nested(_pairs(await read_file(request)))
        yield Posted(row, request_fingerprint(label, msgspec.json.encode(row), services_of(request).settings.secret_key))
    else:
        body = await read_body(request)
        row = decode(body or b"{}", _object)
        check_depth(row, "")
        yield Posted(row, request_fingerprint(label, body, services_of(request).settings.secret_key))


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise MalformedRequest("The body is not a form in UTF-8.") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise InvalidField("A field must not hold the NUL character.", path=name.replace("\x00", "?"))
    return pairs


def nested(pairs: Sequence[tuple[str, str]]) -> Row:
    """Fields of a form as JSON would have them: `items[0][price]` is in the first of `items`, `tags[]` is the next of `tags`."""
    row: Row = {}
    for name, value in pairs:
        key, bracket, _ = name.partition("[")
        parts = [key, *_KEYS.findall(name[len(key) :])] if bracket else [key]
        if len(parts) > 8:
            raise InvalidField("A field is nested too deeply.", path=key)
        _put(row, parts, value)
    return {name: _lists(value) for name, value in row.items()}


def _put(row: Row, parts: Sequence[str], value: str) -> None:
    for part in parts[:-1]:
        inner = row.setdefault(part or str(len(row)), {})
        if not isinstance(inner, dict):
            return
        row = inner
    row[parts[-1] or str(len(row))] = value


def _lists(value: Any) -> Any:
    """Objects whose keys are 0, 1, 2 and so on are lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(one) for key, one in value.items()}
    return list(inner.values()) if list(inner) == [str(index) for index in range(len(inner))] else inner
