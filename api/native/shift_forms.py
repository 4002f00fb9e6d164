"""What the reports of shifts take and answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from api.native.report_forms import Amount

Format = Annotated[Literal["json", "csv"], Meta(description="The same as `Accept`, which it overrules.")]


class ShiftQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which form."""

    format: Format | None = None


class ShiftsQuery(ShiftQuery, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which shifts, by the day they were opened."""

    from_: Annotated[date, Meta(description="The first day on which a shift was opened.")] | None = None
    to: Annotated[date, Meta(description="The last day on which a shift was opened.")] | None = None
    cashier: Annotated[str, Meta(description="Only this cashier's: the user's id or number.", max_length=100)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500, description="The latest so many shifts.")] = 100


class ShiftHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Whose shift, and when. An X report is of an open shift so far, a Z report of a closed one; `number` is the report's too."""

    report: Literal["X", "Z"]
    id: UUID
    number: int
    cashier_id: UUID
    cashier: str | None
    till: str | None
    currency: str
    status: Literal["open", "closed"]
    opened_at: str
    closed_at: str | None
    notes: str | None
    closing_notes: str | None
    variance_reason: str | None


class ShiftDocuments(msgspec.Struct, frozen=True, kw_only=True):
    """Invoices of one type: `gross` less `discounts` and with `charges` is `net`."""

    type: str
    currency: str
    count: int
    gross: Amount
    discounts: Amount
    charges: Amount
    net: Amount
    vat: Amount
    total: Amount


class ShiftVat(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one rate; `vat` includes the levy."""

    type: str
    vat_rate: Amount
    levy_rate: Amount
    currency: str
    net: Amount
    vat: Amount


class ShiftPayments(msgspec.Struct, frozen=True, kw_only=True):
    """Payments by method; `cash` is what they put into the drawer, below zero what they took out."""

    method: str
    direction: str
    currency: str
    count: int
    amount: Amount
    cash: Amount


class ShiftCashMovements(msgspec.Struct, frozen=True, kw_only=True):
    """Cash in or out by category."""

    direction: str
    category: str | None
    currency: str
    count: int
    amount: Amount


class ShiftExpenses(msgspec.Struct, frozen=True, kw_only=True):
    """Approved expenses by category and method; `cash` is what they took out of the drawer, below zero."""

    category: str | None
    method: str | None
    currency: str
    count: int
    amount: Amount
    cash: Amount


class ShiftDrawer(msgspec.Struct, frozen=True, kw_only=True):
    """`opening` and what came in less what went out is `expected`; `counted` less that is `variance`, both null while open."""

    currency: str
    opening: Amount
    payments_in: Amount
    payments_out: Amount
    moved_in: Amount
    moved_out: Amount
    expenses: Amount
    expected: Amount
    counted: Amount | None
    variance: Amount | None
    late_cash: Amount | None


class ShiftReport(msgspec.Struct, frozen=True, kw_only=True):
    """One shift, X or Z."""

    seq: int
    shift: ShiftHeader
    documents: list[ShiftDocuments]
    vat: list[ShiftVat]
    payments: list[ShiftPayments]
    cash_movements: list[ShiftCashMovements]
    expenses: list[ShiftExpenses]
    drawer: ShiftDrawer


class TapeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a shift's report, as CSV has it."""

    section: str
    name: str
    currency: str
    count: int | None
    amount: Amount | None
    vat: Amount | None


class ShiftSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A shift in its own currency: turnover is sales less returns, `cash` what the drawer gained."""

    report: Literal["X", "Z"]
    id: UUID
    number: int
    cashier_id: UUID
    cashier: str | None
    till: str | None
    currency: str
    status: Literal["open", "closed"]
    opened_at: str
    closed_at: str | None
    variance_reason: str | None
    sales: int
    returns: int
    gross: Amount
    discounts: Amount
    charges: Amount
    net: Amount
    vat: Amount
    total: Amount
    opening: Amount
    cash: Amount
    expected: Amount
    counted: Amount | None
    variance: Amount | None
    late_cash: Amount | None


class CashierSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The shifts of one cashier, summed up."""

    cashier_id: UUID
    cashier: str | None
    currency: str
    shifts: int
    sales: int
    returns: int
    gross: Amount
    discounts: Amount
    charges: Amount
    net: Amount
    vat: Amount
    total: Amount
    cash: Amount
    variance: Amount


class ShiftsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The latest shifts first, and their cashiers."""

    seq: int
    shifts: list[ShiftSummary]
    cashiers: list[CashierSummary]
