"""Who asks, for which business, and with what.

The business (tenant) is named by codename: header `mbx-business-codename`, else `_business` in the query, else in the body, else it
is `root`. The token is looked for in five places, of which the first that has one counts: query `access_token`, `Authorization:
Bearer`, header `fintrack-access-token`, header `fintrack-access-token-{codename}`, cookie `fintrack-access-token-{codename}` (for
root also without the suffix). It has to be a token of the business that is addressed; only the superAdmin's, which is root's, opens
every business: he then acts there under his own id and role.

Bodies are JSON objects, plain or wrapped as `{"data": {…}}`; fields that nobody knows are passed over. A GET or a DELETE may
carry a body, as the documented calls do: nothing is read from it but `_business`.

    asked = await read_request(request)     # never raises for what the client sent: who asks is checked first
    asker = confirm(asked)                  # in a thread: the session's own business and role; then what was wrong with the request
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from api.fintrack.errors import NO_LOGIN
from api.fintrack.roles import Gate
from api.http_errors import HttpRequest, MediaTypeUnsupported
from api.reading_requests import decode, query_pairs, read_body, services_of
from domain.command import Actor, Idempotency
from domain.errors import CompanyNotFound, InvalidField, LedgerError, MalformedRequest, NotAuthenticated
from domain.record import Record
from infra.companies.businesses import read_business
from infra.companies.directory import ROOT
from infra.composition import Services
from infra.fingerprints import request_fingerprint
from infra.identity.identity import Principal
from infra.identity.tokens import Claims
from infra.requests import check_key

TOKEN = "fintrack-access-token"  # noqa: S105 - a name
CODENAME_HEADER = "mbx-business-codename"
LONGEST_REQUEST_ID = 64
WITHOUT_BODY = frozenset({"GET", "DELETE", "HEAD"})

_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class Asked:
    """A request as it was read. `trouble` is what is wrong with its query or body; who asks is checked before it is told."""

    request: HttpRequest
    services: Services
    query: dict[str, list[str]]
    form: dict[str, Any]
    """The body's fields; empty for a GET or a DELETE."""
    body: bytes
    named: str | None
    """The codename of the business that the request names; None where it names none."""
    request_id: str
    trouble: LedgerError | None = None
    began: float = field(default_factory=time.perf_counter)

    @property
    def codename(self) -> str:
        """The codename of the business that is addressed."""
        return self.named or ROOT

    def single(self, name: str) -> str | None:
        """The last value of a query parameter; an empty one is none."""
        return (self.query.get(name) or [""])[-1] or None

    def check(self) -> None:
        """Raise what is wrong with the request, if anything is."""
        if self.trouble is not None:
            raise self.trouble

    def token(self) -> str | None:
        """The token, from the first place that has one."""
        headers, cookies = self.request.headers, self.request.cookies
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        names = [f"{TOKEN}-{self.codename}"]
        if self.codename == ROOT:
            names.append(TOKEN)
        places = (
            self.single("access_token"),
            bearer.strip() if scheme.lower() == "bearer" else None,
            headers.get(TOKEN),
            headers.get(f"{TOKEN}-{self.codename}"),
            *(cookies.get(name) for name in names),
        )
        return next((token for token in places if token), None)

    def idempotency(self) -> Idempotency | None:
        """The request's idempotency key, where it has one. Raises InvalidField."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        label = f"{self.request.method} {self.request.scope['path']}"
        body = b"" if self.request.method in WITHOUT_BODY else self.body
        found = Idempotency(key=key, fingerprint=request_fingerprint(label, body, self.services.settings.secret_key))
        check_key(found)
        return found


@dataclass(slots=True, kw_only=True)
class Asker(Asked):
    """A request of an open session, addressed to the session's own business. `sso_ms`: how long it took to make sure of that."""

    principal: Principal
    company: Record
    access_token: str
    sso_ms: int
    today: date
    """Which day it is there, for all of the request."""
    head: int | None = None
    """Where the log of the business ended when its records were read, where that was noted."""

    @property
    def company_id(self) -> UUID:
        """The id of the business."""
        return self.principal.company_id

    @property
    def role(self) -> str:
        """The caller's role."""
        return self.principal.role

    @property
    def actor(self) -> Actor:
        """The author of what is written."""
        return self.principal.actor

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the business."""
        return zone_of(self.company)


def zone_of(company: Record) -> ZoneInfo:
    """The time zone of a business."""
    return ZoneInfo(company.data.get("time_zone", "UTC"))


def today_of(company: Record) -> date:
    """Which day it is in the time zone of a business."""
    return datetime.now(zone_of(company)).date()


async def read_request(request: HttpRequest) -> Asked:
    """The request, read. What is wrong with it is noted, not raised, except for a body that is too large or does not arrive."""
    asked = Asked(request, services_of(request), {}, {}, b"", None, request.scope["state"].get("request_id", ""))
    asked.named = _codename(request.headers.get(CODENAME_HEADER))
    try:
        for name, value in query_pairs(request):
            asked.query.setdefault(name, []).append(value)
    except LedgerError as error:
        asked.trouble = error
    given = asked.single("requestId")
    if given is not None and len(given) <= LONGEST_REQUEST_ID:
        asked.request_id = given
    form: dict[str, Any] = {}
    try:
        asked.body = await read_body(request)
        form = decode(asked.body, _object) if asked.body.strip() else {}
    except (MalformedRequest, InvalidField, MediaTypeUnsupported) as error:
        if request.method not in WITHOUT_BODY:
            asked.trouble = asked.trouble or error
    asked.named = asked.named or _codename(asked.single("_business")) or _codename(form.get("_business"))
    if request.method not in WITHOUT_BODY:
        asked.form = unwrapped(form)
        asked.named = asked.named or _codename(asked.form.get("_business"))
    return asked


def unwrapped(form: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body, which may be wrapped under the one key `data`."""
    inner = form.get("data")
    return inner if isinstance(inner, dict) and not form.keys() - {"data", "_business"} else form


