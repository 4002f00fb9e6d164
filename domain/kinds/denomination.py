"""Correcting the currency of an invoice, as long as nothing was paid on it and no goods were moved by it."""

from __future__ import annotations

from domain.decision import Decision
from domain.errors import CurrencyMismatch, FieldFixed
from domain.kinds.invoice_line import INVOICE_LINE
from domain.kinds.lines import Sums
from domain.money import ZERO
from domain.record import Record


def redenominate(decision: Decision, invoice: Record, currency: str) -> Sums:
    """Round every line to the decimals of `currency`, and say what that adds to the invoice's sums.

    Raises CurrencyMismatch where the invoice has payments, FieldFixed where it moves stock: goods came in at what they cost.
    """
    before = invoice.data["currency"]
    if decision.books.living_children(invoice.id, "payment"):
        raise CurrencyMismatch(f"The invoice has payments in {before}; take them off it first.", path="data.currency")
    if invoice.data.get("moves_stock"):
        raise FieldFixed(
            f"The invoice moved stock that was valued in {before}; its currency cannot be changed.", path="data.currency"
        )
    change = Sums(ZERO, ZERO)
    for line in decision.books.living_children(invoice.id, "invoice_line"):
        complete, difference = INVOICE_LINE.reprice(decision, line, {}, currency)
        if complete:
            decision.change(INVOICE_LINE, line, complete)
        change += difference
    return change
