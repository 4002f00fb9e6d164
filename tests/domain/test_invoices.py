"""Invoices, orders and their lines: totals, VAT, rounding, status."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

INVOICE, LINE, PRODUCT, OTHER, PARTY, PAYMENT = map(uid, range(1, 7))


def line(quantity: str, price: str, vat: str = "0", **rest: Any) -> dict[str, Any]:
    return {"description": "x", "quantity": quantity, "unit_price": price, "vat_rate": vat, **rest}


def invoice(*lines: dict[str, Any], **rest: Any) -> Any:
    return command("invoice.create", {"type": "sales", "lines": list(lines), **rest}, id=INVOICE)


@pytest.mark.parametrize(
    ("currency", "lines", "net", "vat", "total"),
    [
        ("USD", [line("1", "0.125")], "0.13", "0.00", "0.13"),  # half away from zero, not to even
        ("USD", [line("1", "0.135")], "0.14", "0.00", "0.14"),
        ("USD", [line("3", "9.99", "7.5")], "29.97", "2.25", "32.22"),
        ("USD", [line("1", "0.1", "5"), line("1", "0.1", "5")], "0.20", "0.02", "0.22"),  # VAT is rounded per line
        ("USD", [line("2", "10", "10", discount="5", levy_rate="3")], "15.00", "1.95", "16.95"),
        ("USD", [line("2", "10", "10", discount_percent="25")], "15.00", "1.50", "16.50"),
        ("JPY", [line("1", "99.5", "10")], "100", "10", "110"),
        ("JPY", [line("3", "33.5", "8")], "101", "8", "109"),
        ("KWD", [line("1", "1.0005", "5")], "1.001", "0.050", "1.051"),
        ("KWD", [line("7", "0.3335", "0")], "2.335", "0.000", "2.335"),
        ("USD", [line("99999999.999999", "0.000000001")], "0.10", "0.00", "0.10"),
        ("USD", [], "0.00", "0.00", "0.00"),
    ],
)
def test_totals_are_exact_and_rounded_half_away_from_zero(currency, lines, net, vat, total) -> None:
    spec = Spec(currency=currency).when(invoice(*lines))
    spec.then("invoice.issued.v1", *["invoice_line.added.v1"] * len(lines))
    spec.shows(INVOICE, currency=currency, net=net, vat=vat, total=total)


def test_costs_and_a_discount_on_the_whole() -> None:
    spec = Spec().given(invoice(line("1", "100", "20"), discount="10", shipping="5.5", other_cost="1"))
    spec.shows(INVOICE, net="96.50", vat="20.00", total="116.50")
    spec.when(command("invoice.update", {"discount": None, "shipping": "6"}, id=INVOICE)).then("invoice.changed.v1")
    spec.shows(INVOICE, net="107.00", total="127.00", discount=None)
    spec.when(command("invoice.update", {"shipping": "-1"}, id=INVOICE)).refused("amount_not_positive", "data.shipping")
    spec.when(command("invoice.update", {"shipping": "1.001"}, id=INVOICE)).refused("too_many_decimals", "data.shipping")


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        (line("0", "1"), "amount_not_positive", "data.lines[1].quantity"),
        (line("-1", "1"), "amount_not_positive", "data.lines[1].quantity"),
        (line("1", "-1"), "amount_not_positive", "data.lines[1].unit_price"),
        (line("1", "1", "101"), "invalid_field", "data.lines[1].vat_rate"),
        (line("1", "1", discount="2"), "invalid_field", "data.lines[1].discount"),
        (line("1", "1", discount="-2", discount_percent="100"), "invalid_field", "data.lines[1].discount"),
        ({"description": "no price"}, "invalid_field", "data.lines[1].unit_price"),
        ({"product_id": str(uid(99))}, "reference_missing", "data.lines[1].product_id"),
        (line("100000000000000", "100000000000000"), "invalid_field", "data"),
    ],
)
def test_bad_lines_name_their_place(item, code, path) -> None:
    Spec().when(invoice(line("1", "1"), item)).refused(code, path)


def test_a_line_takes_what_it_does_not_say_from_its_product() -> None:
    spec = Spec().given(
        command("product.create", {"name": "Tea", "price": "2.50", "vat_rate": "10"}, id=PRODUCT),
        command("product.create", {"name": "Milk", "price": "1"}, id=OTHER),
        invoice({"product_id": str(PRODUCT), "quantity": "4", "id": str(LINE)}),
    )
    spec.shows(LINE, description="Tea", unit_price="2.50", vat_rate="10", net="10.00", vat="1.00", total="11.00")
    spec.given(command("product.update", {"price": "9"}, id=PRODUCT)).shows(INVOICE, total="11.00")
    spec.when(command("invoice_line.update", {"quantity": "2"}, id=LINE))
    spec.then("invoice_line.changed.v1", "invoice.totalled.v1").shows(INVOICE, total="5.50").shows(LINE, unit_price="2.50")
    spec.given(command("product.delete", id=PRODUCT))
    spec.given(command("invoice_line.update", {"quantity": "4"}, id=LINE)).shows(INVOICE, total="11.00")
    spec.given(command("invoice_line.update", {"description": "Loose tea"}, id=LINE))
    spec.given(command("invoice_line.update", {"product_id": str(OTHER)}, id=LINE))
    spec.shows(LINE, description="Milk", unit_price="1", vat_rate=None, total="4.00").shows(INVOICE, total="4.00", vat="0.00")
    spec.given(command("invoice_line.update", {"unit_price": "3"}, id=LINE)).shows(INVOICE, total="12.00")
    spec.given(command("invoice_line.update", {"unit_price": None}, id=LINE)).shows(LINE, unit_price="1", total="4.00")
    spec.given(command("invoice_line.update", {"product_id": None}, id=LINE)).shows(LINE, unit_price="1", product_id=None)
    spec.when(command("invoice_line.update", {"unit_price": None}, id=LINE)).refused("invalid_field", "data.unit_price")
    inactive = {"name": "Old", "is_active": False}
    spec.given(command("product.create", inactive, id=uid(40)))
    spec.when(command("invoice_line.update", {"product_id": str(uid(40))}, id=LINE))
    spec.refused("reference_missing", "data.product_id")


@pytest.mark.parametrize(("owner", "create"), [("invoice", {"type": "sales"}), ("order", {"type": "sales"})])
def test_adding_changing_and_removing_a_line_retotals(owner, create) -> None:
    spec = Spec().given(command(f"{owner}.create", {**create, "lines": [line("1", "10", "10")]}, id=INVOICE))
    named = {f"{owner}_id": str(INVOICE)}
    spec.when(command(f"{owner}_line.create", {**line("2", "5"), **named}, id=LINE))
    spec.then(f"{owner}_line.added.v1", f"{owner}.totalled.v1").shows(INVOICE, net="20.00", vat="1.00", total="21.00")
    spec.when(command(f"{owner}_line.update", {"quantity": "3"}, id=LINE))
    spec.then(f"{owner}_line.changed.v1", f"{owner}.totalled.v1").shows(INVOICE, total="26.00").shows(LINE, total="15.00")
    spec.when(command(f"{owner}_line.update", {"unit_price": "5.00"}, id=LINE)).then()
    spec.when(command(f"{owner}_line.delete", id=LINE))
    spec.then(f"{owner}_line.removed.v1", f"{owner}.totalled.v1").shows(INVOICE, net="10.00", vat="1.00", total="11.00")
    spec.when(command(f"{owner}.delete", id=INVOICE)).then(f"{owner}_line.removed.v1", f"{owner}.deleted.v1")
    spec.when(command(f"{owner}_line.create", {**line("2", "5"), **named})).refused("reference_missing", f"data.{owner}_id")
    spec.when(command(f"{owner}_line.update", {"quantity": "3"}, id=LINE)).refused("record_deleted", "id")
    assert spec.all(f"{owner}_line") == []


def test_a_sale_needs_a_customer_and_a_purchase_a_supplier() -> None:
    spec = Spec().given(command("party.create", {"name": "C"}, id=PARTY))
    for type_ in ("purchase", "purchase_return"):
        refused = command("invoice.create", {"type": type_, "party_id": str(PARTY)})
        spec.when(refused).refused("party_role_missing", "data.party_id")
    spec.when(command("order.create", {"type": "purchase", "party_id": str(PARTY)}))
    spec.refused("party_role_missing", "data.party_id")
    for type_ in ("sales", "sales_return"):
        spec.given(command("invoice.create", {"type": type_, "party_id": str(PARTY)}))
    spec.given(command("order.create", {"type": "delivery", "party_id": str(PARTY)}))


def test_status_follows_payments_and_the_due_day() -> None:
    spec = Spec().given(invoice(line("1", "10"), due_date="2026-03-11")).shows(INVOICE, status="unpaid", paid="0.00")
    spec.given(command("payment.create", {"amount": "4", "invoice_id": str(INVOICE)}, id=PAYMENT))
    spec.shows(INVOICE, status="partial", paid="4.00")
    spec.when(command("invoice.mark_overdue", id=INVOICE)).then()
    spec.when(command("invoice.mark_overdue", id=INVOICE), after=timedelta(days=1)).then()  # the due day itself is not
    spec.when(command("invoice.mark_overdue", id=INVOICE), after=timedelta(days=1)).then("invoice.became-overdue.v1")
    spec.shows(INVOICE, status="overdue")
    spec.when(command("invoice.mark_overdue", id=INVOICE)).then()
    spec.given(command("invoice.update", {"due_date": "2026-04-01"}, id=INVOICE)).shows(INVOICE, status="partial")
    spec.given(command("invoice.update", {"due_date": "2026-03-01"}, id=INVOICE)).shows(INVOICE, status="overdue")
    spec.given(command("payment.update", {"amount": "10"}, id=PAYMENT)).shows(INVOICE, status="paid", paid="10.00")
    spec.given(command("invoice_line.create", {"invoice_id": str(INVOICE), **line("1", "1")})).shows(INVOICE, status="overdue")
    spec.when(command("invoice.update", {"status": "paid"}, id=INVOICE)).refused("invalid_field", "data.status")
    spec.when(command("invoice.create", {"type": "sales", "total": "1"})).refused("invalid_field", "data.total")


@pytest.mark.parametrize(
    ("zone", "now", "status"),
    [
        ("UTC", datetime(2026, 3, 10, 23, 59, tzinfo=timezone.utc), "unpaid"),
        ("Asia/Tokyo", datetime(2026, 3, 10, 15, 0, 30, tzinfo=timezone.utc), "overdue"),  # the 11th has begun there
        ("America/New_York", datetime(2026, 3, 11, 3, 0, tzinfo=timezone.utc), "unpaid"),  # still the 10th there
    ],
)
def test_the_due_day_ends_at_the_companys_midnight(zone, now, status) -> None:
    Spec(time_zone=zone, now=now).given(invoice(line("1", "1"), due_date="2026-03-10")).shows(INVOICE, status=status)


def test_today_is_the_companys() -> None:
    spec = Spec(time_zone="Asia/Tokyo", now=datetime(2026, 3, 10, 16, tzinfo=timezone.utc)).given(invoice())
    spec.shows(INVOICE, issue_date="2026-03-11")
    spec.when(command("invoice.update", {"issue_date": None}, id=INVOICE)).refused("invalid_field", "data.issue_date")
    for field, value in (("type", "purchase"), ("moves_stock", True)):
        spec.when(command("invoice.update", {field: value}, id=INVOICE)).refused("field_fixed", f"data.{field}")


def test_the_currency_is_corrected_until_something_is_paid() -> None:
    spec = Spec().given(invoice(line("1", "0.335", "20"), line("2", "5", "10"), shipping="1"))
    spec.shows(INVOICE, net="11.34", vat="1.07", total="12.41")
    change = command("invoice.update", {"currency": "KWD"}, id=INVOICE)
    spec.when(change).then("invoice_line.changed.v1", "invoice.changed.v1")
    spec.shows(INVOICE, currency="KWD", net="11.335", vat="1.067", total="12.402", paid="0.000", status="unpaid")
    spec.when(command("invoice.update", {"currency": None}, id=INVOICE)).refused("invalid_field", "data.currency")
    spec.when(command("invoice.update", {"currency": "ZZZ"}, id=INVOICE)).refused("unknown_currency", "data.currency")
    spec.given(command("payment.create", {"invoice_id": INVOICE, "amount": "1"}, id=PAYMENT))
    spec.when(command("invoice.update", {"currency": "USD"}, id=INVOICE)).refused("currency_mismatch", "data.currency")
    spec.given(command("payment.delete", id=PAYMENT))
    spec.when(command("invoice.update", {"currency": "JPY"}, id=INVOICE)).shows(INVOICE, total="12", net="11", vat="1")


def test_an_invoice_that_moves_stock_keeps_its_currency() -> None:
    spec = Spec().given(invoice(moves_stock=True))
    spec.when(command("invoice.update", {"currency": "EUR"}, id=INVOICE)).refused("field_fixed", "data.currency")


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("draft", "open", True),
        ("draft", "received", True),
        ("open", "cancelled", True),
        ("open", "draft", False),
        ("received", "cancelled", False),
        ("received", "open", False),
        ("cancelled", "open", True),
        ("cancelled", "received", False),
    ],
)
def test_order_status(before, after, allowed) -> None:
    spec = Spec().given(command("order.create", {"type": "purchase", "status": before, "order_number": "PO-1"}, id=INVOICE))
    spec.when(command("order.update", {"status": after}, id=INVOICE))
    if allowed:
        spec.then("order.changed.v1").shows(INVOICE, status=after, order_number="PO-1")
    else:
        spec.refused("invalid_field", "data.status")


def test_order_costs_and_defaults() -> None:
    spec = Spec(currency="JPY").given(command("order.create", {"type": "sales", "lines": [line("2", "50")]}, id=INVOICE))
    spec.shows(INVOICE, total="100", currency="JPY", order_date="2026-03-10", status="open")
    spec.given(command("order.update", {"discount": "30"}, id=INVOICE)).shows(INVOICE, total="70")
    spec.when(command("order.update", {"discount": "0.5"}, id=INVOICE)).refused("too_many_decimals", "data.discount")
