"""Businesses: the public list, and making, reading, changing and closing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.answering import answer_to
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.routes import update_endpoints
from api.fintrack.auth.users import invite, new_user
from api.fintrack.envelope import page_of, respond
from api.fintrack.parameters import PageQuery
from api.fintrack.roles import ADMINISTER_BUSINESSES, Gate
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from domain.errors import CompanyNotFound, FieldFixed, InvalidField, NotAllowed, RecordNotFound, TooManyRequests, ValueTaken
from domain.kinds.company import Codename, time_zones
from domain.record import Record
from domain.values import Name
from infra.accounts import MOST_PASSWORD_CHARACTERS
from infra.businesses import Businesses, close_business, list_businesses, read_business, update_business
from infra.companies import ROOT
from infra.registration import Registration

TAG = "FinTrack: businesses"
OWN_BUSINESS = Gate(frozenset({"superAdmin", "saasAdmin", "tenantOwner"}))
"""Roles that change a business: the service's admins any, its owner his own."""
FIELDS: Mapping[str, str] = {
    "name": "name",
    "avatar": "logo_url",
    "timeZone": "time_zone",
    "country": "country",
    "address": "address",
    "phone": "phone",
    "email": "email",
    "website": "website",
    "taxNumber": "tax_number",
}
_CREATED = examples.enveloped("create", "business", examples.BUSINESS)
_BUSINESS_200 = {200: Answer("The business.", forms.OneBusiness, examples.enveloped("get", "business", examples.BUSINESS))}
_LIST_200 = {200: Answer("Businesses.", forms.Businesses, examples.enveloped("list", "businesses", [examples.BUSINESS]))}
_refusals = (NotAllowed, RecordNotFound)


# Public ------------------------------------------------------------------------------------------


@endpoint(
    "GET",
    "/auth-api/v1/briefbusinesses",
    Operation(
        id="fintrackListBriefBusinesses",
        summary="The businesses one may log in to",
        description="Public, unless the operator has switched it off (DAFTAR_PUBLIC_BUSINESSES): then it is empty.",
        tag=TAG,
        query=PageQuery,
        answers=_LIST_200,
        refusals=(TooManyRequests,),
        secured=False,
    ),
)
async def list_brief_businesses(request: HttpRequest) -> ASGIResponse:
    """Name and codename of every open business."""
    asked = await read_request(request)
    asked.check()
    services, page = asked.services, page_of(asked)
    address = request.client.host if request.client else ""
    services.limits.count(f"businesses:{address}", services.settings.rate_limit_per_minute)
    found = Businesses([], 0)
    if services.settings.public_businesses:
        found = await services.threads.run(list_businesses, services.database, page.limit, page.offset)
    rows = [wire.brief_business_row(business) for business in found.records]
    return respond(asked, "list", "businesses", rows, paging=page.paging(found.total))


@endpoint(
    "GET",
    "/auth-api/v1/briefbusiness/{business_id:str}",
    Operation(
        id="fintrackGetBriefBusiness",
        summary="What everybody may know of a business",
        tag=TAG,
        answers=_BUSINESS_200,
        refusals=(RecordNotFound, TooManyRequests),
        secured=False,
    ),
)
async def get_brief_business(request: HttpRequest, business_id: FromPath[str]) -> ASGIResponse:
    """Name and codename of a business."""
    asked = await read_request(request)
    asked.check()
    services, wanted = asked.services, read_id(business_id, "businessId")
    address = request.client.host if request.client else ""
    services.limits.count(f"businesses:{address}", services.settings.rate_limit_per_minute)
    if not services.settings.public_businesses:
        raise CompanyNotFound("There is no such business.", path="businessId")
    business = await services.threads.run(read_business, services.identity, wanted)
    return respond(asked, "get", "business", wire.brief_business_row(business))


# Reading -----------------------------------------------------------------------------------------


def one(asker: Asker, action: Any, business: Record) -> ASGIResponse:
    """A business, enveloped."""
    return respond(asker, action, "business", wire.business_row(business))


def _is_root_admin(asker: Asker) -> bool:
    return ADMINISTER_BUSINESSES.admits(asker.role)


@endpoint(
    "GET",
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(id="fintrackGetBusiness", summary="A business", tag=TAG, answers=_BUSINESS_200, refusals=_refusals),
)
async def get_business(request: HttpRequest, business_id: FromPath[str]) -> ASGIResponse:
    """A business: any for the service's admins, their own for its users."""

    def work(asker: Asker) -> ASGIResponse:
        wanted = read_id(business_id, "businessId")
        if not _is_root_admin(asker) and wanted != asker.company_id:
            raise RecordNotFound("There is no such business.", path="businessId")
        return one(asker, "get", read_business(asker.services.identity, wanted))

    return await answer_to(request, work)


