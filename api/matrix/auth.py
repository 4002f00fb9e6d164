"""Registering, logging in and out, refreshing, inviting; and who is logged in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.attempts import count_attempt
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import device_named, member_of
from api.matrix.accounts import (
    FEWEST_CHARACTERS,
    LONGEST_INVITATION_HOURS,
    MOST_CHARACTERS,
    Invite,
    Invited,
    LogIn,
    Me,
    Refresh,
    Refreshed,
    Register,
    Said,
    Session,
    User,
)
from api.matrix.documents import Row, document_of, moment_text
from api.matrix.tables.parties import COMPANIES
from api.reading_requests import read_body, services_of
from api.roles import check_may_manage
from domain.errors import InvalidField, NotAllowed, NotAuthenticated, TooManyRequests, ValueTaken, WrongCredentials
from domain.needs import Needs
from domain.record import Record
from infra.companies.directory import database_id_of
from infra.companies.registration import Newcomer, Registration
from infra.composition import Services
from infra.identity.companies import companies_meant
from infra.identity.sessions import Granted, NewDevice

ROLES = ("owner", "accountant", "staff", "viewer")
TAG = "Matrix: accounts"


# Users and companies as the clients have them --------------------------------------------------------


def company_row(services: Services, company_id: UUID, user: Record) -> Row:
    """A company, and what the user is in it."""
    record = services.store.read_records(company_id, Needs(ids={company_id})).records[0]
    number = database_id_of(services.database, company_id)
    row = COMPANIES.row(document_of(record), {}, number)
    row["pivot"] = {
        "user_id": user.number,
        "company_id": number,
        "role": user.data["role"],
        "user_group_id": None,
        "is_active": user.data.get("is_active", True),
        "created_at": moment_text(user.created_at),
        "updated_at": moment_text(user.updated_at),
    }
    return row


def user_of(services: Services, memberships: Sequence[tuple[UUID, Record]]) -> User:
    """The user of the first of these memberships, with the companies of all."""
    record = memberships[0][1]
    return User(
        id=record.number,
        email=record.data.get("email"),
        full_name=record.data["name"],
        role=record.data["role"],
        is_active=record.data.get("is_active", True),
        created_at=moment_text(record.created_at),
        updated_at=moment_text(record.updated_at),
        companies=[company_row(services, company_id, user) for company_id, user in memberships],
    )


def _open(services: Services, memberships: Sequence[tuple[UUID, Record]], device: str, message: str) -> Session:
    """A session in the first of these companies."""
    company_id, user = memberships[0]
    named = NewDevice(device_id=device) if device else None
    granted = services.sessions.open(company_id, user, device=named, dialect="matrix", end_earlier=True)
    number = database_id_of(services.database, company_id)
    return Session(message=message, user=user_of(services, memberships), company_id=number, **_tokens(granted))


def _tokens(granted: Granted) -> dict[str, Any]:
    return {"token": granted.access_token, "refresh_token": granted.refresh_token, "expires_at": granted.expires_at}


# Endpoints -------------------------------------------------------------------------------------------


@endpoint(
    "POST",
    "/api/auth/register",
    Operation(
        id="matrixRegister",
        summary="Register, with a new company or by an invitation",
        description="The same request again is answered again: nobody is registered twice because an answer was lost.",
        tag=TAG,
        body=Register,
        body_example=examples.REGISTER,
        answers={201: Answer("A session of the new user.", Session, examples.SESSION)},
        refusals=(ValueTaken, NotAllowed, TooManyRequests),
        secured=False,
    ),
)
async def register(request: HttpRequest) -> ASGIResponse:
    """Make a user, and his company unless he is invited to one."""
    services = services_of(request)
    form = forms.body_of(await read_body(request))
    name = "full_name" if form.get("full_name") and not form.get("name") else "name"
    read = forms.read_all(
        name=lambda: forms.text(form, name).strip() or forms.text({}, name),
        email=lambda: forms.email(form),
        password=lambda: _new_password(form),
        company_name=lambda: forms.text(form, "company_name", "").strip(),
        currency=lambda: forms.text(form, "primary_currency", "USD", longest=3),
        time_zone=lambda: forms.text(form, "time_zone", "UTC"),
        code=lambda: forms.text(form, "invitation_code", forms.text(form, "invitation", "")),
        device=lambda: device_named(request, form, ""),
    )
    await count_attempt(request, "register")
    newcomer = Newcomer(name=read["name"], email=read["email"], password=read["password"])
    if not read["code"] and not services.settings.registration:
        raise NotAllowed("This server makes companies for nobody; ask for an invitation.", path="invitation_code")

    def work() -> Session:
        registration = Registration(services.users, services.ledger)
        if read["code"]:
            membership = registration.join(newcomer, read["code"])
        else:
            company = {name: read[name] for name in ("currency", "time_zone")}
            membership = registration.register(newcomer, {"name": read["company_name"] or newcomer.name, **company})
        return _open(services, [membership], read["device"], "User registered successfully")

    return answer(await services.threads.run_slowly(work), 201, NO_STORE)


def _new_password(form: dict[str, Any]) -> str:
    password = forms.text(form, "password", longest=MOST_CHARACTERS)
    if len(password) < FEWEST_CHARACTERS:
        raise InvalidField(f"The password field must be at least {FEWEST_CHARACTERS} characters.", path="password")
    if form.get("password_confirmation") not in (None, password):
        raise InvalidField("The password field confirmation does not match.", path="password")
    return password


@endpoint(
    "POST",
    "/api/auth/login",
    Operation(
        id="matrixLogIn",
        summary="Log in by e-mail",
        description="With a `device_id` the session is that device's, and ends the user's earlier one there.",
        tag=TAG,
        body=LogIn,
        body_example=examples.LOG_IN,
        answers={200: Answer("A session.", Session, examples.SESSION)},
        refusals=(WrongCredentials, NotAllowed, TooManyRequests),
        secured=False,
    ),
)
async def log_in(request: HttpRequest) -> ASGIResponse:
    """Find the companies of the e-mail, check the password in each, and open a session in the first that it opens."""
    services = services_of(request)
    form = forms.body_of(await read_body(request))
    read = forms.read_all(
        email=lambda: forms.email(form),
        password=lambda: forms.text(form, "password", longest=MOST_CHARACTERS),
        number=lambda: forms.number(form, "company_id", 0),
        company=lambda: forms.text(form, "company", ""),
        device=lambda: device_named(request, form, ""),
    )
    await count_attempt(request, "login", read["company"], read["email"])

    def work() -> Session:
        named = read["number"] or read["company"] or None
        companies = companies_meant(services.database, named, read["email"])
        memberships = services.users.by_password(companies, read["email"], read["password"])
        if not memberships:
            raise WrongCredentials
        return _open(services, memberships, read["device"], "Login successful")

    return answer(await services.threads.run_slowly(work), headers=NO_STORE)


@endpoint(
    "POST",
    "/api/auth/refresh",
    Operation(
        id="matrixRefresh",
        summary="Exchange a refresh token for new tokens",
        description="Both tokens before are void then. A refresh token that comes again ends the session: one of its two users"
        " stole it.",
        tag=TAG,
        body=Refresh,
        body_example={"refresh_token": "eyJhbGciOiJIUzI1NiJ9.…"},
        answers={200: Answer("New tokens of the same session.", Refreshed, examples.REFRESHED)},
        refusals=(NotAuthenticated, TooManyRequests),
        secured=False,
    ),
)
async def refresh(request: HttpRequest) -> ASGIResponse:
    """Rotate the session's tokens."""
    services = services_of(request)
    token = forms.text(forms.body_of(await read_body(request)), "refresh_token", longest=4096)
    claims = services.identity.tokens.read(token, "refresh")
    services.limits.count(f"refresh:{claims.sub}", services.settings.rate_limit_per_minute)
    granted = await services.threads.run(services.sessions.refresh, token)
    return answer(Refreshed(**_tokens(granted)), headers=NO_STORE)


