"""How the SAIMPEX dialect says no: its envelope, and the one table from an error's code to an HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.endpoint import Refusals
from api.http_errors import HttpRequest
from api.refusing import EVERYWHERE, refusal
from api.saimpex.words import localized
from domain import errors
from domain.errors import LedgerError


class OriginalMissing(LedgerError):
    """What this is about is not here (yet): send the action that made it first."""

    code = "original_missing"


class NotYours(LedgerError):
    """This is somebody else's; your role does not allow it."""

    code = "not_yours"


STATUS: Mapping[type[LedgerError], int] = {
    **EVERYWHERE,
    errors.WrongCredentials: 401,
    errors.RolesFixed: 403,
    errors.CompanyNotFound: 404,
    errors.RecordNotFound: 404,
    errors.FileMissing: 404,
    OriginalMissing: 409,
    errors.RecordDeleted: 409,
    errors.PersonErased: 409,
    errors.RecordExists: 409,
    errors.VersionStale: 409,
    errors.StillReferenced: 409,
    errors.AlreadyResolved: 409,
    errors.ShiftAlreadyClosed: 409,
    errors.FieldFixed: 409,
    errors.EntryPosted: 409,
    errors.KeyReused: 409,
}
"""Whatever is not named here is a field or a rule of the business: 422, with `data.errors` by field."""


class Reason(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why: a stable `code`, the request's id, and on a 422 what is wrong with each field."""

    code: str
    request_id: str
    errors: dict[str, list[str]] = {}
    details: dict[str, Any] = {}


class Refused(msgspec.Struct, kw_only=True):
    """The body of a refusal. On a 422 `message` holds the same as `data.errors`, by language."""

    status: str = "false"
    data: Reason
    message: str | dict[str, dict[str, list[str]]]


def status_of(error: type[LedgerError]) -> int:
    """The HTTP status of an error."""
    for known in error.__mro__:
        if known in STATUS:
            return STATUS[known]
    return 422


REFUSALS = Refusals(Refused, "application/json", status_of)


def envelope(error: LedgerError, request_id: str) -> tuple[int, Refused]:
    """The status and the body of a refusal."""
    status = status_of(type(error))
    reason = Reason(code=error.code, request_id=request_id)
    message: Any = error.message
    if status == 422:
        by_field = error.details.get("errors") or {error.path or "request": [error.message]}
        reason.errors = by_field
        message = {field: localized(error.code, texts) for field, texts in by_field.items()}
    reason.details = {name: value for name, value in error.details.items() if name in _TOLD}
    return status, Refused(data=reason, message=message)


_TOLD = frozenset({"available", "retry_after", "stored", "expected", "given", "date", "closed_through"})


def refuse(request: HttpRequest, error: LedgerError) -> Response[bytes]:
    """The answer to a request that is refused; always JSON."""
    status, body = envelope(error, request.scope["state"].get("request_id", ""))
    return refusal(error, status, msgspec.json.encode(body))