@endpoint(
    "GET",
    "/auth-api/v1/businessbycodename/{codename:str}",
    Operation(
        id="fintrackGetBusinessByCodename", summary="A business by its codename", tag=TAG, answers=_BUSINESS_200, refusals=_refusals
    ),
)
async def get_business_by_codename(request: HttpRequest, codename: FromPath[str]) -> ASGIResponse:
    """A business: any for the service's admins, their own for its users."""

    def work(asker: Asker) -> ASGIResponse:
        wanted = codename.casefold()
        if not _is_root_admin(asker) and wanted != asker.company.data["codename"]:
            raise RecordNotFound("There is no such business.", path="codename")
        business = read_business(asker.services.identity, wanted)
        if business.data["codename"] != wanted:  # it was an id
            raise RecordNotFound("There is no such business.", path="codename")
        return one(asker, "get", business)

    return await answer_to(request, work)


async def _list_businesses(request: HttpRequest) -> ASGIResponse:
    """Every open business, for the service's admins."""

    def work(asker: Asker) -> ASGIResponse:
        page = page_of(asker)
        found = list_businesses(asker.services.database, page.limit, page.offset)
        rows = [wire.business_row(business) for business in found.records]
        return respond(asker, "list", "businesses", rows, paging=page.paging(found.total))

    return await answer_to(request, work, ADMINISTER_BUSINESSES)


_LISTS = [
    endpoint(
        "GET",
        f"/auth-api/v1/{path}",
        Operation(
            id=f"fintrack{name}",
            summary="Every business, in the order in which they were begun",
            tag=TAG,
            query=PageQuery,
            answers=_LIST_200,
            refusals=(NotAllowed,),
        ),
    )(_list_businesses)
    for path, name in (
        ("businesses", "ListBusinesses"),
        ("registeredbusinesses", "ListRegisteredBusinesses"),
        ("_fetchlistbusiness", "FetchListBusiness"),
    )
]


# Making, changing, closing -----------------------------------------------------------------------


