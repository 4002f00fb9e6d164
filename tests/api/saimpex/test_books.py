"""What is sold at the till is in the books, in the reports, and in every other client's next pull."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fintrack_clients import Caller
from mahak_clients import PACKAGE
from matrix_devices import Device
from tills import Till, queued

pytestmark = pytest.mark.usefixtures("following")


@pytest.fixture
def day(till: Till) -> dict[str, Any]:
    """A morning at a till: cash, card and credit, a held cart, petty cash, change money."""
    opened = queued()
    shift = till.done("pos/openShift", opening_cash=500, **opened)["id"]
    product, customer = till.product(), till.customer()
    cart = {"items": [{"product_id": product, "quantity": 3}]}
    hold = queued()
    till.done("pos/holdSale", {**cart, **hold})
    sales = [
        till.done("pos/createSale", {**cart, **queued()}, payment={"method": "cash", "paid_amount": 50}),
        till.done("pos/createSale", cart, payment="card", common_discount=2),
        till.done("pos/createSale", {**cart, **queued()}, customer_id=customer, payment_method="credit"),
        till.done(
            "pos/createSale",
            {**cart, **queued()},
            held_transaction_client_id=hold["client_id"],
            payment=[{"method": "card", "amount": 13}, {"method": "cash", "amount": 20}],
        ),
    ]
    till.done("pos/createCashTransaction", amount=40, type=2, category="misc", **queued())
    till.done("pos/createCashTransaction", amount=15, type=1, category="change")
    return {"shift": shift, "product": product, "customer": customer, "sales": [one["order"] for one in sales], **opened}


def balances(till: Till) -> dict[str, Decimal]:
    return {row["account"]: Decimal(row["closing"]) for row in till.read("erp/trialBalance")["accounts"]}


def test_x_and_z_say_what_the_books_say(till: Till, day: dict[str, Any]) -> None:
    assert [one["shift_id"] for one in day["sales"]] == [day["shift"]] * 4
    total = sum(Decimal(str(one["total_amount"])) for one in day["sales"])
    in_cash = Decimal(33 + 20)
    x = till.read("pos/shiftReport")
    expected = 500 + in_cash - 40 + 15
    assert (x["shift"]["report"], Decimal(x["drawer"]["expected"])) == ("X", expected)
    books = balances(till)
    assert books["1000"] == expected - 500, "the opening cash was there before"
    assert -books["4000"] - books["2100"] == total
    assert books["1200"] == 33, "the customer owes the third sale"
    assert sum(books.values()) == 0
    assert sum(Decimal(one["total"]) for one in x["documents"]) == total
    assert sum(Decimal(one["vat"]) for one in x["vat"]) == -books["2100"]
    closed = till.done(
        "pos/closeShift", open_shift_client_id=day["client_id"], closing_cash=525, variance_reason="coins", **queued()
    )
    assert (Decimal(str(closed["expected_cash"])), closed["variance"]) == (expected, -3)
    z = till.read("pos/shiftReport", shift_id=day["shift"])
    assert (z["shift"]["report"], z["drawer"]["variance"]) == ("Z", "-3.00")
    assert {name: z[name] for name in ("documents", "vat", "payments")} == {
        name: x[name] for name in ("documents", "vat", "payments")
    }
    assert balances(till) == books, "counting a drawer posts nothing"


def test_other_clients_see_what_was_sold(till: Till, day: dict[str, Any]) -> None:
    company, codes = till.company, [one["order_code"] for one in day["sales"]]
    totals = [Decimal(str(one["total_amount"])) for one in day["sales"]]

    native = company.get("/records/invoice").json()["records"]
    assert [(one["data"]["invoice_number"], Decimal(one["data"]["total"])) for one in native] == list(
        zip(codes, totals, strict=True)
    )

    device = Device(company.client, company.token, "minas-tablet")
    changes = device.pull(tables=["transactions", "payment_ins", "stock_ledger", "parties"])
    seen = {table: [one["data"] for one in changes if one["table"] == table] for table in {one["table"] for one in changes}}
    assert [Decimal(one["total_amount"]) for one in seen["transactions"]] == totals
    assert sum(Decimal(one["total_amount"]) for one in seen["payment_ins"]) == 33 + 31 + 33
    assert sum(Decimal(one["quantity_delta"]) for one in seen["stock_ledger"]) == till.stock(day["product"]) == 20 - 12
    assert [one["name"] for one in seen["parties"]] == ["Mina"]

    company.execute({"type": "company.update", "id": str(company.id), "data": {"package_number": PACKAGE}})
    headers = {"Authorization": f"Bearer {company.token}"}
    mahak = company.client.post(
        "/API/v3/Sync/GetAllDataV2", json={"ordersRowVersion": 0, "orderDetailsRowVersion": 0}, headers=headers
    )
    assert mahak.status_code == 200, mahak.text
    data = mahak.json()["data"]
    assert (len(data["orders"]["records"]), len(data["orderDetails"]["records"])) == (4, 4)

    listed = Caller(company.client, company.codename, company.token).list("invoice")
    assert sorted(Decimal(str(one["totalAmount"])) for one in listed) == sorted(totals)


def test_what_others_sell_moves_the_tills_stock(till: Till) -> None:
    product = till.product()
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    record = till.company.get(f"/records/product/{product}").json()
    till.company.create("invoice", type="sales", moves_stock=True, lines=[{"product_id": record["id"], "quantity": "4"}])
    rows = till.read("pos/fetchProducts", updated_since=cursor)["products"]
    assert [(row["id"], row["stock"]) for row in rows] == [(product, 16)]
