"""What a business fact posts: balanced lines per currency on a chart of accounts. Pure.

A fact is the part of a record that postings depend on. Nothing posted is ever edited: a change or a deletion posts the reversal
of what stands, and then what the fact posts now. Stock is periodic: purchases are posted as such, and the inventory account is
moved by journal entries only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.money import EXACT, ZERO

CASH = "1000"
BANK = "1100"
RECEIVABLE = "1200"
VAT_RECOVERABLE = "1400"
PAYABLE = "2000"
VAT_PAYABLE = "2100"
CUSTOMER_CREDIT = "2200"
SALES = "4000"
PURCHASES = "5000"
EXPENSES = "6000"
"""An expense's category is an account below it, named `6000:category`."""

_BANK_METHODS = frozenset({"bank", "bank_transfer", "transfer", "card", "credit_card", "debit_card", "cheque", "check", "pos"})


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a posting: `amount` debits where above zero and credits where below. `dated` is the fact's own date."""

    account: str
    currency: str
    amount: Decimal
    dated: date
    party_id: UUID | None = None

    def reversed(self) -> Line:
        """The line that takes this one back."""
        return Line(self.account, self.currency, -self.amount, self.dated, self.party_id)


Fact = Mapping[str, Any]
"""Fields of a record that its posting depends on, as JSON values."""
Find = Callable[[str], Fact | None]
"""The fact of another record, by its id."""

FACT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "invoice": ("type", "party_id", "currency", "issue_date", "net", "vat", "total"),
    "payment": (
        "amount",
        "currency",
        "date",
        "direction",
        "invoice_id",
        "party_id",
        "method",
        "category",
        "bank_id",
        "payment_account_id",
    ),
    "expense": (
        "amount",
        "currency",
        "date",
        "category",
        "supplier_id",
        "method",
        "cash_id",
        "bank_id",
        "payment_account_id",
        "status",
    ),
    "journal_entry": ("date", "status"),
    "journal_line": ("entry_id", "account_code", "debit", "credit", "currency", "party_id"),
}
"""Kind → the fields of its records that postings depend on. A kind that is not here posts nothing."""


def needs_of(kind: str, fact: Fact) -> str | None:
    """The id of the other record on which this fact's posting depends, or of the entry that a line stands in."""
    if kind == "payment":
        return fact.get("invoice_id")
    return fact.get("entry_id") if kind == "journal_line" else None


def lines_of(kind: str, fact: Fact, recorded_on: date, find: Find) -> list[Line]:
    """What the fact posts. `recorded_on` dates facts that name no date of their own."""
    lines = list(_POSTINGS[kind](fact, recorded_on, find))
    return [line for line in lines if line.amount != ZERO]


def unbalanced(lines: Iterable[Line]) -> dict[str, Decimal]:
    """Currency → what its debits exceed its credits by, where they differ."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.currency] = EXACT.add(sums.get(line.currency, ZERO), line.amount)
    return {currency: difference for currency, difference in sums.items() if difference != ZERO}


def _invoice(fact: Fact, recorded_on: date, _: Find) -> Iterable[Line]:
    sign = -1 if fact["type"].endswith("return") else 1
    party = _party(fact)
    dated = _date(fact.get("issue_date"), recorded_on)
    net, vat, total = (sign * Decimal(fact[name]) for name in ("net", "vat", "total"))
    if fact["type"].startswith("sales"):
        yield Line(RECEIVABLE, fact["currency"], total, dated, party)
        yield Line(SALES, fact["currency"], -net, dated)
        yield Line(VAT_PAYABLE, fact["currency"], -vat, dated)
    else:
        yield Line(PURCHASES, fact["currency"], net, dated)
        yield Line(VAT_RECOVERABLE, fact["currency"], vat, dated)
        yield Line(PAYABLE, fact["currency"], -total, dated, party)


def _payment(fact: Fact, recorded_on: date, find: Find) -> Iterable[Line]:
    amount = Decimal(fact["amount"]) * (1 if fact["direction"] == "in" else -1)
    dated = _date(fact.get("date"), recorded_on)
    party = _party(fact)
    yield Line(money_account(fact), fact["currency"], amount, dated)
    yield Line(_paid_account(fact, find), fact["currency"], -amount, dated, party)


def _expense(fact: Fact, recorded_on: date, _: Find) -> Iterable[Line]:
    if fact.get("status", "approved") != "approved":
        return
    amount, dated = Decimal(fact["amount"]), _date(fact.get("date"), recorded_on)
    yield Line(expense_account(fact.get("category")), fact["currency"], amount, dated)
    paid = any(fact.get(name) for name in ("method", "cash_id", "bank_id", "payment_account_id"))
    if fact.get("supplier_id") and not paid:
        yield Line(PAYABLE, fact["currency"], -amount, dated, UUID(fact["supplier_id"]))
    else:
        yield Line(money_account(fact), fact["currency"], -amount, dated)


def _journal_entry(fact: Fact, recorded_on: date, _: Find) -> Iterable[Line]:
    """`lines` are the facts of the entry's lines, by their ids; they are posted with the entry, and fixed from then on."""
    if fact.get("status") != "posted":
        return
    dated = _date(fact.get("date"), recorded_on)
    for line in fact.get("lines", {}).values():
        amount = EXACT.subtract(Decimal(line["debit"]), Decimal(line["credit"]))
        yield Line(line["account_code"], line["currency"], amount, dated, _party(line))


def _journal_line(_: Fact, __: date, ___: Find) -> Iterable[Line]:
    return ()


def money_account(fact: Fact) -> str:
    """Where the money is: at the bank where a bank, an account or such a method is named, else in cash."""
    at_bank = fact.get("bank_id") or fact.get("payment_account_id") or (fact.get("method") or "").casefold() in _BANK_METHODS
    return BANK if at_bank else CASH


def _paid_account(fact: Fact, find: Find) -> str:
    invoice = find(fact["invoice_id"]) if fact.get("invoice_id") else None
    if invoice is not None:
        return RECEIVABLE if invoice["type"].startswith("sales") else PAYABLE
    if fact.get("category") and not fact.get("party_id"):
        return expense_account(fact["category"])
    return CUSTOMER_CREDIT if fact["direction"] == "in" else PAYABLE


def expense_account(category: str | None) -> str:
    """The account of an expense's category."""
    return f"{EXPENSES}:{category.strip().casefold()}" if category and category.strip() else EXPENSES


def _party(fact: Fact) -> UUID | None:
    return UUID(fact["party_id"]) if fact.get("party_id") else None


def _date(text: str | None, otherwise: date) -> date:
    return date.fromisoformat(text[:10]) if text else otherwise


_POSTINGS: Mapping[str, Callable[[Fact, date, Find], Iterable[Line]]] = {
    "invoice": _invoice,
    "payment": _payment,
    "expense": _expense,
    "journal_entry": _journal_entry,
    "journal_line": _journal_line,
}
