"""Logging in: by user name or e-mail, perhaps on a device that is known from then on."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from api.attempts import count_attempt
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import services_of
from api.saimpex import tags, values
from api.saimpex.deltas import said
from api.saimpex.envelope import Envelope
from api.saimpex.forms import LONGEST_DEVICE, Form, field
from api.saimpex.posted import receive
from api.saimpex.rows import vendor_row
from api.saimpex.values import Row
from api.saimpex.words import localized
from domain.errors import TooManyRequests, WrongCredentials
from domain.needs import Needs
from infra.companies.directory import database_id_of
from infra.composition import Services
from infra.identity.companies import companies_of_username, company_named
from infra.identity.sessions import NewDevice

LOGIN = Form(
    "DesktopLogin",
    field("username", values.name, required=True, also=("email", "user_name", "login")),
    field("password", values.text(256), required=True),
    field("company", values.text(), also=("vendor", "codename")),
    field("device_id", values.text(LONGEST_DEVICE)),
    field("device_name", values.text()),
    field("platform", values.text()),
    field("app_version", values.text()),
    field("fcm", values.text(4096)),
)


class LoggedIn(msgspec.Struct, kw_only=True):
    """The token, under each of the names by which a client may look for it, and the vendor."""

    vendor_accessToken: str  # noqa: N815 - as the clients have it
    access_token: str
    token: str
    refresh_token: str
    expires_at: str
    user: dict[str, Any]
    vendor: dict[str, Any]
    details: dict[str, Any]


@endpoint(
    "POST",
    "/api/desktop/login",
    Operation(
        id="saimpexLogIn",
        summary="Log in by user name or e-mail",
        description="`company` (its codename) is needed only where the same name and password open several.",
        tag=tags.LOGIN,
        body=LOGIN.struct,
        body_example={"username": "till@epicerie.example", "password": "correct horse battery", "device_id": "desktop-abc123"},
        answers={200: Answer("A session.", Envelope[LoggedIn], {"status": "true", "data": {"vendor_accessToken": "eyJhbGciOi…"}})},
        refusals=(WrongCredentials, TooManyRequests),
        secured=False,
    ),
)
async def log_in(request: HttpRequest) -> ASGIResponse:
    """Find who it is, check the password, and open a session."""
    services = services_of(request)
    async with receive(request) as posted:
        read = LOGIN.read(posted.row)
    await count_attempt(request, "login", read.get("company", ""), read["username"])
    payload = await services.threads.run_slowly(_open, services, read)
    return said(payload, localized("welcome", ["Logged in successfully"]))


def _open(services: Services, read: Row) -> Row:
    name = read["username"].strip()
    by = ("email", "username")
    if "company" in read:
        company_id = company_named(services.database, read["company"])
        user = services.users.check_password(company_id, name, read["password"], by=by)
    else:
        companies = companies_of_username(services.database, name)
        memberships = services.users.by_password(companies, name, read["password"], by=by)
        if not memberships:
            raise WrongCredentials("The user name or the password is wrong.", path="username")
        company_id, user = memberships[0]
    if company_id is None:
        raise WrongCredentials("The user name or the password is wrong.", path="username")
    device = None
    if "device_id" in read:
        told = {"name": read.get("device_name"), "platform": read.get("platform"), "app_version": read.get("app_version")}
        device = NewDevice(device_id=read["device_id"], **told)
    granted = services.sessions.open(company_id, user, device=device, dialect="saimpex")
    company = services.store.read_records(company_id, Needs(ids={company_id})).records[0]
    number, token = database_id_of(services.database, company_id), granted.access_token
    return {
        "vendor_accessToken": token,
        "access_token": token,
        "token": token,
        "refresh_token": granted.refresh_token,
        "expires_at": values.time_text(granted.expires_at),
        "user": {"id": user.number, "name": user.data["name"], "email": user.data.get("email"), "role": user.data["role"]},
        "vendor": vendor_row(company, number),
        "details": {"token": token, "name": user.data["name"], "id": user.number, "roleId": user.data["role"], "vendorId": number},
    }


HANDLERS = [log_in]