def _codename(value: Any) -> str | None:
    """A codename as it was sent; what is none says nothing."""
    return value.strip().casefold() or None if isinstance(value, str) else None


def confirm(asked: Asked, *, or_of_token: bool = False, gate: Gate | None = None) -> Asker:
    """Who asks. Queries: call it in a thread. Raises NotAuthenticated, TooManyRequests; NotAllowed where the role does not pass the
    `gate`; and only then what is wrong with the request.

    A token of another business is refused just as one for a business that there is not. `or_of_token`: where the request names no
    business, the token's own is meant (`/currentuser` of a client that sends no codename), and not root.
    """
    begin = time.perf_counter()
    token, claims = identify(asked)
    principal, company = asked.services.identity.confirm_with_company(claims)
    if asked.named is None and or_of_token:
        asked.named = company.data["codename"]
    return admit(asked, token, principal, company, gate, begin)


def identify(asked: Asked) -> tuple[str, Claims]:
    """The token, and whom it names; counts the request. That the session is open is still to be confirmed.

    Raises NotAuthenticated, TooManyRequests.
    """
    token = asked.token()
    if token is None:
        raise NotAuthenticated(NO_LOGIN)
    services = asked.services
    claims = services.identity.authenticate(token)
    kind = "read" if asked.request.method == "GET" else "write"
    services.limits.count(f"{kind}:{claims.sub}", services.settings.rate_limit_per_minute)
    return token, claims


def admit(asked: Asked, token: str, principal: Principal, company: Record, gate: Gate | None, begin: float) -> Asker:
    """Who asks, in the business that is addressed, for the principal of a token and the principal's company.

    Raises NotAuthenticated, NotAllowed, and what is wrong with the request.
    """
    own = company.data["codename"]
    if own != asked.codename and own == ROOT and principal.role == "superAdmin":
        principal, company = _as_visitor(asked, principal)
        own = asked.codename
    if own != asked.codename:
        raise NotAuthenticated(f"This is no token of the business {asked.codename!r}; log in there.")
    if not company.data.get("is_active", True):
        raise NotAuthenticated(f"The business {own!r} is closed.")
    if gate is not None:
        gate.check(principal.role)
    asked.check()
    return Asker(
        **{name: getattr(asked, name) for name in Asked.__dataclass_fields__},
        principal=principal,
        company=company,
        access_token=token,
        today=today_of(company),
        sso_ms=round((time.perf_counter() - begin) * 1000),
    )


def _as_visitor(asked: Asked, principal: Principal) -> tuple[Principal, Record]:
    """The superAdmin in the business that is addressed. Raises CompanyNotFound where there is none, or it is closed."""
    company = read_business(asked.services.database, asked.services.ledger, asked.codename)
    if company.data["codename"] != asked.codename:  # it was an id
        raise CompanyNotFound(f"There is no business {asked.codename!r}.", path="_business")
    head = asked.services.store.head(company.id).seq
    return dataclasses.replace(principal, company_id=company.id, head=head), company
