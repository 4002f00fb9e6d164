"""What can be wrong with a request before any dialect reads it, and which dialect answers.

Every failure becomes a LedgerError with a stable code; the dialect whose path was asked for says it in its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from api.endpoint import Refusals
from domain.errors import LedgerError, MalformedRequest, ServiceUnavailable

log = structlog.get_logger()

HttpRequest = Request[Any, Any, Any]


class RouteNotFound(LedgerError):
    """There is nothing at this address."""

    code = "route_not_found"


class MethodNotAllowed(LedgerError):
    """This address does not know this method."""

    code = "method_not_allowed"


class BodyTooLarge(LedgerError):
    """The request's body is larger than this server accepts."""

    code = "body_too_large"


class MediaTypeUnsupported(LedgerError):
    """The body must be application/json."""

    code = "media_type_unsupported"


class HttpsRequired(LedgerError):
    """This server answers over HTTPS only."""

    code = "https_required"


class InternalError(LedgerError):
    """Something went wrong on our side; the request id names it in the log."""

    code = "internal_error"


_BY_STATUS: dict[int, type[LedgerError]] = {
    400: MalformedRequest,
    404: RouteNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: MediaTypeUnsupported,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One folder of this package: where its routes begin, its routes, and how it says that a request was refused."""

    name: str
    prefixes: tuple[str, ...]
    handlers: Sequence[ControllerRouterHandler]
    refuse: Callable[[HttpRequest, LedgerError], Response[Any]]
    refusals: Refusals
    any_case: bool = False
    """Whether its paths are matched without regard to case."""

    def speaks(self, path: str) -> bool:
        """Whether this path is one of the dialect's; compared without case, because some clients do not care for it."""
        return path.casefold().startswith(self.prefixes)


def refusal_handler(dialects: Sequence[Dialect], default: Dialect) -> Callable[[HttpRequest, Exception], Response[Any]]:
    """The one exception handler of the application."""

    def handle(request: HttpRequest, error: Exception) -> Response[Any]:
        dialect = next((d for d in dialects if d.speaks(request.scope["path"])), default)
        refusal = as_refusal(error)
        request.app.state.services.metrics.refusals.labels(dialect.name, refusal.code).inc()
        response = dialect.refuse(request, refusal)
        if isinstance(error, HTTPException) and error.headers:  # Allow, with 405
            response.headers.update(error.headers)
        return response

    return handle


def as_refusal(error: Exception) -> LedgerError:
    """Any exception as a refusal. What nobody foresaw is logged, with the request's id, and says nothing of the inside."""
    if isinstance(error, LedgerError):
        if isinstance(error, ServiceUnavailable):
            log.warning("service unavailable", error=repr(error.__cause__))
        return error
    if isinstance(error, HTTPException) and error.status_code in _BY_STATUS:
        return _BY_STATUS[error.status_code]()
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        log.warning("database failed", error=repr(error))
        return ServiceUnavailable()
    if isinstance(error, RecursionError):
        return MalformedRequest("The body is nested too deeply.")
    log.error("unexpected error", exc_info=error)
    return InternalError()
