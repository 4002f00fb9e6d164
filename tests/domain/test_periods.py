"""Closed periods: closing and reopening the books, and what becomes of facts that are dated in a closed period."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from domain.catalogue import CATALOGUE
from projections.posting import FACT_FIELDS
from tests.domain.spec import COMPANY_ID, Spec, command, uid

CLOSED, LAST, OPEN = "2026-02-10", "2026-02-28", "2026-03-01"
"""A day of the closed period, its last day, and the first that is open."""
RECORD, LINE, PARTY, PRODUCT, OTHER = (uid(number) for number in range(1, 6))

LINES = [{"account_code": "1000", "debit": "5"}, {"account_code": "3000", "credit": "5"}]


def close(through: str | None = LAST) -> Any:
    return command("company.close_books", {"through": through}, id=COMPANY_ID)


def reopen(through: str | None) -> Any:
    return command("company.reopen_books", {"through": through}, id=COMPANY_ID)


def refusing(*before: Any) -> Spec:
    """A company that made these facts, then closed its books and refuses late facts."""
    spec = Spec().given(command("party.create", {"name": "Bo", "roles": ["customer", "supplier"]}, id=PARTY))
    spec.given(command("product.create", {"name": "Tea", "price": "2"}, id=PRODUCT), *before)
    return spec.given(command("company.update", {"late_facts": "refuse"}, id=COMPANY_ID), close())


def invoice(day: str, **rest: Any) -> Any:
    line = {"id": str(LINE), "product_id": str(PRODUCT)}
    return command("invoice.create", {"type": "sales", "issue_date": day, "lines": [line], **rest}, id=RECORD)


def payment(day: str, **rest: Any) -> Any:
    return command("payment.create", {"amount": "5", "date": day, **rest}, id=RECORD)


def expense(day: str, **rest: Any) -> Any:
    return command("expense.create", {"amount": "5", "date": day, **rest}, id=RECORD)


def entry(day: str, **rest: Any) -> Any:
    return command("journal_entry.create", {"date": day, "lines": LINES, **rest}, id=RECORD)


def movement(day: str) -> Any:
    return command("stock_movement.create", {"product_id": str(PRODUCT), "quantity": "5", "date": day}, id=RECORD)


# Closing and reopening -----------------------------------------------------------------------------


def test_books_are_closed_forward_and_reopened_backward() -> None:
    spec = Spec().shows(COMPANY_ID, closed_through=None, late_facts=None)
    spec.when(close(LAST)).then("company.books-closed.v1").shows(COMPANY_ID, closed_through=LAST)
    spec.when(close(LAST)).refused("invalid_field", "data.through")
    spec.when(close(CLOSED)).refused("invalid_field", "data.through")
    spec.when(close("2026-03-11")).refused("invalid_field", "data.through")
    spec.when(close("2026-03-10")).then("company.books-closed.v1").shows(COMPANY_ID, closed_through="2026-03-10")
    spec.when(reopen("2026-03-10")).refused("invalid_field", "data.through")
    spec.when(reopen(LAST)).then("company.books-reopened.v1").shows(COMPANY_ID, closed_through=LAST)
    spec.when(reopen(None)).then("company.books-reopened.v1").shows(COMPANY_ID, closed_through=None)
    spec.when(reopen(None)).refused("invalid_field", "data.through")
    spec.when(close(CLOSED)).then("company.books-closed.v1")


@pytest.mark.parametrize(
    "bad", [close("2026-02-30"), close(None), command("company.close_books", {}, id=COMPANY_ID), reopen("soon")]
)
def test_days_that_are_none(bad) -> None:
    spec = Spec().given(close()).when(bad)
    assert (spec.error.code, spec.error.path) == ("invalid_field", "data.through")


def test_today_is_the_companys() -> None:
    evening = datetime(2026, 3, 10, 22, tzinfo=timezone.utc)
    Spec(time_zone="Asia/Tokyo", now=evening).when(close("2026-03-11")).then("company.books-closed.v1")
    Spec(time_zone="UTC", now=evening).when(close("2026-03-11")).refused("invalid_field", "data.through")


def test_clients_do_not_set_the_closed_period() -> None:
    Spec().when(command("company.update", {"closed_through": LAST}, id=COMPANY_ID)).refused("invalid_field", "data.closed_through")
    Spec().when(command("company.update", {"late_facts": "drop"}, id=COMPANY_ID)).refused("invalid_field", "data.late_facts")


# Late facts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [invoice, payment, expense, movement, lambda day: entry(day, post_now=True)])
def test_late_facts_are_taken_with_their_own_date_unless_refused(make) -> None:
    ready = command("product.create", {"name": "Tea", "price": "2"}, id=PRODUCT)
    spec = Spec().given(ready, close(), make(CLOSED))
    kind = CATALOGUE[spec.record(RECORD).kind]
    spec.shows(RECORD, **{kind.dated: CLOSED})
    refusing().when(make(CLOSED)).refused("period_closed", f"data.{kind.dated}")
    spec = refusing().when(make(LAST)).refused("period_closed", f"data.{kind.dated}")
    assert LAST in str(spec.error)
    refusing().given(make(OPEN))
    refusing(make(OPEN)).given(
        command(f"{kind.name}.update", {"extra": {"a": 1}}, id=RECORD)
    ) if kind.name != "journal_entry" else None


@pytest.mark.parametrize(
    ("before", "late", "path"),
    [
        (invoice(CLOSED), command("invoice.update", {"party_id": str(PARTY)}, id=RECORD), "data.issue_date"),
        (invoice(CLOSED), command("invoice.update", {"issue_date": OPEN}, id=RECORD), "data.issue_date"),
        (invoice(OPEN), command("invoice.update", {"issue_date": LAST}, id=RECORD), "data.issue_date"),
        (invoice(CLOSED), command("invoice.update", {"due_date": OPEN}, id=RECORD), "data.issue_date"),
        (invoice(CLOSED), command("invoice.update", {"shipping": "1"}, id=RECORD), "data.issue_date"),
        (invoice(CLOSED), command("invoice_line.update", {"quantity": "3"}, id=LINE), "data.issue_date"),
        (invoice(CLOSED), command("invoice_line.delete", id=LINE), "data.issue_date"),
        (invoice(CLOSED), command("invoice.delete", id=RECORD), "id"),
        (payment(CLOSED), command("payment.update", {"amount": "6"}, id=RECORD), "data.date"),
        (payment(CLOSED), command("payment.update", {"cash_amount": "1"}, id=RECORD), "data.date"),
        (payment(CLOSED), command("payment.update", {"method": "card"}, id=RECORD), "data.date"),
        (payment(CLOSED), command("payment.update", {"date": OPEN}, id=RECORD), "data.date"),
        (payment(OPEN), command("payment.update", {"date": CLOSED}, id=RECORD), "data.date"),
        (payment(CLOSED), command("payment.delete", id=RECORD), "id"),
        (expense(CLOSED), command("expense.update", {"category": "rent"}, id=RECORD), "data.date"),
        (expense(CLOSED), command("expense.delete", id=RECORD), "id"),
        (expense(CLOSED, status="requested"), command("expense.approve", id=RECORD), "data.date"),
        (entry(CLOSED), command("journal_entry.post", id=RECORD), "data.date"),
        (movement(CLOSED), command("stock_movement.update", {"unit_cost": "2"}, id=RECORD), "data.date"),
        (movement(CLOSED), command("stock_movement.delete", id=RECORD), "id"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.type,
)
def test_changes_of_a_closed_period_are_refused(before, late, path) -> None:
    refusing(before).when(late).refused("period_closed", path)
    Spec().given(
        command("party.create", {"name": "Bo", "roles": ["customer"]}, id=PARTY),
        command("product.create", {"name": "Tea", "price": "2"}, id=PRODUCT),
        before,
        close(),
        late,
    )


@pytest.mark.parametrize(
    ("before", "harmless"),
    [
        (invoice(CLOSED), command("invoice.update", {"notes": "n"}, id=RECORD)),
        (invoice(CLOSED), command("invoice_line.update", {"position": 7}, id=LINE)),
        (invoice(CLOSED), command("payment.create", {"amount": "1", "invoice_id": str(RECORD), "date": OPEN})),
        (invoice(CLOSED, due_date="2026-03-10"), command("invoice.mark_overdue", id=RECORD)),
        (payment(CLOSED), command("payment.update", {"notes": "n"}, id=RECORD)),
        (payment(CLOSED), command("payment.update", {"amount": "5.00"}, id=RECORD)),
        (payment(CLOSED), command("cheque.create", {"amount": "1", "payment_id": str(RECORD)})),
        (expense(CLOSED), command("expense.update", {"notes": "n"}, id=RECORD)),
        (expense(CLOSED, status="requested"), command("expense.reject", id=RECORD)),
        (expense(CLOSED, status="requested"), command("expense.update", {"amount": "6"}, id=RECORD)),
        (expense(CLOSED, status="requested"), command("expense.delete", id=RECORD)),
        (entry(CLOSED), command("journal_entry.update", {"date": LAST}, id=RECORD)),
        (entry(CLOSED), command("journal_entry.delete", id=RECORD)),
        (entry(CLOSED, post_now=True), command("party.update", {"phone": "1"}, id=PARTY)),
    ],
    ids=lambda value: value.type,
)
def test_what_posts_nothing_is_never_late(before, harmless) -> None:
    refusing(before).given(harmless)


def test_invoices_become_overdue_in_a_closed_period() -> None:
    spec = refusing(invoice(CLOSED, due_date="2026-03-10"))
    spec.now = datetime(2026, 3, 11, 12, tzinfo=timezone.utc)
    spec.when(command("invoice.mark_overdue", id=RECORD)).then("invoice.became-overdue.v1")


def test_deleting_an_invoice_frees_payments_only_of_open_periods() -> None:
    paid = command("payment.create", {"amount": "1", "invoice_id": str(RECORD), "date": OPEN}, id=OTHER)
    refusing(invoice(OPEN), paid).given(command("invoice.delete", id=RECORD))
    paid = command("payment.create", {"amount": "1", "invoice_id": str(RECORD), "date": CLOSED}, id=OTHER)
    spec = refusing(invoice(OPEN), paid).when(command("invoice.delete", id=RECORD)).refused("period_closed", "data.date")
    assert "payment" in str(spec.error)


def test_reopened_books_take_the_facts_again() -> None:
    spec = refusing().when(payment(CLOSED)).refused("period_closed", "data.date")
    spec.given(reopen("2026-02-09"), payment(CLOSED))
    spec = refusing().given(reopen(None), payment(CLOSED))
    spec = refusing().given(command("company.update", {"late_facts": "move"}, id=COMPANY_ID), payment(CLOSED))


def test_what_is_late_is_what_is_posted() -> None:
    """The fields that the lock watches are those that the posting reads, but for what was paid: that is never late."""
    for kind in CATALOGUE.values():
        if kind.dated is not None and kind.name in FACT_FIELDS:
            assert kind.posted == set(FACT_FIELDS[kind.name]) - {"paid"}, kind.name
            assert kind.dated in kind.posted
