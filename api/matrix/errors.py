"""How the Matrix dialect says no: its clients' framework's envelope, and the one table from an error's code to an HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.endpoint import Refusals
from api.http_errors import HttpRequest
from api.refusing import EVERYWHERE, FILES, field_of, refusal
from domain import errors
from domain.errors import LedgerError

STATUS: Mapping[type[LedgerError], int] = {
    **EVERYWHERE,
    **FILES,
    errors.CompanyNotFound: 403,
    errors.RecordNotFound: 404,
    errors.RecordDeleted: 410,
    errors.VersionStale: 409,
    errors.ValueTaken: 422,
    errors.StillReferenced: 409,
    errors.AlreadyResolved: 409,
    errors.KeyReused: 409,
}
"""Whatever is not named here is a field or a rule of the business: 422, with `errors` by field."""

UNAUTHENTICATED = "Unauthenticated."
WRONG_CREDENTIALS = "The provided credentials are incorrect."
NO_ACCESS = "You do not have access to this company"


class Refused(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of a refusal. `errors`: of each field, what is wrong with it. `code` is stable."""

    success: bool = False
    message: str
    code: str
    request_id: str
    errors: dict[str, list[str]] = {}
    reason: str = ""
    retry_after: int = 0


def status_of(error: type[LedgerError]) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error, 422)


REFUSALS = Refusals(Refused, "application/json", status_of)


def envelope(error: LedgerError, request_id: str) -> tuple[int, dict[str, Any]]:
    """The status and the body of a refusal."""
    status = status_of(type(error))
    message = error.message
    if isinstance(error, errors.NotAuthenticated):
        message = UNAUTHENTICATED
    elif isinstance(error, errors.WrongCredentials):
        message = WRONG_CREDENTIALS
    elif isinstance(error, errors.CompanyNotFound):
        message = NO_ACCESS
    body: dict[str, Any] = {"success": False, "message": message, "code": error.code, "request_id": request_id}
    if status == 422:
        field = "email" if isinstance(error, errors.WrongCredentials) else field_of(error.path) or "request"
        body["errors"] = error.details.get("errors") or {field: [message]}
    if message != error.message:
        body["reason"] = error.message
    if "retry_after" in error.details:
        body["retry_after"] = error.details["retry_after"]
    return status, body


def refuse(request: HttpRequest, error: LedgerError) -> Response[bytes]:
    """The answer to a request that is refused; always JSON."""
    status, body = envelope(error, request.scope["state"].get("request_id", ""))
    return refusal(error, status, msgspec.json.encode(body))
