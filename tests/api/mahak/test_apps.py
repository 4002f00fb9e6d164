"""Two kinds of apps against a running server: section 8 of the guide, the Android app, and both together on a bad line."""

from __future__ import annotations

import random
from typing import Any

import httpx
import msgspec
import pytest
from litestar.testing import TestClient
from mahak_apps import ALWAYS_SENT, ANDROID_ENTITIES, GUIDE_ENTITIES, AndroidApp, GuideApp, Line, Refused
from mahak_clients import PACKAGE, PASSWORD, Client

from api.app import create_app
from infra.settings import Settings


def line_to(served: Any, chance: random.Random | None = None, share: float = 0.0) -> Line:
    return Line(served.client, chance, share)


@pytest.fixture
def running(mahak: Client, served: Any) -> Any:
    """The test's company, which has a package number, over real HTTP."""
    return served


def guide(mahak: Client, running: Any, *, email: str = "", chance: random.Random | None = None, share: float = 0.0) -> GuideApp:
    return GuideApp(line_to(running, chance, share), email or mahak.company.email, PASSWORD, mahak.database_id, PACKAGE)


def android(mahak: Client, running: Any, *, email: str = "", chance: random.Random | None = None, share: float = 0.0) -> AndroidApp:
    return AndroidApp(line_to(running, chance, share), email or mahak.company.email, PASSWORD, mahak.database_id, PACKAGE)


def test_section_8_of_the_guide(mahak: Client, running: Any, api_settings: Settings) -> None:
    app = guide(mahak, running)
    app.pull()  # 1 to 3: logs in by itself
    assert (app.logins, app.rows["people"]) == (1, {})
    # 4 and 5: what was made offline, ids to be given, related entities together
    batch: dict[str, list[dict[str, Any]]] = {
        "orderDetails": [{"orderDetailId": None, "orderClientId": 1, "productClientId": 1, "quantity": 2, "unitPrice": 47500}],
        "orders": [{"orderId": None, "orderClientId": 1, "customerClientId": 1, "orderDate": "2025-08-09T10:00:00Z"}],
        "customers": [{"customerId": None, "customerClientId": 1, "name": ""}],
        "products": [{"productId": None, "productClientId": 1, "name": "Gadget", "price": 47500, "rowVersion": None}],
    }
    # 6: a validation error names the row and its field; corrected, and sent again
    with pytest.raises(Refused) as refused:
        app.submit(batch)
    [wrong] = refused.value.body["data"]["errors"]
    assert (refused.value.body["code"], wrong["entity"], wrong["index"], wrong["field"]) == (3001, "customers", 0, "name")
    batch["customers"][0]["name"] = "Sara"
    told = app.submit(batch)
    assert app.submit(batch) == told, "an answer that was lost: the same batch is answered as it was"
    app.pull()
    [order] = app.rows["orders"].values()
    assert (order["totalAmount"], order["customerId"], order["orderId"]) == (95000, 1, told["orders"]["records"][0]["orderId"])
    # a concurrency conflict: pull, apply the change again, submit
    mahak.company.execute({"type": "order.update", "number": 1, "data": {"notes": "by another"}})
    stale = {"orderId": order["orderId"], "sendCost": 500, "rowVersion": order["rowVersion"]}

    def again() -> dict[str, Any]:
        return {"orders": [{**stale, "rowVersion": app.rows["orders"][order["orderId"]]["rowVersion"]}]}

    app.submit({"orders": [stale]}, again)
    app.pull()
    row = app.rows["orders"][order["orderId"]]
    assert (row["sendCost"], row["description"], row["totalAmount"]) == (500, "by another", 95500)
    # 7: the token is no longer good
    app.token = "Bearer gone"
    app.pull()
    assert app.logins == 2
    # a deletion comes as one
    app.submit({"customers": [{"customerClientId": 9, "name": "Gone"}]})
    app.submit({"customers": [{"customerClientId": 9, "deleted": True}]})
    app.pull(page=1)
    assert [one["deleted"] for one in app.rows["people"].values()] == [False, True]
    # too many requests: it waits for as long as it is told
    limited = msgspec.structs.replace(api_settings, rate_limit_per_minute=1, rate_limit_syncs_per_minute=1)
    with TestClient(create_app(limited), raise_server_exceptions=False) as throttled:
        patient = guide(mahak, running)
        free, patient.line = patient.line, Line(throttled)
        patient.wait = lambda _: setattr(patient, "line", free)  # a minute later
        for _ in range(3):
            patient.pull()
        assert patient.waited
        assert 0 < patient.waited[0] <= 60


