"""Parties, written directly: the one table for which the app's server has more than the sync."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Member, member_of
from api.matrix.columns import Inbound
from api.matrix.data import TAG, OneQuery, find_row, rows_of
from api.matrix.documents import Row, document_of
from api.matrix.tables.parties import PARTIES
from api.reading_requests import query_pairs, read_body, services_of
from domain.command import Command
from domain.decide import Result
from domain.errors import CompanyNotFound, InvalidField, KeyReused, LedgerError, NotAllowed, RecordNotFound
from domain.needs import Needs

PARTY_TYPES = ("customer", "supplier", "both")
IDEMPOTENT = {"Idempotency-Key": "The request is done once, however often it is sent with this key."}


class PartyForm(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A party's columns; when it is changed, only those that change."""

    name: str = ""
    party_type: str = ""
    company_id: int | None = None
    customer_class: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    opening_balance: str | float | None = None
    credit_limit: str | float | None = None
    payment_terms_days: int | None = None
    is_active: bool = True


class PartySaid(msgspec.Struct, kw_only=True):
    """What was done, and the party as it is now."""

    success: bool = True
    message: str
    party: Row


class PartyGone(msgspec.Struct, kw_only=True):
    """What was done."""

    success: bool = True
    message: str


def _execute(member: Member, command: Command) -> Result:
    member.check_may_write(PARTIES.name)
    try:
        outcome = member.services.ledger.execute(member.company_id, [command], member.actor)
    except LedgerError as error:
        error.path = error.path.removeprefix("commands[0].")
        raise
    result = outcome.results[0]
    assert isinstance(result, Result), "a batch of one is atomic"
    return result


def _shown(member: Member, result: Result) -> Row:
    record = member.services.store.read_records(member.company_id, Needs(ids={result.id})).records[0]
    rows, document = rows_of(member), document_of(record)
    return rows.row(document, PARTIES, rows.numbers_for([document]))


def _data(member: Member, form: dict[str, Any]) -> Row:
    if form.get("party_type") is not None and form["party_type"] not in PARTY_TYPES:
        raise InvalidField("The selected party type is invalid.", path="party_type")
    return PARTIES.data(form, Inbound(member.zone))


@endpoint(
    "POST",
    "/api/parties",
    Operation(
        id="matrixCreateParty",
        summary="Make a party",
        tag=TAG,
        body=PartyForm,
        body_example={"company_id": 1003, "name": "Shirin", "party_type": "customer"},
        headers=IDEMPOTENT,
        answers={
            201: Answer(
                "The party.", PartySaid, {"success": True, "message": "Party created successfully", "party": examples.PARTY}
            )
        },
        refusals=(CompanyNotFound, NotAllowed, KeyReused),
    ),
)
async def create(request: HttpRequest) -> ASGIResponse:
    """Make a party."""
    services = services_of(request)
    claims = claims_of(request, "write")
    form = forms.body_of(await read_body(request))
    forms.read_all(name=lambda: forms.text(form, "name"), party_type=lambda: forms.text(form, "party_type"))
    key = _key(request)

    def work() -> PartySaid:
        member = member_of(services, claims, form)
        result = _execute(member, Command(kind="party", action="create", data=_data(member, form), key=key))
        return PartySaid(message="Party created successfully", party=_shown(member, result))

    return answer(await services.threads.run(work), 201)


def _key(request: HttpRequest) -> str | None:
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not 1 <= len(given) <= 200:
        raise InvalidField("A key is a text of 1 to 200 characters.", path="Idempotency-Key")
    return f"matrix parties {given}"


@endpoint(
    "PUT",
    "/api/parties/{row_id:int}",
    Operation(
        id="matrixUpdateParty",
        summary="Change a party",
        tag=TAG,
        body=PartyForm,
        body_example={"phone": "+98 21 5550 0100"},
        answers={
            200: Answer(
                "The party.", PartySaid, {"success": True, "message": "Party updated successfully", "party": examples.PARTY}
            )
        },
        refusals=(CompanyNotFound, NotAllowed, RecordNotFound),
    ),
)
async def update(request: HttpRequest, row_id: FromPath[int]) -> ASGIResponse:
    """Change the columns that are sent."""
    services = services_of(request)
    claims = claims_of(request, "write")
    form = forms.body_of(await read_body(request))

    def work() -> PartySaid:
        member = member_of(services, claims, form)
        number = find_row(member, PARTIES.name, row_id)[1].number
        result = _execute(member, Command(kind="party", action="update", number=number, data=_data(member, form)))
        return PartySaid(message="Party updated successfully", party=_shown(member, result))

    return answer(await services.threads.run(work))


@endpoint(
    "DELETE",
    "/api/parties/{row_id:int}",
    Operation(
        id="matrixDeleteParty",
        summary="Delete a party",
        tag=TAG,
        query=OneQuery,
        answers={200: Answer("It is deleted.", PartyGone, {"success": True, "message": "Party deleted successfully"})},
        refusals=(CompanyNotFound, NotAllowed, RecordNotFound),
    ),
)
async def delete(request: HttpRequest, row_id: FromPath[int]) -> ASGIResponse:
    """Delete a party; it stays pullable as a deletion."""
    services = services_of(request)
    claims = claims_of(request, "write")
    query = dict(query_pairs(request))

    def work() -> PartyGone:
        member = member_of(services, claims, query)
        number = find_row(member, PARTIES.name, row_id)[1].number
        _execute(member, Command(kind="party", action="delete", number=number))
        return PartyGone(message="Party deleted successfully")

    return answer(await services.threads.run(work))


HANDLERS = [create, update, delete]
