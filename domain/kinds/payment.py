"""Payment: money in or out, on one invoice or on account. What it pays is folded into the invoice in the same decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date as Day
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, CurrencyMismatch
from domain.kind import Kind, Wish
from domain.money import require_exact
from domain.policy import Policy
from domain.record import Record
from domain.values import CurrencyCode, Fields, Line, Name, Reference, Text


class Payment(Fields, frozen=True, kw_only=True):
    """`direction` follows the invoice and is `in` without one; `date` is today and `currency` the invoice's where not given.

    Without an `invoice_id` the payment is the party's credit. It may exceed the invoice: the rest is credit too.
    """

    amount: Decimal
    currency: CurrencyCode | None = None
    date: Day | None = None
    direction: Literal["in", "out"] | None = None
    invoice_id: Reference | None = None
    party_id: Reference | None = None
    order_id: Reference | None = None
    method: Line | None = None
    reference: Line | None = None
    payer_name: Line | None = None
    notes: Text | None = None
    receipt_number: Line | None = None
    category: Line | None = None
    cash_id: Reference | None = None
    bank_id: Reference | None = None
    payment_account_id: Reference | None = None
    shift_id: UUID | None = None
    project_id: UUID | None = None
    seller_id: Reference | None = None
    attachment: Name | None = None
    extra: dict[str, Any] = {}


class PaymentKind(Kind):
    """Every invoice that a payment touches is settled anew: on creation, change, move and deletion."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The invoice the payment is on now."""
        if record is not None and record.data.get("invoice_id"):
            yield UUID(record.data["invoice_id"])

    def decide_create(self, decision: Decision, record_id: UUID, data: Payment) -> None:
        """Record a payment and settle its invoice."""
        filled = {"currency": data.currency, "date": data.date or decision.today, "direction": data.direction or "in"}
        if data.invoice_id is not None:
            invoice = decision.living(data.invoice_id, "invoice", "data.invoice_id")
            filled["currency"] = data.currency or invoice.data["currency"]
            filled["direction"] = direction_of(invoice.data["type"])
            if data.party_id is None and invoice.data.get("party_id"):
                filled["party_id"] = UUID(invoice.data["party_id"])
        filled["currency"] = filled["currency"] or decision.currency
        complete = msgspec.structs.replace(data, **filled)
        check_amount(complete.amount, str(complete.currency))
        record = decision.create(self, record_id, complete)
        self.settle(decision, record.data, 1)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change or move a payment: take it off the invoice it was on, put it on the one it is on now."""
        if changes.get("invoice_id"):
            invoice = decision.living(changes["invoice_id"], "invoice", "data.invoice_id")
            changes.setdefault("direction", direction_of(invoice.data["type"]))
        merged = {**record.data, **changes}
        check_amount(Decimal(merged["amount"]), merged["currency"])
        after = decision.change(self, record, changes)
        if {"amount", "currency", "invoice_id"} & changes.keys():
            self.settle(decision, record.data, -1, after.data)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Delete a payment and take it off its invoice."""
        decision.delete(self, record)
        self.settle(decision, record.data, -1)

    def settle(
        self, decision: Decision, data: dict[str, Any], sign: int, replacement: dict[str, Any] | None = None
    ) -> None:
        """Add `sign` times the payment to its invoice, and a replacement to the one it is on; one event per invoice."""
        from domain.kinds.invoice import settle  # a payment settles its invoice, and an invoice frees its payments

        effects: dict[str, Decimal] = {}
        if data.get("invoice_id"):
            effects[data["invoice_id"]] = sign * Decimal(data["amount"])
        if replacement is not None and replacement.get("invoice_id"):
            invoice_id = replacement["invoice_id"]
            effects[invoice_id] = effects.get(invoice_id, Decimal(0)) + Decimal(replacement["amount"])
        for invoice_id, change in effects.items():
            invoice = decision.books.record(UUID(invoice_id))
            if invoice is None or invoice.deleted:
                continue
            paying = replacement if replacement is not None else data
            if paying.get("invoice_id") == invoice_id and paying["currency"] != invoice.data["currency"]:
                raise CurrencyMismatch(
                    f"The payment is in {paying['currency']}, the invoice in {invoice.data['currency']}.",
                    path="data.currency",
                )
            settle(decision, invoice, change)


def direction_of(invoice_type: str) -> Literal["in", "out"]:
    """Sales and purchase returns bring money in; purchases and sales returns take it out."""
    return "in" if invoice_type in ("sales", "purchase_return") else "out"


def check_amount(amount: Decimal, currency: str) -> None:
    """Raise unless the amount is positive and exact in its currency."""
    if amount <= 0:
        raise AmountNotPositive(path="data.amount")
    require_exact(amount, currency, "data.amount")


PAYMENT = PaymentKind(
    name="payment",
    fields=Payment,
    policy=Policy.SERVER_WINS,
    references={
        "invoice_id": "invoice",
        "party_id": "party",
        "order_id": "order",
        "cash_id": "cash",
        "bank_id": "bank",
        "payment_account_id": "payment_account",
        "seller_id": "user",
    },
    parent="invoice_id",
    verbs=("recorded", "changed", "deleted"),
)
