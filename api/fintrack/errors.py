"""How FinTrack says no: its two envelopes, and the one table from an error to an HTTP status and an `errCode`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

import msgspec
from litestar import Response

from api.endpoint import Refusals
from api.http_errors import HttpRequest
from api.refusing import EVERYWHERE, FILES, field_of, refusal
from domain import errors
from domain.errors import InvalidField, LedgerError, NotAllowed

NO_LOGIN = "No login found"


class InvalidId(InvalidField):
    """An id is a UUID."""

    code = "invalid_id"


class EmailVerificationNeeded(NotAllowed):
    """This e-mail address has not been verified yet."""

    code = "email_verification_needed"


class MobileVerificationNeeded(NotAllowed):
    """This mobile number has not been verified yet."""

    code = "mobile_verification_needed"


STATUS: Mapping[type[LedgerError], int] = {
    **EVERYWHERE,
    **FILES,
    errors.WrongCredentials: 401,
    EmailVerificationNeeded: 403,
    MobileVerificationNeeded: 403,
    errors.RolesFixed: 403,
    errors.NothingToVerify: 404,
    errors.NothingToReset: 403,
    errors.CodeExpired: 403,
    errors.CodeLocked: 403,
    errors.CodeWrong: 403,
    errors.CodesTooOften: 403,
    errors.CompanyNotFound: 404,
    errors.RecordNotFound: 404,
    errors.RecordDeleted: 404,
    errors.KeyReused: 409,
    errors.VersionStale: 409,
    errors.MessageNotSent: 503,
}
"""Whatever is not named here is a field or a rule of the business: 400."""

ERR_CODES: Mapping[type[LedgerError], str] = {
    EmailVerificationNeeded: "EmailVerificationNeeded",
    MobileVerificationNeeded: "MobileVerificationNeeded",
}
"""Errors that clients tell apart by name; the `errCode` of all others is their status."""

SESSION_ROUTES = ("/currentuser", "/permissions")
"""Routes, of every service, that answer 401 in a shape of their own."""


class Refused(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of a refusal. `errCode` is the status, or a name. `code` is stable and finer; `field` is the parameter."""

    result: str = msgspec.field(default_factory=lambda: "ERR")
    status: int
    message: str
    errCode: int | str  # noqa: N815 - as on the wire
    date: str
    detail: str
    code: str
    field: str = ""
    requestId: str  # noqa: N815 - as on the wire


class NoLogin(msgspec.Struct, kw_only=True):
    """The body of a 401 of `/currentuser` and `/permissions`."""

    status: str
    message: str


def status_of(error: type[LedgerError]) -> int:
    """The HTTP status of an error."""
    return STATUS.get(error, 400)


REFUSALS = Refusals(Refused, "application/json", status_of)


def body_of(error: LedgerError, path: str, request_id: str) -> tuple[int, Refused | NoLogin]:
    """The status and the body of a refusal of a request for this path."""
    status = status_of(type(error))
    if status == 401 and any(f"{route}/" in f"{path.rstrip('/')}/" for route in SESSION_ROUTES):
        return status, NoLogin(status="ERR", message=NO_LOGIN)
    field = field_of(error.path)
    message = f"errMsg_{field}isNotAValidID" if isinstance(error, InvalidId) else error.message
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return status, Refused(
        status=status,
        message=message,
        errCode=ERR_CODES.get(type(error), status),
        date=now,
        detail=error.message,
        code=error.code,
        field=field,
        requestId=request_id,
    )


def refuse(request: HttpRequest, error: LedgerError) -> Response[bytes]:
    """The answer to a request that is refused; always JSON."""
    status, body = body_of(error, request.scope["path"], request.scope["state"].get("request_id", ""))
    return refusal(error, status, msgspec.json.encode(body))
