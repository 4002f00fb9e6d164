"""Lists of what an app may act on online: employees and shifts, and what the document names no list of, as held sales."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import cash, employees, holds, journal, purchases, shifts, staff, tags, values
from api.saimpex.access import Gate, bookkeepers, is_manager, member_of
from api.saimpex.deltas import said
from api.saimpex.envelope import Envelope
from api.saimpex.pages import Page, PageQuery, page_of, records_of, search_of
from api.saimpex.values import Row
from api.saimpex.writing import Made
from domain.books import Books
from domain.catalogue import CATALOGUE
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.lists.listing import Beside, Condition, Source, list_from


@dataclass(frozen=True)
class Listed:
    """One list: the newest first, in pages, perhaps of one status, or of what the fields in `searched` hold.

    `own` is the field that names whose a record is: who is no manager sees their own. `links` are the references that a row tells.
    `is_named`: the document names it; else it is ours.
    """

    path: str
    name: str
    kind: str
    tag: str
    summary: str
    row: Callable[[Record, Made], Row]
    example: Row
    statuses: Mapping[int, str] = field(default_factory=dict)
    own: str = ""
    links: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    searched: tuple[str, ...] = ()
    newest_first: bool = True
    is_named: bool = False
    gate: Gate = lambda _: None

    def read(self, services: Services, claims: Claims, query: Mapping[str, str]) -> Row:
        """A page. Raises NotAllowed, InvalidField."""
        member = member_of(services, claims)
        self.gate(member.principal.role)
        page = page_of(query)
        conditions = list(self.conditions)
        if self.own and not is_manager(member.principal.role):
            conditions.append(Condition((("data", self.own),), (str(member.principal.user_id),)))
        if query.get("status") and self.statuses:
            names: dict[Any, str] = {**self.statuses, **{name: name for name in self.statuses.values()}}
            conditions.append(Condition((("data", "status"),), (values.choice(names)(query["status"], "status"),)))
        if self.searched and (search := search_of(query)):
            conditions.append(Condition(tuple(("data", name) for name in self.searched), (search,), test="holds"))
        found = list_from(
            services.database,
            claims.cid,
            [Source(self.kind, tuple(conditions))],
            descending=self.newest_first,
            limit=page.size,
            offset=page.offset,
            beside=Beside(tuple(("data", name) for name in self.links), self.children),
        )
        books = Books(claims.cid)
        for record in records_of(found.beside):
            books.add(record, CATALOGUE[record.kind])
        made = Made(books, ())
        rows = [self.row(record, made) for record in records_of(found.items)]
        return {self.name: rows, "pagination": page.told(found.total)}

    def handler(self) -> HTTPRouteHandler:
        """Its endpoint."""
        answer = {"status": "true", "data": {self.name: [self.example], "pagination": Page().told(1)}, "message": "Success"}
        title = f"{self.name[0].upper()}{self.name[1:]}".replace("_", "")
        told = () if self.is_named else ("Ours: the document names no such list.",)
        operation = Operation(
            id=f"saimpex{title}" if self.is_named else f"saimpexList{title}",
            summary=self.summary,
            description=" ".join((*told, *((f"`status`: {self._codes()}.",) if self.statuses else ()))),
            tag=self.tag,
            query=self._query(title),
            answers={200: Answer("A page.", Envelope[self._page(title)], answer)},  # type: ignore[misc]
        )

        async def handle(request: HttpRequest) -> ASGIResponse:
            claims, services = claims_of(request), services_of(request)
            return said(await services.threads.run(self.read, services, claims, dict(query_pairs(request))))

        return endpoint("GET", f"/api/desktop/{self.path}", operation)(handle)

    def _page(self, title: str) -> type[msgspec.Struct]:
        return msgspec.defstruct(title, [(self.name, list[dict[str, Any]]), ("pagination", dict[str, int])], kw_only=True)

    def _query(self, title: str) -> type[msgspec.Struct]:
        columns: list[tuple[str, Any, Any]] = []
        if self.statuses:
            status: Any = Literal[tuple(str(word) for pair in self.statuses.items() for word in pair)]
            columns.append(("status", status | None, None))
        if self.searched:
            columns.append(("search", str | None, None))
        return msgspec.defstruct(f"{title}Query", columns, bases=(PageQuery,), kw_only=True)

    def _codes(self) -> str:
        return ", ".join(f"{code} {name}" for code, name in self.statuses.items())


def _codes(names: Mapping[str, int]) -> dict[int, str]:
    return {code: name for name, code in names.items()}


def _named(name: str, row: Callable[[Record, int | None], Row]) -> Callable[[Record, Made], Row]:
    """A row that tells the number of what a field names."""

    def say(record: Record, made: Made) -> Row:
        return row(record, made.number(record.data.get(name)))

    return say


def _first(example: Row) -> Any:
    return next(iter(example.values()))


LISTS = (
    Listed(
        path="hrm/employees",
        name="employees",
        kind="user",
        tag=tags.HRM,
        summary="Employees",
        row=lambda record, _: employees.employee_row(record),
        example=employees.EXAMPLE,
        searched=("name", "email", "username", "code"),
        newest_first=False,
        is_named=True,
    ),
    Listed(
        path="pos/shifts",
        name="shifts",
        kind="shift",
        tag=tags.POS,
        summary="Shifts, the latest first; a cashier's own, a manager's all",
        row=_named("cashier_id", shifts.shift_row),
        example=shifts.EXAMPLE,
        statuses=_codes(shifts.STATUS),
        own="cashier_id",
        links=("cashier_id",),
        is_named=True,
    ),
    Listed(
        path="pos/heldSales",
        name="held_transactions",
        kind="held_sale",
        tag=tags.POS,
        summary="Held sales",
        row=_named("party_id", holds.held_row),
        example=_first(holds.EXAMPLE),
        statuses=_codes(holds.STATUS),
        links=("party_id",),
    ),
    Listed(
        path="pos/cashTransactions",
        name="cash_transactions",
        kind="cash_transaction",
        tag=tags.POS,
        summary="Cash that was put into the tills or taken out of them",
        row=_named("shift_id", cash.cash_row),
        example=cash.EXAMPLE,
        links=("shift_id",),
    ),
    Listed(
        path="erp/purchaseOrders",
        name="purchase_orders",
        kind="order",
        tag=tags.ERP,
        summary="Purchase orders, without their products",
        row=purchases.order_head,
        example=purchases.EXAMPLE,
        statuses=_codes(purchases.STATUS),
        links=("party_id",),
        conditions=(Condition((("data", "type"),), ("purchase",)),),
    ),
    Listed(
        path="erp/journalEntries",
        name="journal_entries",
        kind="journal_entry",
        tag=tags.ERP,
        summary="Journal entries with their lines",
        row=lambda record, made: journal.entry_row(record, made.children(record, "journal_line")),
        example=journal.EXAMPLE,
        statuses=_codes(journal.STATUS),
        children=("journal_line",),
        gate=bookkeepers,
    ),
    Listed(
        path="hrm/leaves",
        name="leaves",
        kind="leave",
        tag=tags.HRM,
        summary="Days off that were asked for: one's own, a manager's all",
        row=_named("employee_id", staff.leave_row),
        example={"id": 9, "user_id": 3, "type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03", "status": 1},
        statuses=_codes(staff.ANSWERED),
        own="employee_id",
        links=("employee_id",),
    ),
    Listed(
        path="hrm/expenses",
        name="expenses",
        kind="expense",
        tag=tags.HRM,
        summary="Expenses that were asked for: one's own, a manager's all",
        row=_named("requested_by", staff.expense_row),
        example={"id": 14, "user_id": 3, "amount": 25, "category": "transport", "status": 1, "receipts": []},
        statuses=_codes(staff.ANSWERED),
        own="requested_by",
        links=("requested_by",),
    ),
)
HANDLERS = [one.handler() for one in LISTS]
