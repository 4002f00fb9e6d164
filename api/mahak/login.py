"""Logging in: `/Sync/Login` as the vendor's clients do, `/Sync/LoginV2` as the guide says; both take both forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.attempts import count_attempt
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.mahak import examples, forms
from api.mahak.access import DIALECT
from api.mahak.documents import server_time
from api.mahak.values import INT64
from api.reading_requests import services_of
from domain.errors import CompanyNotFound, InvalidField, TooManyRequests, WrongCredentials
from domain.needs import Needs
from domain.record import Record
from infra.companies.directory import database_id_of
from infra.composition import Services
from infra.identity.companies import companies_meant
from infra.identity.sessions import Granted

TAG = "Mahak"
MD5_DIGITS = 32
_BY = ("username", "email")


class LogIn(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """`password` is the password or the MD5 of it in hexadecimal. Without `databaseId` the user's name finds the company."""

    username: str
    password: str
    database_id: int = 0
    package_number: int | None = None


class LoggedInV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """The vendor's answer. `ServerTime` is on the clocks of Tehran."""

    user_token: str
    sync_id: int
    visitor_id: int
    database_id: int
    user_title: str
    mahak_id: str
    server_time: str
    package_no: int
    credit_day: int = 0
    has_radara: bool = False
    with_data_transfer: bool = True


class SessionV1(msgspec.Struct, kw_only=True, rename="pascal"):
    """The envelope of V1."""

    result: bool = True
    data: LoggedInV1


class SessionV2(msgspec.Struct, kw_only=True, rename="camel"):
    """The guide's token and its end; and the vendor's answer in `data`."""

    success: bool = True
    result: bool = True
    code: int = 0
    message: str = "Logged in"
    token: str
    expire_date: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a log-in says. `database` and `package` are None where it leaves them open."""

    username: str
    password: str
    is_md5: bool
    database: int | None
    package: str | None


def _asked(form: Mapping[str, Any]) -> _Asked:
    """Both families' forms. Raises InvalidField."""
    username = forms.text(form, "username", "userName").strip()
    password = forms.text(form, "password", longest=1_000)
    for name, value in (("username", username), ("password", password)):
        if not value:
            raise InvalidField(f"`{name}` is required.", path=name)
    trimmed = password.strip().lower()
    is_md5 = len(trimmed) == MD5_DIGITS and all(digit in "0123456789abcdef" for digit in trimmed)
    package = forms.text(form, "packageNumber", "packageNo").strip()
    if package and not (package.isascii() and package.isdecimal() and len(package) < 19):
        raise InvalidField("`packageNumber` must be a whole number.", path="packageNumber")
    return _Asked(
        username=username,
        password=trimmed if is_md5 else password,
        is_md5=is_md5,
        database=forms.number(form, "databaseId", most=INT64) or None,
        package=package.lstrip("0") or None,
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A session that was opened, with the records that the answer tells of."""

    granted: Granted
    company: Record
    user: Record
    session: Record
    database_id: int


def _open(services: Services, asked: _Asked) -> _Opened:
    """Find the company, check the password, open a session. Raises CompanyNotFound, WrongCredentials.

    One hash is made in every case, so that the time tells nothing.
    """
    companies = companies_meant(services.database, asked.database, asked.username, by_username=True)
    known = services.users.by_password(companies, asked.username, asked.password, by=_BY, is_md5=asked.is_md5)
    if asked.database is not None and not companies:
        raise CompanyNotFound("There is no such database.", path="databaseId")
    if asked.database is not None and not _has_package(services, companies[0], asked.package):
        raise CompanyNotFound("The package number is not this database's.", path="packageNumber")
    if not known:
        raise WrongCredentials
    memberships = [one for one in known if _has_package(services, one[0], asked.package)]
    if not memberships:
        raise CompanyNotFound("The package number is not this database's.", path="packageNumber")
    company_id, user = memberships[0]
    granted = services.sessions.open(company_id, user, dialect=DIALECT)
    records = services.store.read_records(company_id, Needs(ids={company_id, granted.session_id})).records
    by_id = {record.id: record for record in records}
    database_id = database_id_of(services.database, company_id)
    return _Opened(granted, by_id[company_id], user, by_id[granted.session_id], database_id)


def _has_package(services: Services, company_id: UUID, package: str | None) -> bool:
    """Whether this is the company's package number; one that has none takes any."""
    if package is None:
        return True
    company = services.store.read_records(company_id, Needs(ids={company_id})).records[0]
    return str(company.data.get("package_number", package)) == package


async def _log_in(request: HttpRequest) -> _Opened:
    services = services_of(request)
    asked = _asked(await forms.form_of(request))
    await count_attempt(request, "login", str(asked.database or 0), asked.username)
    return await services.threads.run_slowly(_open, services, asked)


def _told(opened: _Opened) -> LoggedInV1:
    return LoggedInV1(
        user_token=opened.granted.access_token,
        sync_id=opened.session.number,
        visitor_id=opened.user.number,
        database_id=opened.database_id,
        user_title=opened.user.data["name"],
        mahak_id=opened.company.data["codename"],
        server_time=server_time(datetime.now(timezone.utc)),
        package_no=opened.company.data.get("package_number", 0),
    )


_REFUSALS = (CompanyNotFound, WrongCredentials, TooManyRequests)


@endpoint(
    "POST",
    "/API/v3/Sync/Login",
    Operation(
        id="mahakLogIn",
        summary="Log in (V1)",
        description="What the business refuses is answered with 200 and `Result` false. A token lasts seven days.",
        tag=TAG,
        body=LogIn,
        body_example=examples.LOG_IN_V1,
        answers={200: Answer("A session, or why there is none.", SessionV1, examples.LOGGED_IN_V1)},
        refusals=_REFUSALS,
        secured=False,
    ),
)
async def log_in(request: HttpRequest) -> ASGIResponse:
    """A session in the vendor's words."""
    return answer(SessionV1(data=_told(await _log_in(request))), headers=NO_STORE)


@endpoint(
    "POST",
    "/API/v3/Sync/LoginV2",
    Operation(
        id="mahakLogInV2",
        summary="Log in (V2)",
        description="A token lasts seven days, and is good for every other dialect of the same company.",
        tag=TAG,
        body=LogIn,
        body_example=examples.LOG_IN_V2,
        answers={200: Answer("A session.", SessionV2, examples.LOGGED_IN_V2)},
        refusals=_REFUSALS,
        secured=False,
    ),
)
async def log_in_v2(request: HttpRequest) -> ASGIResponse:
    """A session in the guide's words and the vendor's."""
    opened = await _log_in(request)
    told = msgspec.to_builtins(_told(opened))
    data = {name[0].lower() + name[1:]: value for name, value in told.items()}
    granted = opened.granted
    data |= {"token": granted.access_token, "expireDate": granted.expires_at}
    return answer(SessionV2(token=granted.access_token, expire_date=granted.expires_at, data=data), headers=NO_STORE)


HANDLERS: list[HTTPRouteHandler] = [log_in, log_in_v2]
