"""Businesses: making them with their owners, changing and closing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.businesses import BUSINESS_200, REFUSALS, TAG, named_business, one
from api.fintrack.auth.routes import api, update_api
from api.fintrack.auth.user_administration import invite
from api.fintrack.envelope import respond
from api.fintrack.objects.businesses import ALSO, BUSINESS
from api.fintrack.roles import ADMINISTER_BUSINESSES, Gate
from api.fintrack.values import LONGEST_TEXT
from api.http_errors import HttpRequest
from domain.errors import FieldFixed, InvalidField, NotAllowed, ValueTaken
from domain.kinds.company import Codename, time_zones
from domain.record import Record
from domain.values import Name
from infra.companies.businesses import close_business, read_business, update_business
from infra.companies.directory import ROOT
from infra.companies.registration import Registration
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS

OWN_BUSINESS = Gate(frozenset({"superAdmin", "saasAdmin", "tenantOwner"}))
"""Roles that change a business: the service's admins any, its owner his own."""
_CREATED = examples.enveloped("create", "business", examples.BUSINESS)


def _part(form: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A part of the form under one of these names, else all of it."""
    return next((form[name] for name in names if isinstance(form.get(name), dict)), form)


def _company_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a new business. Raises InvalidField."""
    part = _part(form, "business")
    called = wire.optional_text(part, "businessName") or wire.text(part, "name")
    data: dict[str, Any] = {"name": wire.checked(called.strip(), Name, "name")}
    codename = wire.optional_text(part, "businessCodename", "codename")
    if codename is not None:
        data["codename"] = wire.checked(codename.strip().casefold(), Codename, "businessCodename")
    for name in ("currency", "timeZone", "address", "phone"):
        if (value := wire.optional_text(part, name, longest=LONGEST_TEXT)) is not None:
            data[BUSINESS.by_wire[name].ours] = value
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
    owner = wire.new_user(person, role="tenantOwner")
    password = None
    if person.get("password") is not None:
        password = wire.text(person, "password", longest=MOST_PASSWORD_CHARACTERS)

    def work() -> tuple[Record, Record]:
        registration = Registration(services.users, services.ledger)
        company_id, user_id = registration.found(company, owner, password, asker.actor)
        user = services.accounts.read(company_id, user_id)
        assert user is not None, "it has just been made"
        return read_business(services.database, services.ledger, company_id), user

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


@update_api(
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(
        id="fintrackUpdateBusiness",
        summary="Change a business's particulars",
        description="For the service's admins, and for the owner.",
        tag=TAG,
        body=forms.BusinessChanges,
        body_example={"name": "Samira & Sons"},
        answers=BUSINESS_200,
        refusals=(*REFUSALS, FieldFixed),
    ),
)
def update_business_(asker: Asker) -> ASGIResponse:
    """Change a business."""
    OWN_BUSINESS.check(asker.role)
    business = read_business(asker.services.database, asker.services.ledger, named_business(asker))
    changes = _changes_of(asker.form, business)
    return one(asker, "update", update_business(asker.services.ledger, business.id, changes, asker.actor))


def _changes_of(form: Mapping[str, Any], business: Record) -> dict[str, Any]:
    """Our fields that are sent. Raises FieldFixed, InvalidField."""
    for name in ("businessCodename", ALSO["businessCodename"]):
        if form.get(name) not in (None, business.data["codename"]):
            raise FieldFixed(f"`{name}` cannot be changed once the business exists.", path=name)
    changes: dict[str, Any] = {}
    fields = [field for field in BUSINESS.fields if field.settable == "always" and field.wire in form]
    for field in fields:
        changes[field.ours] = wire.optional_text(form, field.wire, longest=LONGEST_TEXT)
    for field in fields:
        if field.required and changes[field.ours] is None:
            raise InvalidField(f"`{field.wire}` cannot be cleared.", path=field.wire)
    _check_zone(changes)
    return changes


@api(
    "DELETE",
    "/auth-api/v1/businesses/{business_id:str}",
    Operation(
        id="fintrackDeleteBusiness",
        summary="Close a business",
        description="Nobody logs in to it any more, and every session there ends. Its books are kept.",
        tag=TAG,
        answers=BUSINESS_200,
        refusals=REFUSALS,
    ),
    ADMINISTER_BUSINESSES,
)
def delete_business(asker: Asker) -> ASGIResponse:
    """Close a business."""
    return one(asker, "delete", close_business(asker.services.sessions, named_business(asker), asker.actor))


HANDLERS = [*_MAKERS, *update_business_, delete_business]
