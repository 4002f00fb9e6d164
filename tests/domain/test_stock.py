"""Stock: moved by invoices' lines and by hand, moved back, and never below zero where that is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.domain.spec import Spec, command, uid

TEA, SERVICE, UNTRACKED, INVOICE, LINE, STORE, DETAIL = map(uid, range(1, 8))


def shop() -> Spec:
    return Spec().given(
        command("product.create", {"name": "Tea", "price": "2"}, id=TEA),
        command("product.create", {"name": "Advice", "type": "service", "price": "2"}, id=SERVICE),
        command("product.create", {"name": "Air", "is_tracked": False, "price": "2"}, id=UNTRACKED),
        command("product_detail.create", {"product_id": str(TEA)}, id=DETAIL),
        command("stock_movement.create", {"product_id": str(TEA), "quantity": "10", "reason": "opening"}),
    )


def sale(*lines: dict[str, Any], **rest: Any) -> Any:
    data = {"type": "sales", "moves_stock": True, "lines": list(lines), **rest}
    return command("invoice.create", data, id=INVOICE)


@pytest.mark.parametrize(
    ("type_", "level", "reason"),
    [
        ("sales", "7", "sale"),
        ("purchase", "13", "purchase"),
        ("sales_return", "13", "return"),
        ("purchase_return", "7", "return"),
    ],
)
def test_each_type_of_invoice_moves_its_way(type_, level, reason) -> None:
    spec = shop().when(sale({"product_id": str(TEA), "quantity": "3", "id": str(LINE)}, type=type_, issue_date="2026-01-02"))
    spec.then("invoice.issued.v1", "invoice_line.added.v1", "stock_movement.recorded.v1")
    assert spec.stock(TEA) == Decimal(level)
    moved = spec.all("stock_movement")[-1]
    spec.shows(moved.id, reason=reason, date="2026-01-02", invoice_line_id=str(LINE))
    spec.when(command("stock_movement.delete", id=moved.id)).refused("still_referenced", "id")
    spec.given(command("invoice.delete", id=INVOICE))
    assert spec.stock(TEA) == 10


def test_only_tracked_goods_on_invoices_that_move_stock() -> None:
    spec = shop()
    spec.given(sale({"product_id": str(SERVICE)}, {"product_id": str(UNTRACKED)}, {"description": "x", "unit_price": "1"}))
    spec.given(command("invoice.create", {"type": "sales", "lines": [{"product_id": str(TEA)}]}))
    assert len(spec.all("stock_movement")) == 1


def test_lines_move_stock_again_when_they_change() -> None:
    spec = shop().given(sale())
    spec.when(command("invoice_line.create", {"invoice_id": str(INVOICE), "product_id": str(TEA), "quantity": "4"}, id=LINE))
    spec.then("invoice_line.added.v1", "stock_movement.recorded.v1", "invoice.totalled.v1")
    assert spec.stock(TEA) == 6
    spec.given(command("invoice_line.update", {"quantity": "1"}, id=LINE))
    assert spec.stock(TEA) == 9
    spec.when(command("invoice_line.update", {"notes": 1}, id=LINE)).refused("invalid_field", "data.notes")
    spec.when(command("invoice_line.update", {"discount": "1"}, id=LINE)).then("invoice_line.changed.v1", "invoice.totalled.v1")
    spec.given(command("invoice_line.update", {"product_detail_id": str(DETAIL)}, id=LINE))
    spec.shows(spec.all("stock_movement")[-1].id, product_detail_id=str(DETAIL))
    spec.given(command("product.delete", id=TEA), command("invoice_line.update", {"quantity": "2"}, id=LINE))
    assert spec.stock(TEA) == 8
    spec.when(command("invoice_line.delete", id=LINE))
    spec.then("invoice_line.removed.v1", "stock_movement.recorded.v1", "invoice.totalled.v1")
    assert spec.stock(TEA) == 10


def test_insufficient_stock_is_refused_where_asked() -> None:
    spec = shop()
    lines = [{"product_id": str(TEA), "quantity": "6"}, {"product_id": {"number": 1}, "quantity": "5"}]
    spec.when(sale(*lines, require_stock=True)).refused("stock_insufficient", "data.lines[1].quantity")
    assert spec.error is not None
    assert spec.error.details["available"] == "4"
    assert spec.stock(TEA) == 10
    out = {"product_id": str(TEA), "quantity": "-11", "require_stock": True}
    spec.when(command("stock_movement.create", out)).refused("stock_insufficient", "data.quantity")
    spec.when(command("stock_movement.create", {**out, "store_id": str(STORE), "quantity": "-1"}))
    spec.refused("stock_insufficient", "data.quantity")
    spec.given(command("stock_movement.create", {**out, "quantity": "-10"}), sale(*lines))
    assert spec.stock(TEA) == -11


def test_stores_are_apart() -> None:
    spec = shop().given(sale({"product_id": str(TEA), "quantity": "2"}, store_id=str(STORE)))
    assert (spec.stock(TEA), spec.stock(TEA, STORE)) == (10, -2)
    other = {"invoice_id": str(INVOICE), "product_id": str(TEA), "store_id": str(uid(60))}
    spec.given(command("invoice_line.create", other))
    assert spec.stock(TEA, uid(60)) == -1


def test_movements_by_hand() -> None:
    spec = shop().given(command("stock_movement.create", {"product_id": str(TEA), "quantity": "-2.5"}, id=LINE))
    assert spec.stock(TEA) == Decimal("7.5")
    spec.when(command("stock_movement.update", {"quantity": "1"}, id=LINE)).refused("field_fixed", "data.quantity")
    spec.given(command("stock_movement.delete", id=LINE))
    assert spec.stock(TEA) == 10
    nothing = {"product_id": str(TEA), "quantity": "0"}
    spec.when(command("stock_movement.create", nothing)).refused("amount_not_positive", "data.quantity")
