"""Answers of every dialect: JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse

from api.endpoint import JSON as JSON_TYPE
from domain.event import JSON

NO_STORE = {"Cache-Control": "no-store"}
"""For answers that hold tokens, and for those that are of this moment only."""


def answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None, cookies: Iterable[Cookie] | None = None
) -> ASGIResponse:
    """A value as JSON."""
    return raw(JSON.encode(value), status, headers, cookies)


def raw(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, cookies: Iterable[Cookie] | None = None
) -> ASGIResponse:
    """JSON that is ready."""
    return ASGIResponse(body=body, status_code=status, media_type=JSON_TYPE, headers=dict(headers or {}), cookies=cookies)
