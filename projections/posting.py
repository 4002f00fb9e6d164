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

from domain.chart import (
    BANK,
    CASH,
    CHEQUES_IN_HAND,
    CHEQUES_ISSUED,
    CUSTOMER_CREDIT,
    DEFAULT_CHART,
    DISHONOURED_CHEQUES,
    EXPENSES,
    OPENING_BALANCES,
    OTHER_INCOME,
    PAYABLE,
    PURCHASES,
    RECEIVABLE,
    SALES,
    SUPPLIER_CREDIT,
    VAT_PAYABLE,
    VAT_RECOVERABLE,
    root_of,
)
from domain.kinds.drawer import is_paid, money_account
from domain.money import EXACT, ZERO


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a posting: `amount` debits where above zero and credits where below. `dated` is the fact's own date.

    `document_id` is the invoice (or the party, for its opening balance) whose open amount the line moves, `due` that
    document's due day; `place_id` is the bank, cash desk or payment account where the money is.
    """

    account: str
    currency: str
    amount: Decimal
    dated: date
    party_id: UUID | None = None
    document_id: UUID | None = None
    due: date | None = None
    place_id: UUID | None = None

    def reversed(self) -> Line:
        """The line that takes this one back."""
        return msgspec.structs.replace(self, amount=-self.amount)


Fact = dict[str, Any]
"""Fields of a record that its posting depends on, as JSON values, and what `absorb` notes beside them."""
Find = Callable[[str], Fact | None]
"""The fact of another record, by its id; None where there is none, or it was deleted."""

_MONEY = ("amount", "currency", "date", "category", "method", "cash_id", "bank_id", "payment_account_id")

FACT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "company": ("currency", "time_zone", "closed_through"),
    "invoice": ("type", "party_id", "currency", "issue_date", "due_date", "net", "vat", "total", "paid"),
    "payment": (*_MONEY, "direction", "invoice_id", "party_id", "cash_amount"),
    "cheque": ("payment_id", "amount", "type", "status", "bank_id"),
    "payment_split": ("payment_id", "amount", "payment_account_id"),
    "expense": (*_MONEY, "supplier_id", "status"),
    "cash_transaction": ("amount", "currency", "date", "category", "cash_id", "direction"),
    "journal_entry": ("date", "status"),
    "journal_line": ("entry_id", "account_code", "debit", "credit", "currency", "party_id"),
    "party": ("currency", "opening_balance"),
    "bank": ("currency", "opening_balance"),
    "cash": ("currency", "opening_balance"),
    "account": ("code", "type", "currency", "opening_balance"),
    "payment_account": ("type",),
}
"""Kind → the fields of its records that postings depend on. A kind that is not here posts nothing."""

MEMBERS: Mapping[str, tuple[str, str]] = {
    "journal_line": ("entry_id", "lines"),
    "cheque": ("payment_id", "cheques"),
    "payment_split": ("payment_id", "parts"),
}
"""Kinds that post as a part of another record: the field that names it, and where its fact keeps them."""

_OPENING = frozenset({"party", "bank", "cash", "account"})


def is_silent(kind: str, changes: Fact) -> bool:
    """Whether a record of which only this is known need not be remembered: most parties never have an opening balance."""
    return kind == "party" and not any(changes.values())


def needs_of(kind: str, fact: Fact) -> Iterable[str]:
    """The ids of the other records on which this fact's posting depends."""
    for name in ("invoice_id", "payment_account_id", *MEMBERS.get(kind, ())[:1]):
        if fact.get(name):
            yield fact[name]
    for part in fact.get("parts", {}).values():
        yield from needs_of("payment_split", part)


def absorb(kind: str, fact: Fact, changes: Fact, occurred_on: date) -> None:
    """Note in `fact` what an event changed, and the day of what has no date of its own."""
    for name, value in changes.items():
        if value is None:
            fact.pop(name, None)
        else:
            fact[name] = value
    if kind == "invoice":
        excess = max(EXACT.subtract(Decimal(fact["paid"]), Decimal(fact["total"])), ZERO)
        if excess != Decimal(fact.get("excess", 0)):
            fact["excess"], fact["excess_on"] = str(excess), occurred_on.isoformat()
    elif kind in _OPENING and "opening_balance" in changes:
        fact["opened_on"] = occurred_on.isoformat()


