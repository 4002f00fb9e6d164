"""Coupons: what they take off, when they hold, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

COUPON, INVOICE = uid(1), uid(2)


def given(**fields: Any) -> Spec:
    return Spec().given(
        command("coupon.create", {"code": "Eid", **fields}, id=COUPON), command("invoice.create", {"type": "sales"}, id=INVOICE)
    )


def apply(total: str, **more: Any) -> Any:
    return command("coupon.apply", {"total_amount": total, **more}, id=COUPON)


@pytest.mark.parametrize(
    ("coupon", "total", "taken"),
    [
        ({"percent": "10"}, "33.33", "3.33"),
        ({"percent": "12.5"}, "0.20", "0.03"),
        ({"percent": "100"}, "5", "5.00"),
        ({"percent": "50", "maximum_discount": "8"}, "100", "8.00"),
        ({"amount": "7"}, "100", "7.00"),
        ({"amount": "7"}, "5", "5.00"),
        ({"amount": "7", "minimum_amount": "20"}, "20", "7.00"),
        ({"percent": "10", "valid_from": "2026-03-10", "valid_until": "2026-03-10"}, "10", "1.00"),
        ({"percent": "10", "weekdays": [2]}, "10", "1.00"),
    ],
)
def test_what_a_coupon_takes_off(coupon, total, taken) -> None:
    spec = given(**coupon).when(apply(total, invoice_id=str(INVOICE))).then("coupon.applied.v1")
    spec.shows(COUPON, uses=1, last_discount=taken, last_invoice_id=str(INVOICE))


@pytest.mark.parametrize(
    ("coupon", "more", "reason"),
    [
        ({"is_active": False}, {}, "inactive"),
        ({"valid_from": "2026-03-11"}, {}, "not_yet_valid"),
        ({"valid_until": "2026-03-09"}, {}, "expired"),
        ({"valid_until": "2026-03-10"}, {"date": "2026-03-11"}, "expired"),
        ({"weekdays": [1, 3]}, {}, "not_today"),
        ({"minimum_amount": "20.01"}, {}, "below_minimum"),
        ({}, {"total": "0"}, "below_minimum"),
        ({}, {"discount": "2.01"}, "discount"),
    ],
)
def test_when_a_coupon_does_not_hold(coupon, more, reason) -> None:
    spec = given(percent="10", **coupon).when(apply(**{"total": "20", **more}))
    assert spec.error is not None
    assert (spec.error.code, spec.error.details["reason"]) == ("coupon_refused", reason)


def test_a_coupon_is_used_up_and_an_offline_sale_uses_it_all_the_same() -> None:
    spec = given(percent="10", max_uses=2).given(apply("10"), apply("10"))
    spec.when(apply("10"))
    assert spec.error is not None
    assert spec.error.details["reason"] == "used_up"
    spec.when(apply("10", require_valid=False, discount="3")).then("coupon.applied.v1").shows(COUPON, uses=3, last_discount="3.00")
    spec.when(command("coupon.release", {"invoice_id": str(INVOICE)}, id=COUPON)).then("coupon.released.v1").shows(COUPON, uses=2)
    spec.when(apply("10")).refused("coupon_refused", "data.code")
    spec.given(command("coupon.release", id=COUPON)).when(apply("10")).then("coupon.applied.v1")


def test_two_uses_in_one_request_are_two() -> None:
    spec = given(percent="10", max_uses=1).when(apply("10"), apply("10"))
    assert spec.error is not None
    assert spec.error.code == "coupon_refused"


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({}, "invalid_field", "data.percent"),
        ({"percent": "1", "amount": "1"}, "invalid_field", "data.percent"),
        ({"percent": "0"}, "invalid_field", "data.percent"),
        ({"percent": "101"}, "invalid_field", "data.percent"),
        ({"amount": "0"}, "amount_not_positive", "data.amount"),
        ({"amount": "1.001"}, "too_many_decimals", "data.amount"),
        ({"percent": "1", "minimum_amount": "-1"}, "amount_not_positive", "data.minimum_amount"),
        ({"percent": "1", "valid_from": "2026-02-02", "valid_until": "2026-02-01"}, "invalid_field", "data.valid_until"),
        ({"percent": "1", "weekdays": [8]}, "invalid_field", "data.weekdays[0]"),
        ({"percent": "1", "max_uses": 0}, "invalid_field", "data.max_uses"),
        ({"percent": "1", "code": "EID"}, "value_taken", "data.code"),
    ],
)
def test_coupons_that_make_no_sense(data, code, path) -> None:
    given(percent="5").when(command("coupon.create", {"code": "X", **data})).refused(code, path)


def test_a_coupon_names_a_real_sale() -> None:
    spec = given(percent="5")
    spec.when(apply("1", invoice_id=str(uid(9)))).refused("reference_missing", "data.invoice_id")
    spec.when(apply("-1")).refused("amount_not_positive", "data.total_amount")
    spec.when(apply("1", discount="-1", require_valid=False)).refused("amount_not_positive", "data.discount")
    spec.when(command("coupon.apply", {"total_amount": "1"}, id=uid(7))).refused("record_not_found", "id")
    spec.when(command("coupon.update", {"percent": None}, id=COUPON)).refused("invalid_field", "data.percent")
