"""An invoice's sums and its status: what its lines come to, what was paid, and what follows from both.

Neither can be set by a client; `total` and `settle` are the only places that change them after the invoice was issued.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from domain.decision import Decision
from domain.event import Changed
from domain.kinds.disputable import Disputable
from domain.kinds.lines import Sums
from domain.money import ZERO, round_to
from domain.record import Record
from domain.values import always

Status = Literal["unpaid", "partial", "paid", "overdue"]


class InvoiceTotals(Disputable, frozen=True, kw_only=True):
    """Sums of the lines, what was paid, and the status that follows. Amounts in the invoice's currency."""

    net: Decimal
    vat: Decimal
    total: Decimal
    paid: Decimal
    status: Status


class InvoiceTotalled(Changed, frozen=True, kw_only=True):
    """The lines changed: new sums, and the status that follows."""

    net: Decimal
    vat: Decimal
    total: Decimal
    status: Status


class InvoiceSettlementChanged(Changed, frozen=True, kw_only=True):
    """A payment was made, changed, moved or taken back: what is paid now, and the status that follows."""

    paid: Decimal
    status: Status


class InvoiceBecameOverdue(Changed, frozen=True, kw_only=True):
    """The due day has passed at the company's midnight."""

    status: Literal["overdue"] = always("overdue")


def status_of(total: Decimal, paid: Decimal, due: date | None, today: date) -> Status:
    """The one rule for an invoice's status; the due day itself is not overdue."""
    if total > 0 and paid >= total:
        return "paid"
    if due is not None and due < today:
        return "overdue"
    return "partial" if paid > 0 else "unpaid"


def status_now(decision: Decision, data: dict[str, Any]) -> Status:
    """The status that follows from an invoice's data today."""
    due = date.fromisoformat(data["due_date"]) if data.get("due_date") else None
    return status_of(Decimal(data["total"]), Decimal(data["paid"]), due, decision.today)


def total(decision: Decision, invoice: Record, change: Sums) -> None:
    """Add `change` to the invoice's sums and emit them, with the status that follows."""
    if not change:
        return
    data = decision.books.records[invoice.id].data
    sums = (Sums.of_record(data) + change).totals(data["currency"])
    status = status_now(decision, {**data, "total": sums["total"]})
    decision.emit(decision.catalogue["invoice"], invoice.id, InvoiceTotalled(**sums, status=status))


def settle(decision: Decision, invoice: Record, change: Decimal) -> None:
    """Add `change` to what is paid on the invoice and emit it, with the status that follows."""
    if change == ZERO:
        return
    data = decision.books.records[invoice.id].data
    paid = round_to(Decimal(data["paid"]) + change, data["currency"])
    event = InvoiceSettlementChanged(paid=paid, status=status_now(decision, {**data, "paid": paid}))
    decision.emit(decision.catalogue["invoice"], invoice.id, event)
