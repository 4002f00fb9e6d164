"""How the native API says no: RFC 9457 problem documents, and the one table from an error's code to an HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.endpoint import Refusals
from api.http_errors import HttpRequest
from api.refusing import EVERYWHERE, FILES, refusal
from domain import errors
from domain.errors import LedgerError

PROBLEM = "application/problem+json"

STATUS: Mapping[type[LedgerError], int] = {
    **EVERYWHERE,
    **FILES,
    errors.InvalidField: 422,
    errors.UnknownKind: 404,
    errors.UnknownFormat: 404,
    errors.KeyReused: 409,
    errors.WrongCredentials: 401,
    errors.AlreadyVerified: 400,
    errors.NothingToVerify: 404,
    errors.NothingToReset: 403,
    errors.CodeExpired: 403,
    errors.CodeLocked: 403,
    errors.CodeWrong: 403,
    errors.CodesTooOften: 403,
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
    errors.LogBroken: 500,
    errors.MessageNotSent: 503,
}
"""Whatever is not named here is a rule of the business that the request breaks: 422."""

RULE_BROKEN = 422

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
    retries = "retry_after" in error.details or problem["status"] == 503
    return refusal(error, problem["status"], _encoder.encode(problem), PROBLEM, retries=retries)
