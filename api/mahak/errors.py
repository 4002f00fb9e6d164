"""How the Mahak dialect says no: the one table from an error's code to the documented codes and HTTP statuses, and two envelopes.

V2 answers with the guide's statuses. V1 answers 200 and `Result` false where the business says no, as the vendor's server does; its
clients take any other status for a failure of the connection, so those remain for just that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response

from api.endpoint import Refusals
from api.http_errors import HttpRequest
from api.reading_requests import media_type_of
from api.refusing import EVERYWHERE, FILES, refusal
from domain import errors
from domain.errors import LedgerError

WRONG_DATABASE, WRONG_PASSWORD, ORPHAN, STALE, INVALID = 1001, 1002, 2001, 2002, 3001

_BUSINESS: Mapping[type[LedgerError], tuple[int, int]] = {
    errors.CompanyNotFound: (WRONG_DATABASE, 400),
    errors.WrongCredentials: (WRONG_PASSWORD, 401),
    errors.ReferenceMissing: (ORPHAN, 400),
    errors.RecordNotFound: (ORPHAN, 404),
    errors.StillReferenced: (ORPHAN, 409),
    errors.VersionStale: (STALE, 409),
    errors.RecordDeleted: (STALE, 409),
    errors.RecordExists: (STALE, 409),
    errors.AlreadyResolved: (STALE, 409),
}
"""Code of the guide, HTTP status of V2."""
_TRANSPORT: Mapping[type[LedgerError], int] = {
    **EVERYWHERE,
    **FILES,
}
"""What both families answer with this HTTP status; it is the code too, because the guide has none."""
UNAUTHORIZED = "Unauthorized"
"""What clients look for in a message."""


class RefusedV2(msgspec.Struct, kw_only=True):
    """The body of a refusal in V2. `data` says which field, and by our own stable name what is wrong."""

    success: bool = False
    result: bool = False
    code: int
    message: str
    request_id: str = msgspec.field(name="requestId")
    data: Any = None


def code_of(error: type[LedgerError]) -> int:
    """The code in the envelope. What no table names is a field or a rule of the business: 3001."""
    return _BUSINESS[error][0] if error in _BUSINESS else _TRANSPORT.get(error, INVALID)


BY_NAME: Mapping[str, type[LedgerError]] = {
    found.code: found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, LedgerError)
}
"""The errors by their own stable names."""


def code_of_name(name: str) -> int:
    """The code of an error by its stable name."""
    return code_of(BY_NAME.get(name, errors.InvalidField))


def status_of(error: type[LedgerError]) -> int:
    """The HTTP status in V2."""
    return _BUSINESS[error][1] if error in _BUSINESS else _TRANSPORT.get(error, 400)


def status_of_v1(error: type[LedgerError]) -> int:
    """The HTTP status in V1."""
    return _TRANSPORT.get(error, 200)


REFUSALS = Refusals(RefusedV2, "application/json", status_of)

_UPLOAD = "/api/v3/sync/upload"
_V1 = frozenset({"/api/v3/sync/login", "/api/v3/sync/getalldata", "/api/v3/sync/savealldata", _UPLOAD})


def is_v1(request: HttpRequest) -> bool:
    """Whether the request is to one of V1's routes; everything else is answered as V2. Uploads in JSON are V2's."""
    path = request.scope["path"].casefold().rstrip("/")
    return path in _V1 and (path != _UPLOAD or is_form(request))


def is_form(request: HttpRequest) -> bool:
    """Whether the body is a multipart form."""
    return media_type_of(request) == "multipart/form-data"


def message_of(error: LedgerError) -> str:
    """What went wrong, in words."""
    return f"{UNAUTHORIZED}: {error.message}" if isinstance(error, errors.NotAuthenticated) else error.message


def refuse(request: HttpRequest, error: LedgerError) -> Response[bytes]:
    """The answer to a request that is refused; always JSON, in the family of the route."""
    kind = type(error)
    request_id = request.scope["state"].get("request_id", "")
    body: dict[str, Any]
    if is_v1(request):
        status = status_of_v1(kind)
        body = {"Result": False, "Code": code_of(kind), "Message": message_of(error), "RequestId": request_id}
    else:
        status = status_of(kind)
        details = {"error": error.code, **({"field": error.path} if error.path else {}), **_told(error)}
        body = {
            "success": False,
            "result": False,
            "code": code_of(kind),
            "message": message_of(error),
            "requestId": request_id,
            "data": details,
        }
    return refusal(error, status, msgspec.json.encode(body))


def _told(error: LedgerError) -> dict[str, Any]:
    """What an error says beside its words, as far as clients act on it."""
    return {name: error.details[name] for name in ("errors", "retry_after", "head") if name in error.details}
