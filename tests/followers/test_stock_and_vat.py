"""Stock at moving average cost, and VAT by rate: what each event adds, also when it is changed or taken back."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest

from domain.command import Command
from infra.ids import new_id
from infra.reports.stock_value import stock_value
from infra.reports.vat_summary import vat_summary
from tests.followers.test_reports import TODAY, close_books, follow, spread_out, tell

D = Decimal


def create(kind, record_id=None, **data):
    return Command(kind=kind, action="create", id=record_id or new_id(), data=data)


def update(kind, record_id, **data):
    return Command(kind=kind, action="update", id=record_id, data=data)


def delete(kind, record_id):
    return Command(kind=kind, action="delete", id=record_id)


def move(shop, quantity, one=None, **data):
    return create("stock_movement", one, product_id=str(shop.products[0]), quantity=quantity, **data)


MOVED = {
    # what, movements and changes of the product, and the level, the value and the average after them
    "goods come in at their cost": (lambda s, _: [move(s, 10, unit_cost="2"), move(s, 30, unit_cost="4")], "40 140.00 3.5"),
    "and go out at the average": (
        lambda s, _: [move(s, 10, unit_cost="2"), move(s, 30, unit_cost="4"), move(s, -10)],
        "30 105.00 3.5",
    ),
    "without a cost, at the average": (lambda s, _: [move(s, 10, unit_cost="2"), move(s, 5)], "15 30.00 2"),
    "without an average, at the catalogue's": (
        lambda s, _: [update("product", s.products[0], cost="1.25"), move(s, 4)],
        "4 5.00 1.25",
    ),
    "without any, at nothing": (lambda s, _: [move(s, 4)], "4 0.00 0"),
    "nothing left is worth nothing": (
        lambda s, _: [move(s, 3, unit_cost="1"), move(s, 4, unit_cost="1.1"), move(s, -6), move(s, -1)],
        "0 0.00 None",
    ),
    "less than nothing, at the last cost": (lambda s, _: [move(s, 1, unit_cost="2"), move(s, -3)], "-2 -4.00 2"),
    "what comes in settles what was missing": (
        lambda s, _: [move(s, 1, unit_cost="2"), move(s, -3), move(s, 5, unit_cost="6")],
        "3 18.00 6",
    ),
    "a withdrawal takes back what was added": (
        lambda s, one: [move(s, 10, unit_cost="2"), move(s, 10, one, unit_cost="4"), delete("stock_movement", one)],
        "10 20.00 2",
    ),
    "another cost": (
        lambda s, one: [move(s, 10, unit_cost="2"), move(s, 10, one, unit_cost="4"), update("stock_movement", one, unit_cost="6")],
        "20 80.00 4",
    ),
    "cents are not lost": (lambda s, _: [move(s, 3, unit_cost="0.333333333"), move(s, -1), move(s, -1)], "1 0.33 0.33"),
}


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "event by event"])
def test_stock_is_valued_at_the_moving_average(open_shop, worker, api, together):
    for n, (what, (steps, expected)) in enumerate(MOVED.items()):
        shop = open_shop(f"shop-{n}")
        for command in steps(shop, new_id()):
            shop.execute(command)
            if not together:
                follow(worker, shop.company_id)
        follow(worker, shop.company_id)
        (found,) = tell(api, shop, stock_value)["products"]
        assert f"{found['quantity']} {found['value']} {found['average_cost']}" == expected, what


def test_a_purchase_tells_what_its_goods_cost(open_shop, worker, api):
    shop, one = open_shop(), new_id()
    line = {"product_id": str(shop.products[0]), "quantity": 40, "unit_price": "3.50", "discount": "10"}
    common = {"party_id": str(shop.parties[0]), "moves_stock": True}
    shop.execute(create("invoice", one, type="purchase", lines=[line], **common))
    shop.execute(create("invoice", type="sales", lines=[{**line, "quantity": 10}], **common))
    shop.execute(create("invoice", type="purchase", currency="EUR", lines=[{**line, "quantity": 1, "unit_price": "99"}], **common))
    follow(worker, shop.company_id)
    (found,) = tell(api, shop, stock_value)["products"]
    assert (found["quantity"], found["value"]) == ("31", "100.75"), "another currency's price is no cost"
    (row,) = [r for r in shop.ledger.store.read_records(shop.company_id, children_of(one)).records if r.kind == "invoice_line"]
    shop.execute(update("invoice_line", row.id, unit_price="4.25"))
    follow(worker, shop.company_id)
    (found,) = tell(api, shop, stock_value)["products"]
    assert found["quantity"] == "31"
    assert found["value"] == "124.00", "a corrected price is a corrected cost"


def children_of(record_id):
    from domain.needs import Needs

    return Needs(ids={record_id}, parents={record_id})


def test_rows_of_stock_run_and_levels_are_their_sums(open_shop, worker, api, owner):
    shop = open_shop(seed=4)
    spread_out(shop)
    follow(worker, shop.company_id)
    rows = owner.execute(
        "SELECT product_id, quantity, value, quantity_after, value_after FROM stock_lines WHERE company_id = %s ORDER BY seq, line",
        (shop.company_id,),
    ).fetchall()
    levels = defaultdict(lambda: [D(0), D(0)])
    for product, quantity, value, quantity_after, value_after in rows:
        levels[product][0] += quantity
        levels[product][1] += value
        assert levels[product] == [quantity_after, value_after]
        assert quantity_after or not value_after
    stored = dict(
        owner.execute(
            "SELECT product_id, sum(quantity) FROM stock_levels WHERE company_id = %s GROUP BY 1", (shop.company_id,)
        ).fetchall()
    )
    assert {product: quantity for product, (quantity, _) in levels.items()} == stored
    whole = tell(api, shop, stock_value)
    for begin in (TODAY.replace(year=2020), TODAY):
        for row, now in zip(tell(api, shop, stock_value, begin=begin)["products"], whole["products"], strict=True):
            assert (row["quantity"], row["value"]) == (now["quantity"], now["value"])
            opened, came, gone = (D(row[name]) for name in ("opening_value", "value_in", "value_out"))
            assert opened + came - gone == D(row["value"])
            assert D(row["opening_quantity"]) + D(row["quantity_in"]) - D(row["quantity_out"]) == D(row["quantity"])


def rates(api, shop, **asked):
    return {
        (row["direction"], row["vat_rate"], row["levy_rate"]): (row["net"], row["vat"], row["levy"])
        for row in tell(api, shop, vat_summary, **asked)["rates"]
    }


def line(net, vat_rate, levy_rate=None):
    found = {"description": "Tea", "quantity": 1, "unit_price": net, "vat_rate": vat_rate}
    return found | ({"levy_rate": levy_rate} if levy_rate else {})


def invoice(shop, one, *lines, kind="sales", **data):
    return create("invoice", one, type=kind, party_id=str(shop.parties[0]), lines=list(lines), **data)


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "event by event"])
def test_vat_follows_its_lines(open_shop, worker, api, owner, together):
    shop, one, returned, added = open_shop(), new_id(), new_id(), new_id()
    nine, three, free = ("output", "9", "0"), ("output", "9", "3"), ("output", "0", "0")
    steps = [
        (
            invoice(shop, one, line("100", "9"), line("50", "9.00", "3"), line("10", "0")),
            {nine: ("100.00", "9.00", "0.00"), three: ("50.00", "4.50", "1.50"), free: ("10.00", "0.00", "0.00")},
        ),
        (invoice(shop, returned, line("30", "9"), kind="sales_return"), {nine: ("70.00", "6.30", "0.00")}),
        (create("invoice_line", added, invoice_id=str(one), **line("20", "9")), {nine: ("90.00", "8.10", "0.00")}),
        (update("invoice_line", added, unit_price="40"), {nine: ("110.00", "9.90", "0.00")}),
        (update("invoice_line", added, vat_rate="0"), {nine: ("70.00", "6.30", "0.00"), free: ("50.00", "0.00", "0.00")}),
        (update("invoice_line", added, description="Green tea"), {}),
        (delete("invoice_line", added), {free: ("10.00", "0.00", "0.00")}),
        (invoice(shop, added := new_id(), line("60", "9"), kind="purchase"), {("input", "9", "0"): ("60.00", "5.40", "0.00")}),
        (update("invoice", one, notes="Deliver on Friday"), {}),
        (delete("invoice", one), {nine: ("-30.00", "-2.70", "0.00"), three: None, free: None}),
    ]  # fmt: skip
    expected, after = {}, []
    for command, changed in steps:
        seq = shop.execute(command)
        expected = {rate: amounts for rate, amounts in {**expected, **changed}.items() if amounts is not None}
        after.append((seq, expected))
        if not together:
            follow(worker, shop.company_id)
            assert rates(api, shop) == expected
    follow(worker, shop.company_id)
    for seq, expected_then in after:
        assert rates(api, shop, at_seq=seq) == expected_then


def test_vat_moves_with_its_invoices_date_and_not_into_closed_books(open_shop, worker, api, owner):
    shop, one = open_shop(), new_id()
    shop.execute(invoice(shop, one, line("100", "9"), line("200", "9"), issue_date="2024-01-10"))
    follow(worker, shop.company_id)
    whole = ("300.00", "27.00", "0.00")
    month = {"begin": TODAY.replace(2024, 1, 1), "end": TODAY.replace(2024, 1, 31)}
    assert rates(api, shop, **month) == {("output", "9", "0"): whole}
    shop.execute(update("invoice", one, issue_date="2024-02-10"))
    follow(worker, shop.company_id)
    assert rates(api, shop, **month) == {}
    assert owner.execute("SELECT count(*) FROM vat_lines WHERE reversal").fetchone() == (1,), "one row moves all lines of a rate"
    close_books(shop, TODAY.replace(2024, 2, 28))
    shop.execute(update("invoice", one, issue_date="2024-01-05"))
    follow(worker, shop.company_id)
    assert rates(api, shop, **month) == {}
    assert rates(api, shop, **month, by="dated") == {("output", "9", "0"): whole}
    assert rates(api, shop, end=TODAY.replace(2024, 2, 28)) == {("output", "9", "0"): whole}, "what was posted then stays there"
    shop.execute(delete("invoice", one))
    follow(worker, shop.company_id)
    assert rates(api, shop) == {}
    assert rates(api, shop, by="dated", end=TODAY.replace(2024, 2, 28)) == {}
