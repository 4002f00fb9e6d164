"""Logging in, refreshing and logging out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.attempts import count_attempt
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.examples import COMPANY_ID, GRANTED
from api.reading_requests import decode, read_body, services_of
from domain.errors import NotAuthenticated, ReferenceMissing, TooManyRequests, WrongCredentials
from domain.values import Line, Name
from infra.identity.sessions import Granted, NewDevice


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device that logs in, by the name it gave itself."""

    device_id: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Line | None = None
    platform: Line | None = None
    app_version: Line | None = None


class LogIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`company` is the company's codename or id."""

    company: Name
    email: Name
    password: Annotated[str, Meta(min_length=1, max_length=256)]
    device: Device | None = None


class Refresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token works once."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=4096)]


class LoggedOut(msgspec.Struct, frozen=True, kw_only=True):
    """The session that has ended."""

    session_id: UUID


_log_in = msgspec.json.Decoder(LogIn)
_refresh = msgspec.json.Decoder(Refresh)
NO_STORE = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    "/ledger/v1/login",
    Operation(
        id="logIn",
        summary="Log in",
        tag="Sessions",
        body=LogIn,
        body_example={"company": "babil", "email": "admin@daftar.example", "password": "daftar-demo"},
        answers={200: Answer("Tokens of a new session.", Granted, GRANTED)},
        refusals=(WrongCredentials, ReferenceMissing, TooManyRequests),
        secured=False,
    ),
)
async def log_in(request: HttpRequest) -> ASGIResponse:
    """Check the password and open a session."""
    services = services_of(request)
    form = decode(await read_body(request), _log_in)
    await count_attempt(request, "login", form.company, form.email)
    device = NewDevice(**msgspec.structs.asdict(form.device)) if form.device else None
    granted = await services.threads.run_slowly(services.sessions.log_in, form.company, form.email, form.password, device=device)
    return answer(granted, headers=NO_STORE)


@endpoint(
    "POST",
    "/ledger/v1/refresh",
    Operation(
        id="refresh",
        summary="Exchange a refresh token for new tokens",
        description="A refresh token works once. One that comes again ends the session, because one of its two users stole it.",
        tag="Sessions",
        body=Refresh,
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiJ9.…"},
        answers={200: Answer("New tokens of the same session.", Granted, GRANTED)},
        refusals=(NotAuthenticated, TooManyRequests),
        secured=False,
    ),
)
async def refresh(request: HttpRequest) -> ASGIResponse:
    """Rotate the session's tokens."""
    services = services_of(request)
    form = decode(await read_body(request), _refresh)
    claims = services.identity.tokens.read(form.refresh_token, "refresh")
    services.limits.count(f"refresh:{claims.sub}", services.settings.rate_limit_per_minute)
    granted = await services.threads.run(services.sessions.refresh, form.refresh_token)
    return answer(granted, headers=NO_STORE)


@endpoint(
    "POST",
    "/ledger/v1/logout",
    Operation(
        id="logOut",
        summary="End the session, at once and everywhere",
        tag="Sessions",
        answers={200: Answer("The session has ended.", LoggedOut, {"session_id": COMPANY_ID})},
    ),
)
async def log_out(request: HttpRequest) -> ASGIResponse:
    """End the session."""
    services = services_of(request)
    claims = claims_of(request, "write")

    def work() -> UUID:
        principal = services.identity.confirm(claims)
        services.sessions.log_out(principal)
        return principal.session_id

    return answer(LoggedOut(session_id=await services.threads.run(work)))


HANDLERS = [log_in, refresh, log_out]