def lines_of(kind: str, record_id: UUID, fact: Fact, currency: str, find: Find) -> list[Line]:
    """What the fact posts; `currency` is the company's. Nothing for a deleted record.

    An account is closed, not deleted: whatever it began with has been booked on since, and stays.
    """
    if kind not in _POSTINGS or ("deleted" in fact and kind != "account"):
        return []
    return [line for line in _POSTINGS[kind](record_id, fact, currency, find) if line.amount != ZERO]


def unbalanced(lines: Iterable[Line]) -> dict[str, Decimal]:
    """Currency → what its debits exceed its credits by, where they differ."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.currency] = EXACT.add(sums.get(line.currency, ZERO), line.amount)
    return {currency: difference for currency, difference in sums.items() if difference != ZERO}


# Invoices -----------------------------------------------------------------------------------------


def _invoice(record_id: UUID, fact: Fact, _: str, __: Find) -> Iterable[Line]:
    """The sale or purchase; and what was paid beyond it, which is the party's credit from the day on which it was."""
    sign = -1 if fact["type"].endswith("return") else 1
    is_sale = fact["type"].startswith("sales")
    if not is_sale:
        sign = -sign
    owed, credit = (RECEIVABLE, CUSTOMER_CREDIT) if is_sale else (PAYABLE, SUPPLIER_CREDIT)
    traded, tax = (SALES, VAT_PAYABLE) if is_sale else (PURCHASES, VAT_RECOVERABLE)
    currency, party, dated = fact["currency"], _id(fact, "party_id"), date.fromisoformat(fact["issue_date"])
    due = date.fromisoformat(fact["due_date"]) if "due_date" in fact else None
    net, vat, total = (sign * Decimal(fact[name]) for name in ("net", "vat", "total"))
    yield Line(owed, currency, total, dated, party, record_id, due)
    yield Line(traded, currency, -net, dated)
    yield Line(tax, currency, -vat, dated)
    if (excess := sign * Decimal(fact.get("excess", 0))) != ZERO:
        paid_on = date.fromisoformat(fact["excess_on"])
        yield Line(owed, currency, excess, paid_on, party, record_id, due)
        yield Line(credit, currency, -excess, paid_on, party)


# Payments and expenses ----------------------------------------------------------------------------


def _payment(_: UUID, fact: Fact, __: str, find: Find) -> Iterable[Line]:
    """The money, where it is or went, against what it paid."""
    sign = 1 if fact["direction"] == "in" else -1
    currency, party, dated = fact["currency"], _id(fact, "party_id"), date.fromisoformat(fact["date"])
    rest = amount = sign * Decimal(fact["amount"])
    if "cash_amount" in fact:
        rest -= (in_cash := sign * Decimal(fact["cash_amount"]))
        yield Line(CASH, currency, in_cash, dated, place_id=_id(fact, "cash_id"))
    for cheque in fact.get("cheques", {}).values():
        rest -= (by_cheque := sign * Decimal(cheque["amount"]))
        account = _cheque_account(cheque, fact["direction"])
        owner = party if account == DISHONOURED_CHEQUES else None
        place = _id(cheque, "bank_id") or _place(fact, BANK) if account == BANK else None
        yield Line(account, currency, by_cheque, dated, owner, place_id=place)
    for part in fact.get("parts", {}).values():
        rest -= (by_part := sign * Decimal(part["amount"]))
        yield Line(money_account(part, find), currency, by_part, dated, place_id=_id(part, "payment_account_id"))
    kept_in = money_account(fact, find)
    yield Line(kept_in, currency, rest, dated, place_id=_place(fact, kept_in))
    yield _counterpart(fact, currency, -amount, dated, party, find)


def _cheque_account(cheque: Fact, direction: str) -> str:
    if cheque.get("type") == "transfer_slip" or cheque["status"] == "cleared":
        return BANK
    if cheque["status"] in ("bounced", "cancelled"):
        return DISHONOURED_CHEQUES
    return CHEQUES_IN_HAND if direction == "in" else CHEQUES_ISSUED


def _counterpart(fact: Fact, currency: str, amount: Decimal, dated: date, party: UUID | None, find: Find) -> Line:
    """What a payment paid: its invoice, else the category of a till's cash in or out, else the party's credit."""
    invoice = find(fact["invoice_id"]) if "invoice_id" in fact else None
    if invoice is not None:
        account = RECEIVABLE if invoice["type"].startswith("sales") else PAYABLE
        due = date.fromisoformat(invoice["due_date"]) if "due_date" in invoice else None
        return Line(account, currency, amount, dated, party, UUID(fact["invoice_id"]), due)
    comes_in = fact["direction"] == "in"
    if fact.get("category") and party is None:
        return Line(category_account(fact["category"], OTHER_INCOME if comes_in else EXPENSES), currency, amount, dated)
    return Line(CUSTOMER_CREDIT if comes_in else SUPPLIER_CREDIT, currency, amount, dated, party)


