"""Businesses: the public list, and reading them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import Asked, Asker, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.routes import api
from api.fintrack.envelope import page_of, respond
from api.fintrack.parameters import PageQuery
from api.fintrack.roles import ADMINISTER_BUSINESSES
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from domain.errors import CompanyNotFound, NotAllowed, RecordNotFound, TooManyRequests
from domain.record import Record
from infra.companies.businesses import Businesses, list_businesses, read_business

TAG = "FinTrack: businesses"
BUSINESS_200 = {200: Answer("The business.", forms.OneBusiness, examples.enveloped("get", "business", examples.BUSINESS))}
_LIST_200 = {200: Answer("Businesses.", forms.Businesses, examples.enveloped("list", "businesses", [examples.BUSINESS]))}
REFUSALS = (NotAllowed, RecordNotFound)


# Public ------------------------------------------------------------------------------------------


async def _read_public(request: HttpRequest) -> Asked:
    """A request of anybody, counted by the address that it comes from. Raises what is wrong with it, TooManyRequests."""
    asked = await read_request(request)
    asked.check()
    address = request.client.host if request.client else ""
    asked.services.limits.count(f"businesses:{address}", asked.services.settings.rate_limit_per_minute)
    return asked


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
    asked = await _read_public(request)
    services, page = asked.services, page_of(asked)
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
        answers=BUSINESS_200,
        refusals=(RecordNotFound, TooManyRequests),
        secured=False,
    ),
)
async def get_brief_business(request: HttpRequest, business_id: FromPath[str]) -> ASGIResponse:
    """Name and codename of a business."""
    asked = await _read_public(request)
    services, wanted = asked.services, read_id(business_id, "businessId")
    if not services.settings.public_businesses:
        raise CompanyNotFound("There is no such business.", path="businessId")
    business = await services.threads.run(read_business, services.database, services.ledger, wanted)
    return respond(asked, "get", "business", wire.brief_business_row(business))


# Reading -----------------------------------------------------------------------------------------


def one(asker: Asker, action: Any, business: Record) -> ASGIResponse:
    """A business, enveloped."""
    return respond(asker, action, "business", wire.business_row(business))


def _is_root_admin(asker: Asker) -> bool:
    return ADMINISTER_BUSINESSES.admits(asker.role)


def named_business(asker: Asker) -> UUID:
    """The business that the path names: any for the service's admins, their own for others. Raises InvalidId, RecordNotFound."""
    wanted = read_id(asker.request.path_params["business_id"], "businessId")
    if not _is_root_admin(asker) and wanted != asker.company_id:
        raise RecordNotFound("There is no such business.", path="businessId")
    return wanted


@api(
    "GET",
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(id="fintrackGetBusiness", summary="A business", tag=TAG, answers=BUSINESS_200, refusals=REFUSALS),
)
def get_business(asker: Asker) -> ASGIResponse:
    """A business: any for the service's admins, their own for its users."""
    return one(asker, "get", read_business(asker.services.database, asker.services.ledger, named_business(asker)))


@api(
    "GET",
    "/auth-api/v1/businessbycodename/{codename:str}",
    Operation(
        id="fintrackGetBusinessByCodename", summary="A business by its codename", tag=TAG, answers=BUSINESS_200, refusals=REFUSALS
    ),
)
def get_business_by_codename(asker: Asker) -> ASGIResponse:
    """A business: any for the service's admins, their own for its users."""
    wanted = asker.request.path_params["codename"].casefold()
    if not _is_root_admin(asker) and wanted != asker.company.data["codename"]:
        raise RecordNotFound("There is no such business.", path="codename")
    business = read_business(asker.services.database, asker.services.ledger, wanted)
    if business.data["codename"] != wanted:  # it was an id
        raise RecordNotFound("There is no such business.", path="codename")
    return one(asker, "get", business)


def _list_businesses(asker: Asker) -> ASGIResponse:
    """Every open business, for the service's admins."""
    page = page_of(asker)
    found = list_businesses(asker.services.database, page.limit, page.offset)
    rows = [wire.business_row(business) for business in found.records]
    return respond(asker, "list", "businesses", rows, paging=page.paging(found.total))


_LISTS = [
    api(
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
        ADMINISTER_BUSINESSES,
    )(_list_businesses)
    for path, name in (
        ("businesses", "ListBusinesses"),
        ("registeredbusinesses", "ListRegisteredBusinesses"),
        ("_fetchlistbusiness", "FetchListBusiness"),
    )
]


HANDLERS = [list_brief_businesses, get_brief_business, get_business, get_business_by_codename, *_LISTS]
