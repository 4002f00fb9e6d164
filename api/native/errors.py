"""How the native API says no: RFC 9457 problem documents, and the one table from an error's code to an HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api import http_errors as http
from api.endpoint import Refusals
from api.http_errors import HttpRequest
from domain import errors
from domain.errors import LedgerError

PROBLEM = "application/problem+json"

STATUS: Mapping[type[LedgerError], int] = {
    errors.MalformedRequest: 400,
    errors.InvalidField: 422,
    errors.UnknownKind: 404,
    errors.UnknownFormat: 404,
    errors.BatchTooLarge: 413,
    errors.KeyReused: 409,
    errors.NotAuthenticated: 401,
    errors.WrongCredentials: 401,
    errors.NotAllowed: 403,
    errors.AlreadyVerified: 400,
    errors.NothingToVerify: 404,
    errors.NothingToReset: 403,
    errors.CodeExpired: 403,
    errors.CodeLocked: 403,
    errors.CodeWrong: 403,
    errors.CodesTooOften: 403,
    errors.TooManyRequests: 429,
    errors.CompanyNotFound: 404,
    errors.CursorInvalid: 400,
    errors.CursorAhead: 409,
    errors.EventNotFound: 404,
    errors.RecordNotFound: 404,
    errors.RecordDeleted: 410,
    errors.PersonErased: 410,
    errors.RecordExists: 409,
    errors.ReferenceMissing: 422,
    errors.VersionStale: 412,
    errors.ValueTaken: 409,
    errors.SystemAccount: 409,
    errors.AccountClosed: 409,
    errors.EntryPosted: 409,
    errors.StockInsufficient: 409,
    errors.PeriodClosed: 409,
    errors.StillReferenced: 409,
    errors.AlreadyResolved: 409,
    errors.ShiftAlreadyClosed: 409,
    errors.PersonNotSealed: 409,
    errors.FileTooLarge: 413,
    errors.FileTypeRefused: 415,
    errors.FileMissing: 404,
    errors.ProjectionBehind: 503,
    errors.LogBroken: 500,
    errors.MessageNotSent: 503,
    errors.ServiceUnavailable: 503,
    http.RouteNotFound: 404,
    http.MethodNotAllowed: 405,
    http.BodyTooLarge: 413,
    http.MediaTypeUnsupported: 415,
    http.HttpsRequired: 403,
    http.InternalError: 500,
}
"""Whatever is not named here is a rule of the business that the request breaks: 422."""

RULE_BROKEN = 422
RETRY_SECONDS = 1

_encoder = msgspec.json.Encoder(enc_hook=str)


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. `code` is stable; `path` is the place in the request; further members depend on the code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    path: str = ""


def status_of(error: type[LedgerError]) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error, RULE_BROKEN)


REFUSALS = Refusals(Problem, PROBLEM, status_of)


def problem_of(error: LedgerError, request_id: str) -> dict[str, Any]:
    """The problem document of an error."""
    problem = Problem(
        type=f"urn:daftar:error:{error.code}",
        title=(type(error).__doc__ or "").strip(),
        status=status_of(type(error)),
        detail=error.message,
        code=error.code,
        request_id=request_id,
        path=error.path,
    )
    members: dict[str, Any] = msgspec.to_builtins(problem)
    return {**{name: value for name, value in error.details.items() if name not in members}, **members}


def refuse(request: HttpRequest, error: LedgerError) -> Response[bytes]:
    """The answer to a request that is refused."""
    problem = problem_of(error, request.scope["state"].get("request_id", ""))
    headers: dict[str, str] = {}
    if problem["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.details or problem["status"] == 503:
        headers["Retry-After"] = str(error.details.get("retry_after", RETRY_SECONDS))
    return Response(_encoder.encode(problem), status_code=problem["status"], media_type=PROBLEM, headers=headers)
