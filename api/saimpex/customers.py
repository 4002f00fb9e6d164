"""Customers: made, changed, listed, and pulled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.saimpex import tags, values
from api.saimpex.deltas import CURSOR, Cache, Pull, said
from api.saimpex.envelope import Envelope
from api.saimpex.forms import Form, field, ref
from api.saimpex.pages import PER_PAGE, Page, PageQuery, page_of, records_of, search_of
from api.saimpex.rows import customer_row, short_customer_row
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import RecordNotFound
from domain.record import Record
from infra.lists.listing import Condition, Source, list_from
from infra.sync.deltas import Item

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


class CustomersQuery(PageQuery, kw_only=True):
    """With `updated_since` all that changed is answered, unless `per_page` cuts it: then go on with the cursor of each first page.

    Without, only the first page has a cursor: it is the one to keep.
    """

    search: str | None = None
    updated_since: str | None = None


class Customers(msgspec.Struct, kw_only=True):
    """Customers, and on which page."""

    customers: list[dict[str, Any]]
    pagination: dict[str, int]
    deleted_ids: list[int]
    sync_cursor: str | None


CUSTOMERS = Cache("customers", "party", lambda item: customer_row(item.record), is_customer)
SHORT_CUSTOMERS = Cache("customers", "party", lambda item: short_customer_row(item.record), is_customer)


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
                    "data": {"customers": [EXAMPLE], "pagination": Page().told(1), "deleted_ids": [], "sync_cursor": CURSOR},
                },
            )
        },
    ),
)
async def customers_list(request: HttpRequest) -> ASGIResponse:
    """A page."""
    pull = Pull.read(request)
    page = page_of(pull.query)
    if pull.since is None:
        return said(await pull.services.threads.run(_list, pull, page))
    if await pull.is_at_head():
        cursor = values.time_text(pull.since.moment)
        return said(CUSTOMERS.said([], [], cursor, pagination=page.told(0)))
    return said(await pull.services.threads.run(_changed, pull, page, is_cut=bool(pull.query.get("per_page")) or page.number > 1))


def _list(pull: Pull, page: Page) -> Row:
    member = pull.member()
    cursor = values.time_text(pull.services.deltas.end(pull.claims.cid))  # first: what is written meanwhile comes after it
    paths = tuple(("data", name) for name in ("name", "email", "mobile", "phone"))
    conditions = [Condition((("data", "roles"),), ("customer",), test="holds")]
    if search := search_of(pull.query):
        conditions.append(Condition(paths, (search,), test="holds"))
    source = Source("party", tuple(conditions))
    found = list_from(member.services.database, member.principal.company_id, [source], limit=page.size, offset=page.offset)
    rows = list(map(customer_row, records_of(found.items)))
    return CUSTOMERS.said(rows, [], cursor if page.number == 1 else None, pagination=page.told(found.total))


def _changed(pull: Pull, page: Page, *, is_cut: bool) -> Row:
    """A page of what changed, in the order of the log; all of it where nobody asks for pages.

    The cursor of a first page tells how far it reaches. What changes while somebody turns pages moves to the end, and what came
    after it one place up, perhaps to a page that was read already: so a later page does not move the cursor before all is calm.
    """
    delta = pull.look("party")
    wanted = (pull.query.get("search") or "").strip().casefold()
    items = [item for item in delta.items if not is_customer(item.record) or _matches(item, wanted)]
    kept = [item for item in items if is_customer(item.record)]
    page = page if is_cut else Page(size=max(PER_PAGE, len(kept)))
    end = page.offset + page.size
    chosen, is_last = kept[page.offset : end], end >= len(kept)
    until = delta.head if is_last else chosen[-1].record.seq
    gone = [item.record.number for item in items if not is_customer(item.record) and item.record.seq <= until]
    cursor = pull.cursor(delta) if is_last else values.time_text(chosen[-1].record.updated_at)
    if page.number > 1 and pull.since is not None and any(delta.now - item.record.updated_at < CALM for item in delta.items):
        cursor = pull.since.text
    rows = [customer_row(item.record) for item in chosen]
    return CUSTOMERS.said(rows, gone, cursor, pagination=page.told(len(kept)))


def _matches(item: Item, wanted: str) -> bool:
    data = item.record.data
    return not wanted or any(wanted in str(data.get(name, "")).casefold() for name in ("name", "email", "mobile", "phone"))


get_customers = SHORT_CUSTOMERS.handler(
    "getCustomers",
    id_="saimpexGetCustomers",
    summary="Customers for a drop-down list, or those that changed since a cursor",
    tag=tags.CRM,
    title="ShortCustomers",
    example=EXAMPLE,
)

HANDLERS = [*create_customer, *update_customer, customers_list, get_customers]
