"""Sales paid on the spot: an invoice is numbered by its series, and what pays it is recorded in the same decision."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

TEA, SALE, PAYMENT = uid(1), uid(2), uid(3)
LINE = {"product_id": str(TEA), "quantity": "2"}


@pytest.fixture
def spec() -> Spec:
    return Spec().given(command("product.create", {"name": "Tea", "price": "10", "vat_rate": "10"}, id=TEA))


def sale(*payments: dict[str, Any], **rest: Any) -> Any:
    data = {"type": "sales", "lines": [LINE], "payments": list(payments), **rest}
    return command("invoice.create", data, id=SALE)


def test_a_series_numbers_without_a_gap_and_passes_over_what_is_taken(spec: Spec) -> None:
    for number in ("S-000002", "S-000003"):
        spec.given(command("invoice.create", {"type": "sales", "invoice_number": number}))
    for code in ("S-000001", "S-000004", "S-000005"):
        spec.given(command("invoice.create", {"type": "sales", "number_series": "S-"}))
        assert spec.record(spec.result.id).data["invoice_number"] == code
    spec.given(command("invoice.create", {"type": "sales", "number_series": "S-", "invoice_number": "by hand"}))
    assert spec.record(spec.result.id).data["invoice_number"] == "by hand"
    spec.given(command("invoice.create", {"type": "sales", "number_series": "T-"}))
    assert spec.record(spec.result.id).data["invoice_number"] == "T-000001"


def test_orders_are_numbered_too(spec: Spec) -> None:
    for code in ("PO-000001", "PO-000002"):
        spec.given(command("order.create", {"type": "purchase", "number_series": "PO-"}))
        assert spec.record(spec.result.id).data["order_number"] == code


def test_many_taken_numbers_are_passed_over_at_once(spec: Spec) -> None:
    for number in range(1, 40):
        spec.given(command("invoice.create", {"type": "sales", "invoice_number": f"S-{number:06d}"}))
    spec.given(command("invoice.create", {"type": "sales", "number_series": "S-"}))
    assert spec.record(spec.result.id).data["invoice_number"] == "S-000040"


def test_a_payment_without_an_amount_pays_what_is_left(spec: Spec) -> None:
    spec.when(sale({"amount": "5", "method": "card"}, {"id": str(PAYMENT), "tendered": "20", "method": "cash"}))
    spec.shows(SALE, total="22.00", paid="22.00", status="paid")
    spec.shows(PAYMENT, amount="17.00", tendered="20", direction="in", invoice_id=str(SALE))


def test_what_was_handed_over_may_not_reach(spec: Spec) -> None:
    spec.when(sale({"id": str(PAYMENT), "tendered": "20"})).shows(SALE, paid="20.00", status="partial")


def test_nothing_left_makes_no_payment(spec: Spec) -> None:
    spec.when(sale({"amount": "22"}, {"method": "cash"}))
    assert sum(record.kind == "payment" for record in spec.warm.records.values()) == 1


@pytest.mark.parametrize(
    ("payment", "code", "path"),
    [
        ({"amount": "0"}, "amount_not_positive", "data.payments[0].amount"),
        ({"amount": "1.001"}, "too_many_decimals", "data.payments[0].amount"),
        ({"amount": "5", "tendered": "4"}, "invalid_field", "data.payments[0].tendered"),
        ({"cash_id": str(uid(99))}, "reference_missing", "data.payments[0].cash_id"),
    ],
)
def test_refused(spec: Spec, payment: dict[str, Any], code: str, path: str) -> None:
    spec.when(sale(payment)).refused(code, path)
