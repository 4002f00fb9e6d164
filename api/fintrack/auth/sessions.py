"""Logging in and out, and who is logged in; and permissions, of which FinTrack declares none."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from uuid import UUID

from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import TOKEN, Asker, confirm, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.session_object import session_object
from api.fintrack.auth.tenants import addressed, count
from api.fintrack.default_routes import SERVICES
from api.fintrack.errors import EmailVerificationNeeded
from api.http_errors import HttpRequest
from domain.command import Actor
from domain.errors import NotAuthenticated, TooManyRequests, WrongCredentials
from infra.companies.directory import ROOT, company_record
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS
from infra.identity.identity import Principal

TAG = "FinTrack: sessions"
_CODENAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
UNLIMITED = frozenset({"superAdmin", "tenantOwner"})
"""Roles that every permission is given to."""


def cookie_name(codename: str) -> str:
    """The cookie that holds the token of a business."""
    return TOKEN if codename == ROOT else f"{TOKEN}-{codename}"


def _cookie(request: HttpRequest, name: str, token: str, seconds: int) -> Cookie:
    scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
    return Cookie(name, value=token, max_age=seconds, httponly=True, secure=scheme == "https", samesite="lax")


@endpoint(
    "POST",
    "/auth-api/login",
    Operation(
        id="fintrackLogIn",
        summary="Log in by e-mail",
        description="The token is also in the header `fintrack-access-token` and in a cookie. Where no business is named, it is the"
        " only one that knows the e-mail, else root. Somebody who archived himself less than a month ago comes back with it.",
        tag=TAG,
        body=forms.LogIn,
        body_example=examples.LOG_IN,
        answers={200: Answer("A session.", forms.Session, examples.SESSION)},
        refusals=(WrongCredentials, EmailVerificationNeeded, TooManyRequests),
        secured=False,
    ),
)
async def log_in(request: HttpRequest) -> ASGIResponse:
    """Check the password and open a session."""
    asked = await read_request(request)
    asked.check()
    email = wire.text(asked.form, "username", "email").strip()
    password = wire.text(asked.form, "password", longest=MOST_PASSWORD_CHARACTERS)
    await count(asked, "login", email)

    def work() -> tuple[dict[str, Any], str]:
        services = asked.services
        company_id = addressed(asked, email)
        user = services.accounts.check_login(company_id, email, password)
        if company_id is None:
            raise WrongCredentials
        if not user.data.get("email_verified"):
            raise EmailVerificationNeeded(path="email")
        if not user.data.get("is_active", True):
            actor = Actor(user_id=user.id, role=user.data["role"])
            user = services.accounts.restore(company_id, user, actor)
        granted = services.sessions.open(company_id, user, dialect="fintrack")
        principal = Principal(company_id, user.id, granted.session_id, None, granted.role, 0)
        company = company_record(services.ledger, company_id)
        session = session_object(services, principal, user, company_id, company, granted.access_token)
        return session, company.data["codename"]

    session, codename = await asked.services.threads.run_slowly(work)
    token = session["accessToken"]
    seconds = int(asked.services.sessions.refresh_lifetime.total_seconds())
    cookie = _cookie(request, cookie_name(codename), token, seconds)
    return answer(session, headers={**NO_STORE, TOKEN: token}, cookies=[cookie])


@endpoint(
    "POST",
    "/auth-api/logout",
    Operation(
        id="fintrackLogOut",
        summary="End the session, at once and everywhere",
        description="Always 200, also where there is no session.",
        tag=TAG,
        answers={200: Answer("There is no session any more.", forms.Said, examples.LOGGED_OUT)},
        secured=False,
    ),
)
async def log_out(request: HttpRequest) -> ASGIResponse:
    """End the session that the token names, if there is one."""
    asked = await read_request(request)

    def work() -> None:
        token = asked.token()
        if token is None:
            return
        identity = asked.services.identity
        with suppress(NotAuthenticated):
            asked.services.sessions.log_out(identity.confirm(identity.authenticate(token)))

    await asked.services.threads.run(work)
    own = {cookie_name(asked.codename)} if _CODENAME.fullmatch(asked.codename) else set()
    held = {name for name in request.cookies if name.startswith(TOKEN) and request.cookies[name] == asked.token()}
    ended = [_cookie(request, name, "", 0) for name in sorted(own | held)]
    return answer(examples.LOGGED_OUT, headers=NO_STORE, cookies=ended)


# On every service ----------------------------------------------------------------------------------


def _current_user(asker: Asker) -> ASGIResponse:
    services = asker.services
    home = home_of(asker)
    user = services.accounts.read(home, asker.principal.user_id)
    if user is None:
        raise NotAuthenticated
    session = session_object(services, asker.principal, user, home, asker.company, asker.access_token)
    return answer(session, headers=NO_STORE)


def home_of(asker: Asker) -> UUID:
    """The business that the caller belongs to: for a superAdmin who visits another one, it is root."""
    return asker.services.identity.authenticate(asker.access_token).cid


def _on_every_service() -> list[HTTPRouteHandler]:
    made: list[HTTPRouteHandler] = []
    for name, prefix in SERVICES.items():
        if name == "Bucket":  # it knows its own tokens only
            continue
        made += [
            endpoint(
                "GET",
                f"{prefix}/currentuser",
                Operation(
                    id=f"fintrackCurrentUser{name}",
                    summary="Who is logged in",
                    description="Where the request names no business, the token's own is meant.",
                    tag=TAG,
                    answers={200: Answer("The session.", forms.Session, examples.SESSION)},
                ),
            )(_current_user_of_request),
            endpoint(
                "GET",
                f"{prefix}/permissions",
                Operation(
                    id=f"fintrackPermissions{name}",
                    summary="The permissions that were given to the caller",
                    description="FinTrack declares none: roles say who may do what.",
                    tag=TAG,
                    answers={200: Answer("None.", list[forms.Grant], [])},
                ),
            )(_permissions_of_request),
            endpoint(
                "GET",
                f"{prefix}/permissions/{{permission:str}}",
                Operation(
                    id=f"fintrackPermission{name}",
                    summary="Whether the caller has a permission",
                    description="Only who has every right has one that nobody was given.",
                    tag=TAG,
                    answers={200: Answer("Whether.", forms.Permission, {"canDo": False, "exceptions": []})},
                ),
            )(_permission_of_request),
        ]
    return made


async def _current_user_of_request(request: HttpRequest) -> ASGIResponse:
    asked = await read_request(request)
    return await asked.services.threads.run(lambda: _current_user(confirm(asked, or_of_token=True)))


async def _permissions_of_request(request: HttpRequest) -> ASGIResponse:
    asked = await read_request(request)
    await asked.services.threads.run(lambda: confirm(asked, or_of_token=True))
    return answer([], headers=NO_STORE)


async def _permission_of_request(request: HttpRequest) -> ASGIResponse:
    asked = await read_request(request)
    asker = await asked.services.threads.run(lambda: confirm(asked, or_of_token=True))
    return answer({"canDo": asker.role in UNLIMITED, "exceptions": []}, headers=NO_STORE)


HANDLERS = [log_in, log_out, *_on_every_service()]