def _part(form: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A part of the form under one of these names, else all of it."""
    return next((form[name] for name in names if isinstance(form.get(name), dict)), form)


def _company_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a new business. Raises InvalidField."""
    part = _part(form, "business")
    name = wire.optional_text(part, "businessName") or wire.text(part, "name")
    data: dict[str, Any] = {"name": wire.checked(name.strip(), Name, "name")}
    codename = wire.optional_text(part, "businessCodename", "codename")
    if codename is not None:
        data["codename"] = wire.checked(codename.strip().casefold(), Codename, "businessCodename")
    for wire_name, ours in {"currency": "currency", "timeZone": "time_zone", "address": "address", "phone": "phone"}.items():
        if (value := wire.optional_text(part, wire_name, longest=20_000)) is not None:
            data[ours] = value
    if part is not form and (email := wire.optional_text(part, "email")) is not None:
        data["email"] = email
    _check_zone(data)
    return data


def _check_zone(data: Mapping[str, Any]) -> None:
    """Raise InvalidField, as clients call the field, unless the time zone is one."""
    if data.get("time_zone", "UTC") not in time_zones():
        raise InvalidField(f"{data['time_zone']!r} is not an IANA time zone.", path="timeZone")


async def _create_business(request: HttpRequest) -> ASGIResponse:
    """Begin a business together with its owner, who gets a code where he gets no password."""
    asked = await read_request(request)
    services = asked.services
    asker = await services.threads.run(lambda: confirm(asked, gate=ADMINISTER_BUSINESSES))
    if asker.company.data["codename"] != ROOT:
        raise NotAllowed("Businesses are made from root; name no business in this request.", path="_business")
    company = _company_of(asker.form)
    person = _owner_of(asker.form)
    owner = new_user(person, role="tenantOwner")
    password = None
    if person.get("password") is not None:
        password = wire.text(person, "password", longest=MOST_PASSWORD_CHARACTERS)

    def work() -> tuple[Record, Record]:
        registration = Registration(services.identity, services.database)
        company_id, user_id = registration.found(company, owner, password, asker.actor)
        user = services.accounts.read(company_id, user_id)
        assert user is not None, "it has just been made"
        return read_business(services.identity, company_id), user

    business, user = await services.threads.run_slowly(work)
    more: dict[str, Any] = {
        "user": wire.user_row(user, business.id),
        "emailVerificationNeeded": True,
        "mobileVerificationNeeded": False,
    }
    if password is None:
        more["invitation"] = await invite(asker, user, business)
    return respond(asker, "create", "business", wire.business_row(business), more=more)


def _owner_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The owner's fields: in a part of their own, else beside the business's."""
    part = _part(form, "owner", "user", "businessOwner")
    if part is not form:
        return dict(part)
    names = {
        "email": ("ownerEmail", "email"),
        "fullname": ("ownerFullname", "fullname", "ownerName"),
        "password": ("ownerPassword", "password"),
    }
    person = {
        name: next((form[given] for given in spelled if form.get(given) is not None), None) for name, spelled in names.items()
    }
    return {**person, "avatar": form.get("avatar"), "mobile": form.get("mobile")}


_MAKERS = [
    endpoint(
        "POST",
        f"/auth-api/v1/{path}",
        Operation(
            id=f"fintrack{name}",
            summary="Begin a business together with its owner",
            description="The owner is `owner`, or his fields stand beside the business's. Without a password he is sent a code with"
            " which he sets one. His e-mail may be that of users elsewhere.",
            tag=TAG,
            body=forms.NewBusiness,
            body_example={"name": "Samira Trading", "owner": {"fullname": "Samira", "email": "samira@trading.example"}},
            answers={201: Answer("The business, and beside it the `user`.", forms.OneBusiness, _CREATED)},
            refusals=(NotAllowed, ValueTaken),
        ),
    )(_create_business)
    for path, name in (("businesses", "CreateBusiness"), ("registerbusinessowner", "RegisterBusinessOwner"))
]


def _own_or_any(asker: Asker, text: str) -> UUID:
    """The business that is to be changed. Raises NotAllowed, RecordNotFound for somebody else's."""
    OWN_BUSINESS.check(asker.role)
    wanted = read_id(text, "businessId")
    if not _is_root_admin(asker) and wanted != asker.company_id:
        raise RecordNotFound("There is no such business.", path="businessId")
    return wanted


@update_endpoints(
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(
        id="fintrackUpdateBusiness",
        summary="Change a business's particulars",
        description="For the service's admins, and for the owner.",
        tag=TAG,
        body=forms.BusinessChanges,
        body_example={"name": "Samira & Sons"},
        answers=_BUSINESS_200,
        refusals=(*_refusals, FieldFixed),
    ),
)
async def update_business_(request: HttpRequest, business_id: FromPath[str]) -> ASGIResponse:
    """Change a business."""

    def work(asker: Asker) -> ASGIResponse:
        business = read_business(asker.services.identity, _own_or_any(asker, business_id))
        changes = _changes_of(asker.form, business)
        return one(asker, "update", update_business(asker.services.identity, business.id, changes, asker.actor))

    return await answer_to(request, work)


def _changes_of(form: Mapping[str, Any], business: Record) -> dict[str, Any]:
    """Our fields that are sent. Raises FieldFixed, InvalidField."""
    for name in ("businessCodename", "codename"):
        if form.get(name) not in (None, business.data["codename"]):
            raise FieldFixed(f"`{name}` cannot be changed once the business exists.", path=name)
    changes: dict[str, Any] = {}
    for name, ours in FIELDS.items():
        if name in form:
            changes[ours] = wire.optional_text(form, name, longest=20_000)
    for required in ("name", "timeZone"):
        if FIELDS[required] in changes and changes[FIELDS[required]] is None:
            raise InvalidField(f"`{required}` cannot be cleared.", path=required)
    _check_zone(changes)
    return changes


@endpoint(
    "DELETE",
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(
        id="fintrackDeleteBusiness",
        summary="Close a business",
        description="Nobody logs in to it any more, and every session there ends. Its books are kept.",
        tag=TAG,
        answers=_BUSINESS_200,
        refusals=_refusals,
    ),
)
async def delete_business(request: HttpRequest, business_id: FromPath[str]) -> ASGIResponse:
    """Close a business."""

    def work(asker: Asker) -> ASGIResponse:
        return one(asker, "delete", close_business(asker.services.identity, read_id(business_id, "businessId"), asker.actor))

    return await answer_to(request, work, ADMINISTER_BUSINESSES)


HANDLERS = [
    list_brief_businesses,
    get_brief_business,
    get_business,
    get_business_by_codename,
    *_LISTS,
    *_MAKERS,
    *update_business_,
    delete_business,
]
