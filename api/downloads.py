"""Sending files, for every dialect: ranges, conditional requests, and headers that make a hostile file harmless.

Only pictures of pixels and PDF documents are shown by browsers; all else is saved. Nothing that is sent is ever guessed to be
something else than what it is, or may run as a page of this server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.http_errors import HttpRequest
from api.reading_requests import services_of
from domain.record import Record

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "application/pdf"})
"""Types that a browser may show; none of them can hold a script that runs with this server's rights."""
PDF = "application/pdf"
SANDBOX = "default-src 'none'; sandbox"
"""Not for PDF: browsers' viewers do not start in a sandbox, and have one of their own."""
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)
_TAG = re.compile(r'(?:W/)?("[^"]*")')


async def send_file(request: HttpRequest, attachment: Record, *, public: bool = False) -> ASGIResponse:
    """The bytes of an attachment, or of the range that is asked for; 304 where the client has them, 416 for a range beyond the end.

    Raises FileMissing, ServiceUnavailable.
    """
    data = attachment.data
    size: int = data["size"]
    headers = headers_of(data, public=public)
    tag = headers["ETag"]
    if _matches(request.headers.get("if-none-match"), tag):
        return ASGIResponse(status_code=304, headers=headers)
    span = None
    if request.headers.get("if-range", tag) == tag:
        span = _range_of(request.headers.get("range", ""), size)
    if span == (0, 0):
        return ASGIResponse(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"}, media_type="text/plain")
    start, end = span or (0, size)
    if span:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    status = 206 if span else 200
    if request.method == "HEAD":
        headers["Content-Type"] = data["mime_type"]
        return ASGIResponse(status_code=status, headers=headers, is_head_response=True)
    chunks = await services_of(request).files.open(data["storage_key"], start, end)
    return ASGIStreamingResponse(iterator=chunks, status_code=status, headers=headers, media_type=data["mime_type"])


def headers_of(data: Mapping[str, Any], *, public: bool) -> dict[str, str]:
    """The headers of an attachment's answers, whatever their status."""
    media_type = data["mime_type"]
    shown = "inline" if media_type in SHOWN else "attachment"
    headers = {
        "ETag": f'"{data["sha256"]}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": f"{'public' if public else 'private'}, no-cache",
        "Content-Disposition": f"{shown}; {file_name_parameter(data['file_name'])}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if media_type != PDF:
        headers["Content-Security-Policy"] = SANDBOX
    if public:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return headers


def address_of(request: HttpRequest, path: str) -> str:
    """The absolute address of a path of this server, as clients reach it."""
    public = services_of(request).settings.public_url
    if public:
        return public.rstrip("/") + path
    scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
    return f"{scheme}://{request.headers.get('host', '')}{path}"


def file_name_parameter(name: str) -> str:
    """A file's name as Content-Disposition has it (RFC 6266): in ASCII for old clients, and whole for all others."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _matches(header: str | None, tag: str) -> bool:
    """Whether If-None-Match names this tag."""
    if header is None:
        return False
    return header.strip() == "*" or tag in _TAG.findall(header)


def _range_of(header: str, size: int) -> tuple[int, int] | None:
    """The bytes (from, to before) that a Range header asks for; None for all of them, (0, 0) where there are none such.

    Of a header that is no single range of bytes nothing is taken, as RFC 9110 allows.
    """
    found = _RANGE.fullmatch(header)
    if not found or found[1] == found[2] == "":
        return None
    if found[1] == "":
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2] or size) + 1)
        if found[2] and int(found[2]) < start:
            return None
    return (start, end) if start < end else (0, 0)
