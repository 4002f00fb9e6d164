"""Shifts: what is expected in the drawer is what the books posted to cash; a shift is closed once, and late facts recount it."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.command import Actor
from domain.record import Record
from projections.posting import lines_of
from tests.domain.spec import Spec, command, uid

CASHIER, OTHER, SHIFT, TEA, INVOICE, PAYMENT, TILL, SAFE = map(uid, range(201, 209))
AS_CASHIER = Actor(user_id=CASHIER, role="staff")
AS_OTHER = Actor(user_id=OTHER, role="staff")
AS_OWNER = Actor(user_id=OTHER, role="tenantOwner")
LATER = datetime(2026, 3, 10, 18, tzinfo=timezone.utc)


def close(cash: str, **more: Any) -> Any:
    return command("shift.close", {"closing_cash": cash, **more}, id=SHIFT)


def payment(amount: str, **more: Any) -> Any:
    return command("payment.create", {"amount": amount, "shift_id": str(SHIFT), **more})


def moved(amount: str, direction: str, **more: Any) -> Any:
    return command("cash_transaction.create", {"amount": amount, "direction": direction, "shift_id": str(SHIFT), **more})


def expense(amount: str, **more: Any) -> Any:
    return command("expense.create", {"amount": amount, "shift_id": str(SHIFT), **more})


def shop() -> Spec:
    return Spec().given(
        command("user.create", {"name": "Sara"}, id=CASHIER),
        command("user.create", {"name": "Nabil"}, id=OTHER),
        command("product.create", {"name": "Tea", "price": "10", "vat_rate": "10"}, id=TEA),
        command("payment_account.create", {"type": "cash", "name": "Till"}, id=TILL),
        command("payment_account.create", {"type": "bank", "name": "Terminal"}, id=SAFE),
        command("shift.create", {"cashier_id": str(CASHIER), "opening_cash": "500"}, id=SHIFT),
    )


def posted_to_cash(spec: Spec) -> Decimal:
    """What the journal has on the account of cash for whatever names the shift."""

    def fact(record: Record) -> dict[str, Any]:
        parts = {"payment_split": "parts", "cheque": "cheques"}
        members: dict[str, Any] = {}
        for child in spec.all("payment_split") + spec.all("cheque"):
            if child.data["payment_id"] == str(record.id):
                members.setdefault(parts[child.kind], {})[str(child.id)] = child.data
        return {**record.data, **members}

    def find(record_id: str) -> dict[str, Any] | None:
        record = spec.warm.record(UUID(record_id))
        return None if record is None or record.deleted else fact(record)

    named = [
        r for kind in ("payment", "expense", "cash_transaction") for r in spec.all(kind) if r.data.get("shift_id") == str(SHIFT)
    ]
    lines = [line for r in named for line in lines_of(r.kind, r.id, fact(r), "USD", find)]
    return sum((line.amount for line in lines if line.account == "1000" and line.currency == "USD"), Decimal(0))


def test_a_shift_from_its_opening_to_the_count() -> None:
    spec = shop()
    spec.shows(
        SHIFT, status="open", cashier_id=str(CASHIER), opening_cash="500.00", currency="USD", opened_at="2026-03-10T12:00:07Z"
    )
    sale = {"type": "sales", "shift_id": str(SHIFT), "moves_stock": True, "lines": [{"product_id": str(TEA), "quantity": 2}]}
    spec.given(command("invoice.create", sale, id=INVOICE), payment("22", invoice_id=str(INVOICE), method="cash"))
    spec.given(payment("30", method="card"), payment("7", direction="out"), payment("50", cash_amount="20", method="card"))
    spec.given(
        moved("15", "in", category="change"), moved("40", "out", category="1100"), expense("3.50"), expense("9", method="bank")
    )
    spec.given(expense("100", status="requested"))
    spec.when(close("507", notes="busy", variance_reason="tip jar"), by=AS_CASHIER).then("shift.closed.v1")
    spec.shows(
        SHIFT, status="closed", closing_cash="507.00", expected_cash="506.50", variance="0.50", variance_reason="tip jar",
        closing_notes="busy", late_cash=None,
    )  # fmt: skip
    assert Decimal("506.50") == 500 + posted_to_cash(spec)


def test_parts_and_cheques_of_a_payment_are_not_in_the_drawer() -> None:
    spec = shop().given(
        command("payment.create", {"amount": "100", "shift_id": str(SHIFT)}, id=PAYMENT),
        command("payment_split.create", {"payment_id": str(PAYMENT), "payment_account_id": str(SAFE), "amount": "25"}),
        command("payment_split.create", {"payment_id": str(PAYMENT), "payment_account_id": str(TILL), "amount": "5"}),
        command("cheque.create", {"payment_id": str(PAYMENT), "amount": "30"}, id=uid(9)),
        payment("8", payment_account_id=str(TILL)),
        payment("9", payment_account_id=str(SAFE)),
        payment("11", currency="EUR"),
    )
    spec.when(close("553")).then("shift.closed.v1").shows(SHIFT, variance="0.00", variance_reason=None)
    assert posted_to_cash(spec) == 53
    spec.when(command("cheque.delete", id=uid(9))).then("cheque.deleted.v1", "shift.recounted.v1")
    spec.shows(SHIFT, expected_cash="583.00", late_cash="30.00", variance="-30.00")
    assert posted_to_cash(spec) == 83
    spec.when(command("payment.delete", id=PAYMENT))
    spec.then("payment_split.deleted.v1", "payment_split.deleted.v1", "payment.deleted.v1", "shift.recounted.v1")
    assert Decimal(spec.record(SHIFT).data["expected_cash"]) == 500 + posted_to_cash(spec) == 508


@pytest.mark.parametrize(
    ("late", "topics", "expected"),
    [
        (payment("20"), ("payment.recorded.v1", "shift.recounted.v1"), "520.00"),
        (payment("20", method="card"), ("payment.recorded.v1",), "500.00"),
        (payment("20", currency="EUR"), ("payment.recorded.v1",), "500.00"),
        (moved("20", "out"), ("cash_transaction.recorded.v1", "shift.recounted.v1"), "480.00"),
        (expense("20"), ("expense.recorded.v1", "shift.recounted.v1"), "480.00"),
        (expense("20", status="requested"), ("expense.recorded.v1",), "500.00"),
    ],
)
def test_what_turns_up_after_the_close_recounts_the_shift(late, topics, expected) -> None:
    spec = shop().given(close("500"))
    spec.when(late).then(*topics)
    variance = f"{500 - Decimal(expected)}"
    spec.shows(SHIFT, expected_cash=expected, closing_cash="500.00", status="closed")
    assert Decimal(spec.record(SHIFT).data["variance"]) == Decimal(variance)
    assert Decimal(spec.record(SHIFT).data["expected_cash"]) == 500 + posted_to_cash(spec)


def test_late_changes_and_deletions_recount_too() -> None:
    spec = shop().given(command("shift.create", {"cashier_id": str(OTHER)}, id=uid(3)))
    spec.given(command("cash_transaction.create", {"amount": "5", "direction": "in", "shift_id": str(SHIFT)}, id=uid(1)))
    spec.given(command("expense.create", {"amount": "4", "status": "requested", "shift_id": str(SHIFT)}, id=uid(2)))
    spec.given(command("payment.create", {"amount": "6", "shift_id": str(SHIFT)}, id=PAYMENT))
    spec.given(close("511"), command("shift.close", {"closing_cash": "0"}, id=uid(3)))
    spec.when(command("cash_transaction.update", {"amount": "8"}, id=uid(1))).then(
        "cash_transaction.changed.v1", "shift.recounted.v1"
    )
    spec.shows(SHIFT, expected_cash="514.00", late_cash="3.00")
    spec.when(command("cash_transaction.update", {"notes": "n"}, id=uid(1))).then("cash_transaction.changed.v1")
    spec.when(command("expense.approve", id=uid(2))).then("expense.approved.v1", "shift.recounted.v1").shows(
        SHIFT, late_cash="-1.00"
    )
    spec.when(command("expense.delete", id=uid(2))).then("expense.deleted.v1", "shift.recounted.v1").shows(SHIFT, late_cash="3.00")
    spec.when(command("payment.update", {"shift_id": str(uid(3))}, id=PAYMENT))
    spec.then("payment.changed.v1", "shift.recounted.v1", "shift.recounted.v1").shows(uid(3), variance="-6.00", late_cash="6.00")
    spec.when(command("payment.update", {"method": "card"}, id=PAYMENT)).then("payment.changed.v1", "shift.recounted.v1")
    spec.shows(uid(3), variance="0.00").shows(SHIFT, expected_cash="508.00", variance="3.00")
    spec.when(command("cash_transaction.delete", id=uid(1))).then("cash_transaction.deleted.v1", "shift.recounted.v1")
    assert Decimal(spec.record(SHIFT).data["expected_cash"]) == 500 + posted_to_cash(spec) == 500


def test_closing_twice_and_closing_anothers() -> None:
    spec = shop()
    spec.when(close("500"), by=AS_OTHER).refused("not_allowed", "id")
    spec.when(close("-1"), by=AS_CASHIER).refused("amount_not_positive", "data.closing_cash")
    spec.when(close("1.005"), by=AS_CASHIER).refused("too_many_decimals", "data.closing_cash")
    spec.when(close("490"), by=AS_OWNER).then("shift.closed.v1").shows(SHIFT, variance="-10.00", variance_reason=None)
    spec.when(close("490"), by=AS_CASHIER).refused("shift_closed", "id")
    spec.when(command("shift.explain", {"variance_reason": "gave wrong change"}, id=SHIFT), by=AS_OTHER).refused(
        "not_allowed", "id"
    )
    spec.when(command("shift.explain", {"variance_reason": "gave wrong change"}, id=SHIFT), by=AS_CASHIER)
    spec.then("shift.variance-explained.v1").shows(SHIFT, variance_reason="gave wrong change")
    spec.when(command("shift.update", {"opening_cash": "490"}, id=SHIFT)).refused("shift_closed", "data.opening_cash")
    spec.when(command("shift.update", {"notes": "n"}, id=SHIFT)).then("shift.changed.v1")
    spec.when(command("shift.delete", id=SHIFT)).refused("shift_closed", "id")


def test_a_cashier_has_one_open_shift() -> None:
    spec = shop()
    again = {"cashier_id": {"number": 1}, "opening_cash": "1"}
    spec.when(command("shift.create", again)).refused("value_taken", "data.cashier_id")
    assert spec.error is not None
    assert spec.error.details["number"] == 1
    spec.when(command("shift.explain", {"variance_reason": "?"}, id=SHIFT)).refused("invalid_field", "id")
    spec.when(command("shift.create", {}), by=AS_CASHIER).refused("value_taken", "data.cashier_id")
    spec.when(command("shift.create", {}), by=AS_OTHER).then("shift.opened.v1")
    spec.when(command("shift.create", {}), by=Actor()).refused("invalid_field", "data.cashier_id")
    spec.when(command("shift.create", {"cashier_id": str(uid(99))})).refused("reference_missing", "data.cashier_id")
    spec.when(close("500"), command("shift.create", again)).then("shift.closed.v1", "shift.opened.v1")


def test_a_shift_in_one_request_with_its_sales() -> None:
    spec = shop()
    spec.when(payment("12.50"), moved("2", "out"), close("510.50", variance_reason=""))
    spec.then("payment.recorded.v1", "cash_transaction.recorded.v1", "shift.closed.v1").shows(
        SHIFT, variance="0.00", variance_reason=None
    )


def test_a_shift_that_was_used_is_not_withdrawn() -> None:
    spec = shop().given(command("payment.create", {"amount": "1", "shift_id": str(SHIFT)}, id=PAYMENT))
    spec.when(command("shift.delete", id=SHIFT)).refused("still_referenced", "id")
    spec.given(command("payment.delete", id=PAYMENT)).when(command("shift.delete", id=SHIFT)).then("shift.withdrawn.v1")
    spec.when(payment("1")).refused("reference_missing", "data.shift_id")
    spec.when(command("shift.create", {"cashier_id": str(CASHIER)})).then("shift.opened.v1")


def test_the_tills_clock_says_when() -> None:
    spec = shop()
    spec.when(command("shift.close", {"closing_cash": "500"}, id=SHIFT, occurred_at=LATER))
    spec.shows(SHIFT, closed_at="2026-03-10T18:00:00Z")


# Cash that is put in and taken out ------------------------------------------------------------------


def test_cash_in_and_cash_out_post_their_category() -> None:
    spec = shop().given(moved("15", "in", category="Change"), moved("40", "out", category="1100"), moved("2", "out"))
    lines = [
        [(line.account, line.amount) for line in lines_of("cash_transaction", r.id, r.data, "USD", lambda _: None)]
        for r in spec.all("cash_transaction")
    ]
    assert lines == [
        [("1000", 15), ("4900:change", -15)],
        [("1000", -40), ("1100", 40)],
        [("1000", -2), ("6000", 2)],
    ]
    assert spec.all("cash_transaction")[0].data["date"] == "2026-03-10"


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"amount": "0", "direction": "in"}, "amount_not_positive", "data.amount"),
        ({"amount": "-5", "direction": "in"}, "amount_not_positive", "data.amount"),
        ({"amount": "1.001", "direction": "in"}, "too_many_decimals", "data.amount"),
        ({"amount": "1", "direction": "up"}, "invalid_field", "data.direction"),
        ({"amount": "1"}, "invalid_field", "data.direction"),
        ({"amount": "1", "direction": "in", "category": "1000"}, "invalid_field", "data.category"),
        ({"amount": "1", "direction": "in", "category": " 1000:x"}, "invalid_field", "data.category"),
        ({"amount": "1", "direction": "in", "shift_id": str(uid(99))}, "reference_missing", "data.shift_id"),
    ],
)
def test_cash_transactions_that_make_no_sense(data, code, path) -> None:
    shop().when(command("cash_transaction.create", data)).refused(code, path)


# Carts that are put aside ---------------------------------------------------------------------------

CART = {"items": [{"product_id": 1, "quantity": 2}]}


def test_a_held_sale_is_resumed_and_sold_once() -> None:
    spec = shop().given(command("held_sale.create", {"cart": CART, "total_amount": "22", "shift_id": str(SHIFT)}, id=uid(1)))
    spec.shows(uid(1), status="held", cart=CART, total_amount="22.00", currency="USD")
    assert spec.stock(TEA) == 0
    spec.when(command("held_sale.resume", id=uid(1))).then("held_sale.resumed.v1")
    spec.when(command("held_sale.resume", id=uid(1))).refused("already_resolved", "id")
    spec.when(command("held_sale.consume", {"invoice_id": str(INVOICE)}, id=uid(1))).refused("reference_missing", "data.invoice_id")
    sale = command("invoice.create", {"type": "sales"}, id=INVOICE)
    spec.when(sale, command("held_sale.consume", {"invoice_id": str(INVOICE)}, id=uid(1)))
    spec.then("invoice.issued.v1", "held_sale.consumed.v1").shows(uid(1), status="consumed", invoice_id=str(INVOICE))
    for action, data in (("consume", {}), ("resume", None), ("update", {"label": "x"}), ("delete", None)):
        spec.when(command(f"held_sale.{action}", data, id=uid(1))).refused("already_resolved", "id")


def test_a_cart_is_bounded() -> None:
    spec = shop()
    spec.when(command("held_sale.create", {"cart": {"x": "y" * 300_000}})).refused("invalid_field", "data.cart")
    spec.when(command("held_sale.create", {"cart": CART, "total_amount": "-1"})).refused("amount_not_positive", "data.total_amount")
    spec.given(command("held_sale.create", {"cart": CART}, id=uid(1)))
    spec.when(command("held_sale.update", {"cart": {"x": "y" * 300_000}}, id=uid(1))).refused("invalid_field", "data.cart")
    spec.when(command("held_sale.update", {"cart": {}, "total_amount": "1"}, id=uid(1))).then("held_sale.changed.v1")
    spec.when(command("held_sale.delete", id=uid(1))).then("held_sale.discarded.v1")