def _expense(_: UUID, fact: Fact, __: str, find: Find) -> Iterable[Line]:
    if fact.get("status", "approved") != "approved":
        return
    amount, currency, dated = Decimal(fact["amount"]), fact["currency"], date.fromisoformat(fact["date"])
    yield Line(category_account(fact.get("category"), EXPENSES), currency, amount, dated)
    if not is_paid(fact):
        yield Line(PAYABLE, currency, -amount, dated, _id(fact, "supplier_id"))
    else:
        kept_in = money_account(fact, find)
        yield Line(kept_in, currency, -amount, dated, place_id=_place(fact, kept_in))


def _cash_transaction(_: UUID, fact: Fact, __: str, ___: Find) -> Iterable[Line]:
    """Cash, against the category of what was put into a till or taken out of it."""
    comes_in = fact["direction"] == "in"
    currency, dated = fact["currency"], date.fromisoformat(fact["date"])
    amount = Decimal(fact["amount"]) if comes_in else -Decimal(fact["amount"])
    yield Line(CASH, currency, amount, dated, place_id=_id(fact, "cash_id"))
    yield Line(category_account(fact.get("category"), OTHER_INCOME if comes_in else EXPENSES), currency, -amount, dated)


def _place(fact: Fact, account: str) -> UUID | None:
    return _id(fact, "payment_account_id") or _id(fact, "bank_id" if account == BANK else "cash_id")


def category_account(category: str | None, root: str) -> str:
    """The account of a category: a part of `root` that is named for it, or the account whose code it is."""
    name = (category or "").strip().casefold()
    if root_of(name) in DEFAULT_CHART:
        return name
    return f"{root}:{name}" if name else root


# Journal entries and opening balances ---------------------------------------------------------------


def _journal_entry(_: UUID, fact: Fact, __: str, ___: Find) -> Iterable[Line]:
    """The entry's lines are posted with it, and fixed from then on."""
    if fact.get("status") != "posted":
        return
    dated = date.fromisoformat(fact["date"])
    for line in fact.get("lines", {}).values():
        amount = EXACT.subtract(Decimal(line["debit"]), Decimal(line["credit"]))
        yield Line(line["account_code"], line["currency"], amount, dated, _id(line, "party_id"))


def _opening(record_id: UUID, fact: Fact, currency: str, account: str, party_id: UUID | None = None) -> Iterable[Line]:
    amount = Decimal(fact.get("opening_balance", 0))
    if amount == ZERO:
        return
    currency, dated = fact.get("currency", currency), date.fromisoformat(fact["opened_on"])
    if party_id is not None:
        yield Line(account, currency, amount, dated, party_id, document_id=party_id)
    else:
        yield Line(account, currency, amount, dated, place_id=record_id if account in (BANK, CASH) else None)
    yield Line(OPENING_BALANCES, currency, -amount, dated)


def _party(record_id: UUID, fact: Fact, currency: str, _: Find) -> Iterable[Line]:
    """Above zero the party owes us, below zero we owe the party."""
    account = PAYABLE if Decimal(fact.get("opening_balance", 0)) < ZERO else RECEIVABLE
    return _opening(record_id, fact, currency, account, record_id)


def _account(record_id: UUID, fact: Fact, currency: str, _: Find) -> Iterable[Line]:
    """An account's opening balance is on its own side: debit for assets and expenses, credit for the others."""
    amount = Decimal(fact.get("opening_balance", 0))
    on_own_side = amount if fact["type"] in ("asset", "expense") else -amount
    return _opening(record_id, {**fact, "opening_balance": on_own_side}, currency, fact["code"])


def _id(fact: Fact, name: str) -> UUID | None:
    text = fact.get(name)
    return UUID(text) if text else None


_POSTINGS: Mapping[str, Callable[[UUID, Fact, str, Find], Iterable[Line]]] = {
    "invoice": _invoice,
    "payment": _payment,
    "expense": _expense,
    "cash_transaction": _cash_transaction,
    "journal_entry": _journal_entry,
    "party": _party,
    "bank": lambda record_id, fact, currency, _: _opening(record_id, fact, currency, BANK),
    "cash": lambda record_id, fact, currency, _: _opening(record_id, fact, currency, CASH),
    "account": _account,
}