def test_the_android_app(mahak: Client, running: Any) -> None:
    save = {"Products": [{"ProductClientId": 1, "Name": "Tea"}], "ProductDetails": [{"ProductClientId": 1, "Price1": 1000}]}
    office = android(mahak, running)
    office.sync(save)
    app = android(mahak, running)
    app.sync()
    [detail] = [row for row in app.rows["ProductDetails"].values() if not row["Deleted"]]
    people = {
        "People": [{"PersonClientId": 11, "PersonId": 0, "PersonGroupId": 0, "FirstName": "Sara"}],
        "VisitorPeople": [{"PersonClientId": 11, "PersonId": 0, "VisitorId": app.visitor_id, "VisitorClientId": 0}],
    }
    lines = [
        {"OrderDetailClientId": 2, "OrderClientId": 1, "ProductDetailId": detail["ProductDetailId"], "Count1": 2, "Price": 1000},
        {"OrderDetailClientId": 3, "OrderClientId": 1, "ProductDetailId": 0, "Count1": 1, "Price": 5},
    ]
    orders = {
        "OrderDetails": lines,
        "Orders": [
            {"OrderClientId": 1, "OrderType": 201, "PersonId": 0, "PersonClientId": 11, "VisitorId": app.visitor_id, "OrderId": 0}
        ],
    }
    receipts = {"Receipts": [{"ReceiptClientId": 1, "PersonClientId": "11", "CashAmount": 500, "CashCode": "0"}]}
    cheques = {"Cheques": [{"ChequeClientId": 1, "ReceiptId": "0", "ReceiptClientId": "1", "BankId": "0", "Amount": 1500}]}
    rest = {"NotRegisters": [{"NotRegisterClientId": 1, "PersonClientId": 11, "VisitorId": app.visitor_id}]}
    pushes = [people, orders, receipts, cheques | rest, rest, {"TransferAccounts": []}, {"missionDetails": []}, {}]
    told = app.sync(*pushes)
    assert [row["Result"] for row in told[1][0]] == [True, False], "the line without anything is refused alone"
    assert [row["Result"] for row in told[1][1]] == [True]
    seen = {name: sorted(rows) for name, rows in app.rows.items()}
    again = app.sync(*pushes)  # it did not get an answer, and sends all of it again
    assert [[[one.get("EntityId") for one in rows] for rows in push] for push in again] == [
        [[one.get("EntityId") for one in rows] for rows in push] for push in told
    ]
    assert {name: sorted(rows) for name, rows in app.rows.items()} == seen
    [order] = app.rows["Orders"].values()
    assert (order["PersonClientId"], order["VisitorId"]) == (11, app.visitor_id)
    [receipt] = app.rows["Receipts"].values()
    assert receipt["CashAmount"] == 500
    assert mahak.pull_v2(receiptsRowVersion=0)["data"]["receipts"]["records"][0]["amount"] == 2000
    assert all(rows == [] for rows in app.push(**{name: [] for name in ALWAYS_SENT}))


