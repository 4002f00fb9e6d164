"""Purchase orders: a draft owes nothing; what is received is invoiced, in stock and perhaps paid, in one decision."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

SUPPLIER, TEA, ORDER, INVOICE, TILL, SHIFT, CASHIER = map(uid, range(1, 8))


def shop(status: str = "draft", **more: Any) -> Spec:
    lines = [
        {"product_id": str(TEA), "quantity": "10", "unit_price": "5", "vat_rate": "10", "discount": "2"},
        {"description": "Carriage", "unit_price": "3"},
    ]
    order = {
        "type": "purchase",
        "status": status,
        "party_id": str(SUPPLIER),
        "lines": lines,
        "discount": "1",
        "shipping": "4",
        **more,
    }
    return Spec().given(
        command("party.create", {"name": "Grower", "roles": ["supplier"]}, id=SUPPLIER),
        command("product.create", {"name": "Tea", "price": "9", "vat_rate": "20"}, id=TEA),
        command("payment_account.create", {"type": "cash", "name": "Till"}, id=TILL),
        command("user.create", {"name": "Sara"}, id=CASHIER),
        command("shift.create", {"cashier_id": str(CASHIER), "opening_cash": "100"}, id=SHIFT),
        command("order.create", order, id=ORDER),
    )


def receive(**data: Any) -> Any:
    return command("order.receive", {"invoice_id": str(INVOICE), **data}, id=ORDER)


@pytest.mark.parametrize("status", ["draft", "open"])
def test_a_purchase_order_is_received(status) -> None:
    spec = shop(status)
    assert (spec.stock(TEA), spec.all("invoice")) == (0, [])
    spec.when(receive(invoice_number="S-1", due_date="2026-04-10", date="2026-03-09"))
    spec.then(
        "invoice.issued.v1", "invoice_line.added.v1", "stock_movement.recorded.v1", "invoice_line.added.v1", "order.received.v1"
    )
    order = spec.record(ORDER).data
    assert (order["status"], order["invoice_id"]) == ("received", str(INVOICE))
    spec.shows(
        INVOICE, type="purchase", party_id=str(SUPPLIER), order_id=str(ORDER), net=order["net"], vat=order["vat"],
        total=order["total"], invoice_number="S-1", issue_date="2026-03-09", due_date="2026-04-10", status="unpaid",
    )  # fmt: skip
    assert (order["net"], order["vat"], order["total"]) == ("54.00", "4.80", "58.80")
    assert (spec.stock(TEA), spec.only("stock_movement").data["unit_cost"]) == (10, "4.800000000")
    spec.when(receive(invoice_id=str(uid(99)))).refused("already_resolved", "id")


def test_it_is_paid_from_the_drawer_at_once() -> None:
    spec = shop().when(receive(paid_amount="58.80", method="cash", shift_id=str(SHIFT), payment_account_id=str(TILL)))
    assert spec.decision is not None
    assert [event.topic for event in spec.decision.events][-3:] == [
        "payment.recorded.v1", "invoice.settlement-changed.v1", "order.received.v1",
    ]  # fmt: skip
    spec.shows(INVOICE, status="paid")
    paid = spec.only("payment").data
    assert (paid["direction"], paid["party_id"], paid["order_id"]) == ("out", str(SUPPLIER), str(ORDER))
    spec.when(command("shift.close", {"closing_cash": "41.20"}, id=SHIFT)).then("shift.closed.v1").shows(SHIFT, variance="0.00")


def test_an_order_is_placed_and_received_in_one_request() -> None:
    spec = shop()
    order = {"type": "purchase", "party_id": str(SUPPLIER), "lines": [{"product_id": str(TEA), "quantity": "2", "unit_price": "1"}]}
    spec.when(command("order.create", order, id=uid(20)), command("order.receive", {"moves_stock": False}, id=uid(20)))
    assert spec.error is None
    assert (spec.record(uid(20)).data["status"], spec.stock(TEA)) == ("received", 0)


@pytest.mark.parametrize(
    ("given", "data", "code", "path"),
    [
        ({"type": "sales", "party_id": None}, {}, "invalid_field", "id"),
        ({"lines": []}, {}, "invalid_field", "id"),
        ({}, {"paid_amount": "0"}, "amount_not_positive", "data.paid_amount"),
        ({}, {"paid_amount": "1.001"}, "too_many_decimals", "data.paid_amount"),
        ({}, {"paid_amount": "1", "bank_id": str(TILL)}, "reference_missing", "data.bank_id"),
        ({}, {"invoice_id": str(TEA)}, "record_exists", "id"),
    ],
)
def test_receipts_that_make_no_sense(given, data, code, path) -> None:
    spec = shop(**{name: value for name, value in given.items() if value is not None or name != "party_id"} | given)
    spec.when(receive(**data)).refused(code, path)
    assert spec.record(ORDER).data["status"] == "draft"


def test_what_was_cancelled_is_not_received_and_a_number_is_used_once() -> None:
    spec = shop().given(command("order.update", {"status": "cancelled"}, id=ORDER))
    spec.when(receive()).refused("invalid_field", "id")
    spec.given(
        command("order.update", {"status": "open"}, id=ORDER), command("invoice.create", {"type": "sales", "invoice_number": "S-1"})
    )
    spec.when(receive(invoice_number="S-1")).refused("value_taken", "data.invoice_number")
    spec.given(command("product.update", {"is_active": False}, id=TEA))
    spec.when(receive()).refused("reference_missing", "data.lines[0].product_id")