@endpoint(
    "POST",
    "/api/auth/logout",
    Operation(
        id="matrixLogOut",
        summary="End the session, at once and everywhere",
        tag=TAG,
        answers={200: Answer("The session has ended.", Said, {"success": True, "message": "Logged out successfully"})},
    ),
)
async def log_out(request: HttpRequest) -> ASGIResponse:
    """End the session of this token only."""
    services = services_of(request)
    claims = claims_of(request, "write")
    await services.threads.run(lambda: services.sessions.log_out(services.identity.confirm(claims)))
    return answer(Said(message="Logged out successfully"))


@endpoint(
    "GET",
    "/api/auth/user",
    Operation(
        id="matrixUser",
        summary="Who is logged in",
        tag=TAG,
        answers={200: Answer("The user, and his company.", Me, examples.ME)},
    ),
)
async def user(request: HttpRequest) -> ASGIResponse:
    """The user of the token."""
    services = services_of(request)
    claims = claims_of(request)

    def work() -> Me:
        member = member_of(services, claims, {})
        ids = {member.principal.user_id}
        record = services.store.read_records(member.company_id, Needs(ids=ids)).records[0]
        return Me(user=user_of(services, [(member.company_id, record)]))

    return answer(await services.threads.run(work), headers=NO_STORE)


@endpoint(
    "POST",
    "/api/auth/invitations",
    Operation(
        id="matrixInvite",
        summary="Invite somebody to the company",
        description="The code is told once, works once, and expires. Whoever registers with it becomes a user of this role.",
        tag=TAG,
        body=Invite,
        body_example={"role": "accountant", "email": "mina@bazaar.example", "expires_in_hours": 72},
        answers={201: Answer("The invitation.", Invited, examples.INVITED)},
        refusals=(NotAllowed,),
    ),
)
async def invite(request: HttpRequest) -> ASGIResponse:
    """Make an invitation."""
    services = services_of(request)
    claims = claims_of(request, "write")
    form = forms.body_of(await read_body(request))
    read = forms.read_all(
        role=lambda: _role(form),
        email=lambda: forms.email(form) if form.get("email") else None,
        hours=lambda: forms.number(form, "expires_in_hours", 72, least=1, most=LONGEST_INVITATION_HOURS),
    )

    def work() -> Invited:
        member = member_of(services, claims, form)
        check_may_manage(member.principal.role, "role", read["role"])
        registration = Registration(services.users, services.ledger)
        made = registration.invite(
            member.company_id, member.principal.user_id, read["role"], read["email"], timedelta(hours=read["hours"])
        )
        return Invited(**msgspec.structs.asdict(made))

    return answer(await services.threads.run(work), 201, NO_STORE)


def _role(form: dict[str, Any]) -> str:
    role = forms.text(form, "role", "staff")
    if role not in ROLES:
        raise InvalidField(f"The role must be one of {', '.join(ROLES)}.", path="role")
    return role


HANDLERS = [register, log_in, refresh, log_out, user, invite]