def refusal(app: GuideApp, change: Any) -> int:
    """The code with which a change is refused in the end; 0 where it is taken."""
    try:
        app.submit(change(), change)
    except Refused as refused:
        return int(refused.body["code"])
    except AssertionError:
        return 2002
    return 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_apps_on_a_bad_line_end_with_what_the_server_has(mahak: Client, running: Any, member: Any, seed: int) -> None:
    chance = random.Random(seed)
    colleague = member("accountant")
    office = guide(mahak, running, chance=chance, share=0.3)
    visitor = android(mahak, running, email=colleague.email, chance=chance, share=0.3)
    office.submit({"products": [{"productClientId": 1, "name": "Tea"}], "productDetails": [{"productClientId": 1, "price1": 10}]})
    people = orders = 0
    for turn in range(12):
        if chance.random() < 0.5:
            office.pull(page=chance.choice([None, 1, 3]))
        client_id = office.take_id()
        if chance.random() < 0.6:
            person = {"personClientId": client_id, "firstName": f"O{turn}", "mobile": str(turn)}
            details = {"orderClientId": client_id, "productDetailId": 1, "count1": chance.randint(1, 3), "price": 10}
            order = {"orderClientId": client_id, "orderType": 201, "personClientId": client_id, "orderDate": "2026-03-01"}
            office.submit({"orderDetails": [details, details], "orders": [order], "people": [person]})
            people, orders = people + 1, orders + 1
        if known := [row for row in office.rows.get("people", {}).values() if not row["deleted"]]:
            one = chance.choice(known)
            office.submit({"people": [{"personId": one["personId"], "phone": str(turn), "rowVersion": one["rowVersion"]}]})
        invoices = [row for row in office.rows.get("orders", {}).values() if not row["deleted"]]
        if invoices:
            number = chance.choice(invoices)["orderId"]

            def change(number: int = number, turn: int = turn) -> dict[str, Any]:
                row = office.rows["orders"][number]
                gone = {"deleted": True} if turn % 5 == 4 and not row["deleted"] else {}
                return {"orders": [{"orderId": number, "description": f"{turn}", "rowVersion": row["rowVersion"], **gone}]}

            code = refusal(office, change)
            assert not code or office.rows["orders"][number]["deleted"], "only what was deleted meanwhile cannot be changed"
        if chance.random() < 0.6:
            client_id = visitor.take_id()
            link = {"PersonClientId": client_id, "VisitorId": visitor.visitor_id or 1}
            line = {"OrderClientId": client_id, "ProductDetailId": 1, "Count1": 1, "Price": 12, "OrderDetailClientId": client_id}
            pushes: list[dict[str, Any]] = [
                {"People": [{"PersonClientId": client_id, "FirstName": f"V{turn}"}], "VisitorPeople": [link]},
                {"OrderDetails": [line], "Orders": [{"OrderClientId": client_id, "OrderType": 201, "PersonClientId": client_id}]},
                {"Receipts": [{"ReceiptClientId": client_id, "OrderClientId": client_id, "CashAmount": 5}]},
                {"Cheques": [{"ChequeClientId": client_id, "ReceiptClientId": client_id, "Amount": 7, "Date": "2026-06-01"}]},
            ]
            told = visitor.sync(*pushes)
            assert all(row["Result"] for push in told for rows in push for row in rows), told
            people, orders = people + 1, orders + 1
    assert office.line.lost + visitor.line.lost > 5, "the line was bad"
    office.line, visitor.line = line_to(running), line_to(running)
    office.pull()
    visitor.sync()
    fresh, other = guide(mahak, running), android(mahak, running, email=colleague.email)
    fresh.pull()
    other.sync()
    assert office.rows == fresh.rows
    assert visitor.rows == other.rows
    assert len(fresh.rows["people"]) == people
    assert len(fresh.rows["orders"]) == orders
    for name in set(GUIDE_ENTITIES) & {one[0].lower() + one[1:] for one in ANDROID_ENTITIES}:
        pascal = name[0].upper() + name[1:]
        assert sorted(fresh.rows[name]) == sorted(other.rows[pascal]), name
    totals = {row["orderId"]: row["totalAmount"] for row in fresh.rows["orders"].values()}
    for order_id, total in totals.items():
        lines = [row for row in fresh.rows["orderDetails"].values() if row["orderId"] == order_id]
        assert total == sum(row["price"] * row["count1"] for row in lines), order_id


def test_a_server_that_is_away_is_asked_again(mahak: Client, running: Any) -> None:
    app = guide(mahak, running)

    class Away:
        tries = 0

        def post(self, *_: Any, **__: Any) -> httpx.Response:
            self.tries += 1
            if self.tries == 3:
                app.line = line_to(running)
            raise httpx.ConnectError("nobody there")

    app.line = Line(Away())
    app.pull()
    assert app.logins == 1
