"""What the dialects' refusals have in common: statuses that mean the same everywhere, headers, and how a place is named."""

from __future__ import annotations

from collections.abc import Mapping

from litestar import Response

from api import http_errors as http
from api.endpoint import JSON
from domain import errors
from domain.errors import LedgerError

RETRY_SECONDS = 1

EVERYWHERE: Mapping[type[LedgerError], int] = {
    errors.MalformedRequest: 400,
    errors.NotAuthenticated: 401,
    errors.NotAllowed: 403,
    errors.BatchTooLarge: 413,
    errors.TooManyRequests: 429,
    errors.ProjectionBehind: 503,
    errors.ServiceUnavailable: 503,
    http.RouteNotFound: 404,
    http.MethodNotAllowed: 405,
    http.BodyTooLarge: 413,
    http.MediaTypeUnsupported: 415,
    http.HttpsRequired: 403,
    http.InternalError: 500,
}
"""What is wrong with a request, or with us, and not with the business: it has the same status in every dialect."""
FILES: Mapping[type[LedgerError], int] = {errors.FileTooLarge: 413, errors.FileTypeRefused: 415, errors.FileMissing: 404}
"""The same of files, where a dialect does not answer them as it answers its fields."""


def refusal(
    error: LedgerError, status: int, body: bytes, media_type: str = JSON, *, retries: bool | None = None
) -> Response[bytes]:
    """The answer of a request that is refused, with the headers that its status asks for.

    `retries`: whether it says when to try again; by default where there are too many requests, or we are not there.
    """
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503) if retries is None else retries:
        headers["Retry-After"] = str(error.details.get("retry_after", RETRY_SECONDS))
    return Response(content=body, status_code=status, media_type=media_type, headers=headers)


def field_of(path: str) -> str:
    """A place in a request without what only our own words add: `commands[0].data.name` is `name`."""
    for prefix in ("commands[0].", "data."):
        path = path.removeprefix(prefix)
    return path
