"""Customers: made, changed, listed, and pulled."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.saimpex import tags, values
from api.saimpex.deltas import Cache, DeltaQuery, Pull, said
from api.saimpex.envelope import Envelope
from api.saimpex.forms import Form, field, ref
from api.saimpex.rows import customer_row, short_customer_row
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import RecordNotFound
from domain.record import Record
from infra.listing import Condition, Source, list_from
from infra.sync.deltas import Item

MOST_PER_PAGE = 1_000
PER_PAGE = 20
CALM = timedelta(minutes=10)
"""Longer than anybody takes to turn the pages of what changed."""
CUSTOMER = (
    field("email", values.text(254)),
    field("mobile", values.text(), also=("phone", "mobile_number")),
    field("country_code", values.text()),
    field("address", values.text(20_000)),
    field("city", values.text()),
    field("country", values.text()),
    field("notes", values.text(20_000)),
    field("tax_number", values.text()),
    field("credit_limit", values.amount, type_=float),
    field("is_active", values.flag, type_=bool, also=("status",)),
)
NEW_CUSTOMER = Form("NewCustomer", field("name", values.name, required=True), *CUSTOMER)
CHANGED_CUSTOMER = Form(
    "ChangedCustomer", ref("customer_id", "id", required=True, also=("id",)), field("name", values.name), *CUSTOMER
)
EXAMPLE: Row = {
    "id": 10,
    "name": "Aïcha",
    "mobile": "+22245250000",
    "email": None,
    "status": 1,
    "updated_at": "2026-05-28T10:15:00.000000Z",
}


def is_customer(record: Record) -> bool:
    """Whether a party is a customer that was not deleted."""
    return not record.deleted and "customer" in record.data["roles"]


@writes(
    "crm/createCustomer",
    id="saimpexCreateCustomer",
    tag=tags.CRM,
    summary="Make a customer",
    form=NEW_CUSTOMER,
    body_example={"name": "Aïcha", "mobile": "+22245250000"},
    answer=Row,
    example=EXAMPLE,
    created=201,
    message="Customer created successfully",
)
def create_customer(asked: Asked) -> Plan:
    """A party that is a customer."""
    return Plan([asked.create("party", {**asked.values, "roles": ["customer"]})], lambda made: customer_row(made.record()))


@writes(
    "crm/updateCustomer",
    id="saimpexUpdateCustomer",
    tag=tags.CRM,
    summary="Change a customer",
    form=CHANGED_CUSTOMER,
    body_example={"customer_id": 10, "name": "Aïcha", "email": "aicha@example.com"},
    answer=Row,
    example=EXAMPLE,
    synced=True,
    message="Customer updated successfully",
)
def update_customer(asked: Asked) -> Plan:
    """The fields that were sent. Every update is an action of its own."""
    data = dict(asked.values)
    return Plan([asked.command("party", "update", data, data.pop("id"))], _say_customer)


def _say_customer(made: Made) -> Row:
    if not is_customer(made.record()):
        raise RecordNotFound("There is no such customer.", path="id")
    return customer_row(made.record())


# Lists ----------------------------------------------------------------------------------------------


class CustomersQuery(DeltaQuery, kw_only=True):
    """With `updated_since` all that changed is answered, unless `per_page` cuts it: then go on with the cursor of each first page.

    Without, only the first page has a cursor: it is the one to keep.
    """

    search: str | None = None
    page: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    per_page: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] | None = None


class Customers(msgspec.Struct, kw_only=True):
    """Customers, and on which page."""

    customers: list[dict[str, Any]]
    pagination: dict[str, int]
    deleted_ids: list[int]
    sync_cursor: str | None


CUSTOMERS = Cache("customers", "party", lambda item: customer_row(item.record), is_customer)
SHORT_CUSTOMERS = Cache("customers", "party", lambda item: short_customer_row(item.record), is_customer)
_PAGES = {"current_page": 1, "per_page": 20, "total": 1, "last_page": 1}
_CURSOR = "2026-05-28T10:15:00.000000Z"


@endpoint(
    "GET",
    "/api/desktop/crm/customersList",
    Operation(
        id="saimpexCustomersList",
        summary="Customers, page by page, or those that changed since a cursor",
        tag=tags.CRM,
        query=CustomersQuery,
        answers={
            200: Answer(
                "Customers.",
                Envelope[Customers],
                {
                    "status": "true",
                    "data": {"customers": [EXAMPLE], "pagination": _PAGES, "deleted_ids": [], "sync_cursor": _CURSOR},
                },
            )
        },
    ),
)
async def customers_list(request: HttpRequest) -> ASGIResponse:
    """A page."""
    pull = Pull.read(request)
    page = values.whole(1, 10**9)(pull.query.get("page") or 1, "page")
    given = pull.query.get("per_page")
    per_page = values.whole(1, MOST_PER_PAGE)(given or PER_PAGE, "per_page")
    if pull.since is None:
        return said(await pull.services.threads.run(_list, pull, page, per_page))
    if await pull.is_at_head():
        cursor = values.time_text(pull.since.moment)
        return said(CUSTOMERS.said([], [], cursor, pagination=pagination(page, per_page, 0)))
    return said(await pull.services.threads.run(_changed, pull, page, per_page if given or page > 1 else None))


def _list(pull: Pull, page: int, per_page: int) -> Row:
    member = pull.member()
    cursor = values.time_text(pull.services.deltas.end(pull.claims.cid))  # first: what is written meanwhile comes after it
    paths = tuple(("data", name) for name in ("name", "email", "mobile", "phone"))
    conditions = [Condition((("data", "roles"),), ("customer",), test="holds")]
    if search := (pull.query.get("search") or "").strip()[:200]:
        conditions.append(Condition(paths, (search,), test="holds"))
    source = Source("party", tuple(conditions))
    found = list_from(member.services.database, member.principal.company_id, [source], limit=per_page, offset=(page - 1) * per_page)
    rows = list(map(customer_row, msgspec.json.decode(b"[" + found.items + b"]", type=list[Record])))
    return CUSTOMERS.said(rows, [], cursor if page == 1 else None, pagination=pagination(page, per_page, found.total))


def _changed(pull: Pull, page: int, per_page: int | None) -> Row:
    """A page of what changed, in the order of the log; all of it where nobody asks for pages.

    The cursor of a first page tells how far it reaches. What changes while somebody turns pages moves to the end, and what came
    after it one place up, perhaps to a page that was read already: so a later page does not move the cursor before all is calm.
    """
    delta = pull.look("party")
    wanted = (pull.query.get("search") or "").strip().casefold()
    items = [item for item in delta.items if not is_customer(item.record) or _matches(item, wanted)]
    kept = [item for item in items if is_customer(item.record)]
    per_page = per_page or max(PER_PAGE, len(kept))
    chosen = kept[(page - 1) * per_page : page * per_page]
    is_last = page * per_page >= len(kept)
    until = delta.head if is_last else chosen[-1].record.seq
    gone = [item.record.number for item in items if not is_customer(item.record) and item.record.seq <= until]
    cursor = pull.cursor(delta) if is_last else values.time_text(chosen[-1].record.updated_at)
    if page > 1 and pull.since is not None and any(delta.now - item.record.updated_at < CALM for item in delta.items):
        cursor = pull.since.text
    rows = [customer_row(item.record) for item in chosen]
    return CUSTOMERS.said(rows, gone, cursor, pagination=pagination(page, per_page, len(kept)))


def _matches(item: Item, wanted: str) -> bool:
    data = item.record.data
    return not wanted or any(wanted in str(data.get(name, "")).casefold() for name in ("name", "email", "mobile", "phone"))


def pagination(page: int, per_page: int, total: int) -> dict[str, int]:
    """Where a page is."""
    return {"current_page": page, "per_page": per_page, "total": total, "last_page": max(1, -(-total // per_page))}


class ShortCustomers(msgspec.Struct, kw_only=True):
    """Customers for a drop-down list."""

    customers: list[dict[str, Any]]
    deleted_ids: list[int]
    sync_cursor: str | None


@endpoint(
    "GET",
    "/api/desktop/getCustomers",
    Operation(
        id="saimpexGetCustomers",
        summary="Customers for a drop-down list, or those that changed since a cursor",
        tag=tags.CRM,
        query=DeltaQuery,
        answers={
            200: Answer(
                "Customers.",
                Envelope[ShortCustomers],
                {"status": "true", "data": {"customers": [EXAMPLE], "deleted_ids": [], "sync_cursor": _CURSOR}},
            )
        },
    ),
)
async def get_customers(request: HttpRequest) -> ASGIResponse:
    """All of them."""
    return await SHORT_CUSTOMERS.answer(Pull.read(request))


HANDLERS = [*create_customer, *update_customer, customers_list, get_customers]
