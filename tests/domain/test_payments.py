"""Payments: in part, in full, too much; changed, moved, deleted; in another currency; without an invoice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

FIRST, SECOND, EURO, PAYMENT, PARTY = map(uid, range(1, 6))


def invoices() -> Spec:
    def make(record_id: Any, **rest: Any) -> Any:
        lines = [{"description": "x", "unit_price": "100"}]
        return command("invoice.create", {"type": "sales", "lines": lines, **rest}, id=record_id)

    return Spec().given(
        command("party.create", {"name": "P", "roles": ["customer", "supplier"]}, id=PARTY),
        make(FIRST, party_id=str(PARTY)),
        make(SECOND, type="purchase"),
        make(EURO, currency="EUR"),
    )


def pay(amount: str, **rest: Any) -> Any:
    return command("payment.create", {"amount": amount, "invoice_id": str(FIRST), **rest}, id=PAYMENT)


@pytest.mark.parametrize(
    ("amount", "paid", "status"),
    [("0.01", "0.01", "partial"), ("99.99", "99.99", "partial"), ("100", "100.00", "paid"), ("150", "150.00", "paid")],
)
def test_paying(amount, paid, status) -> None:
    spec = invoices().when(pay(amount)).then("payment.recorded.v1", "invoice.settlement-changed.v1")
    spec.shows(FIRST, paid=paid, status=status)
    spec.shows(PAYMENT, amount=paid, currency="USD", direction="in", party_id=str(PARTY), date="2026-03-10")


def test_two_payments_add_up() -> None:
    spec = invoices().given(pay("40"), command("payment.create", {"amount": "60", "invoice_id": {"number": 1}}))
    spec.shows(FIRST, paid="100.00", status="paid")


def test_changing_and_deleting() -> None:
    spec = invoices().given(pay("40"))
    spec.when(command("payment.update", {"notes": "n"}, id=PAYMENT)).then("payment.changed.v1")
    spec.when(command("payment.update", {"amount": "40.0"}, id=PAYMENT)).then()
    spec.when(command("payment.update", {"amount": "100"}, id=PAYMENT))
    spec.then("payment.changed.v1", "invoice.settlement-changed.v1").shows(FIRST, paid="100.00", status="paid")
    spec.when(command("payment.delete", id=PAYMENT)).then("payment.deleted.v1", "invoice.settlement-changed.v1")
    spec.shows(FIRST, paid="0.00", status="unpaid")


def test_moving_to_another_invoice_and_off_it() -> None:
    spec = invoices().given(pay("40"))
    spec.when(command("payment.update", {"invoice_id": str(SECOND), "amount": "50"}, id=PAYMENT))
    spec.then("payment.changed.v1", "invoice.settlement-changed.v1", "invoice.settlement-changed.v1")
    spec.shows(FIRST, paid="0.00", status="unpaid").shows(SECOND, paid="50.00", status="partial")
    spec.shows(PAYMENT, direction="out", invoice_id=str(SECOND))
    spec.when(command("payment.update", {"invoice_id": None}, id=PAYMENT))
    spec.then("payment.changed.v1", "invoice.settlement-changed.v1").shows(SECOND, paid="0.00").shows(PAYMENT, invoice_id=None)
    spec.when(command("payment.update", {"invoice_id": str(FIRST)}, id=PAYMENT)).then(
        "payment.changed.v1", "invoice.settlement-changed.v1"
    )
    spec.shows(FIRST, paid="50.00").shows(PAYMENT, direction="in")


def test_currencies() -> None:
    spec = invoices().when(pay("40", currency="EUR")).refused("currency_mismatch", "data.currency")
    spec.given(pay("40.50"))
    spec.when(command("payment.update", {"currency": "EUR"}, id=PAYMENT)).refused("currency_mismatch", "data.currency")
    spec.when(command("payment.update", {"invoice_id": str(EURO)}, id=PAYMENT)).refused("currency_mismatch", "data.currency")
    spec.shows(FIRST, paid="40.50").shows(EURO, paid="0.00")
    spec.when(command("payment.update", {"invoice_id": str(EURO), "currency": "EUR"}, id=PAYMENT))
    spec.then("payment.changed.v1", "invoice.settlement-changed.v1", "invoice.settlement-changed.v1")
    spec.shows(FIRST, paid="0.00").shows(EURO, paid="40.50")
    spec.when(command("payment.update", {"invoice_id": None, "currency": "JPY"}, id=PAYMENT))
    spec.refused("too_many_decimals", "data.amount")
    spec.when(command("payment.update", {"currency": None}, id=PAYMENT)).refused("invalid_field", "data.currency")


def test_deleting_the_invoice_frees_its_payments() -> None:
    spec = invoices().given(pay("40"), command("payment.create", {"amount": "1", "invoice_id": str(FIRST)}, id=uid(9)))
    spec.when(command("invoice.delete", id=FIRST)).then(
        "payment.changed.v1", "payment.changed.v1", "invoice_line.removed.v1", "invoice.deleted.v1"
    )
    spec.shows(PAYMENT, invoice_id=None, amount="40.00", party_id=str(PARTY))
    spec.when(command("payment.delete", id=PAYMENT)).then("payment.deleted.v1")
    spec.when(command("payment.update", {"invoice_id": str(FIRST)}, id=uid(9))).refused("reference_missing", "data.invoice_id")
    spec.when(pay("1")).refused("record_exists", "id")
    again = {"amount": "1", "invoice_id": str(FIRST)}
    spec.when(command("payment.create", again)).refused("reference_missing", "data.invoice_id")


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"amount": "0"}, "amount_not_positive", "data.amount"),
        ({"amount": "-5"}, "amount_not_positive", "data.amount"),
        ({"amount": "1.001"}, "too_many_decimals", "data.amount"),
        ({"amount": "1", "currency": "ABC"}, "unknown_currency", "data.currency"),
        ({"amount": "1", "currency": "usd"}, "invalid_field", "data.currency"),
        ({"amount": "1", "cash_amount": "2"}, "invalid_field", "data.cash_amount"),
        ({"amount": "1", "bank_id": str(uid(70))}, "reference_missing", "data.bank_id"),
        ({}, "invalid_field", "data.amount"),
    ],
)
def test_refusals(data, code, path) -> None:
    invoices().when(command("payment.create", data)).refused(code, path)


def test_on_account() -> None:
    spec = invoices().when(command("payment.create", {"amount": "1.5"}, id=PAYMENT)).then("payment.recorded.v1")
    spec.shows(PAYMENT, amount="1.50", direction="in", currency="USD")
    spec.given(command("payment.update", {"currency": "KWD", "amount": "1.5"}, id=PAYMENT)).shows(PAYMENT, amount="1.500")


def test_a_payment_is_of_the_party_whose_invoice_it_is_on() -> None:
    other, third, sale = uid(6), uid(7), uid(8)
    spec = invoices().given(
        pay("40"),
        command("party.create", {"name": "Q", "roles": ["customer"]}, id=other),
        command("party.create", {"name": "R", "roles": ["customer"]}, id=third),
        command("invoice.create", {"type": "sales", "party_id": str(other)}, id=sale),
    )
    spec.when(command("payment.update", {"invoice_id": str(sale)}, id=PAYMENT)).shows(PAYMENT, party_id=str(other))
    spec.when(command("payment.update", {"invoice_id": str(sale), "notes": "n"}, id=PAYMENT)).then("payment.changed.v1")
    spec.when(command("invoice.update", {"party_id": str(third)}, id=sale)).then("invoice.changed.v1", "payment.changed.v1")
    spec.shows(PAYMENT, party_id=str(third))
    spec.when(command("payment.update", {"invoice_id": None}, id=PAYMENT)).shows(PAYMENT, party_id=str(third))
    spec.when(command("payment.update", {"invoice_id": str(FIRST)}, id=PAYMENT)).shows(PAYMENT, party_id=str(PARTY))
    spec.when(command("payment.update", {"party_id": str(other)}, id=PAYMENT))  # who pays for somebody else
    spec.when(command("invoice.update", {"party_id": str(third)}, id=FIRST)).then("invoice.changed.v1")
    spec.shows(PAYMENT, party_id=str(other))
