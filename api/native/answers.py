"""Answers of the native API: JSON, ETags, and the pieces of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.response.base import ASGIResponse

from api.endpoint import JSON as JSON_TYPE
from domain.event import JSON
from infra.reading import Page


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    """A value as JSON."""
    return raw(JSON.encode(value), status, headers)


def raw(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    """JSON that is ready."""
    return ASGIResponse(body=body, status_code=status, media_type=JSON_TYPE, headers=dict(headers or {}))


def etag(seq: int) -> str:
    """The ETag of a record at this seq."""
    return f'"{seq}"'


def page_tail(page: Page) -> bytes:
    """The end of a page's JSON: its cursor, and whether there is more right now."""
    return b'],"cursor":%d,"has_more":%s}' % (page.cursor, b"true" if page.has_more else b"false")
