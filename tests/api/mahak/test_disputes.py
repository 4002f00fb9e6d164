"""SolveOrderDispute and SolveDispute: opening with a reason, settling with words and a correction, and the vendor's bare shape."""

from __future__ import annotations

from typing import Any

import pytest
from mahak_clients import SALE, Client, save_v2

from tests.api.conftest import register


@pytest.fixture
def order(mahak: Client) -> dict[str, Any]:
    """An invoice that was sold to somebody: its id and version."""
    return save_v2(mahak, **SALE)["data"]["orders"]["records"][0]


def solve(mahak: Client, *items: dict[str, Any], path: str = "SolveOrderDispute", expect: int = 200, **more: Any) -> Any:
    found = mahak.post(f"/Sync/{path}", {"databaseId": mahak.database_id, "disputeItems": list(items), **more})
    assert found.status_code == expect, found.text
    return found.json()["data"]["disputes"] if expect == 200 else found.json()


def pulled(mahak: Client) -> dict[str, Any]:
    return mahak.pull_v2(ordersRowVersion=0)["data"]["orders"]["records"][0]


def test_an_order_is_disputed_and_settled_with_a_correction(mahak: Client, order: dict[str, Any]) -> None:
    said = {"id": order["orderId"], "code": 7, "reason": "Two boxes were missing"}
    [opened] = solve(mahak, said)
    assert (opened["status"], opened["code"], len(opened["disputeIds"])) == ("open", "7", 1)
    row = pulled(mahak)
    assert (row["isDisputed"], row["rowVersion"]) == (True, opened["rowVersion"])
    assert solve(mahak, said) == [opened], "a client that got no answer asks again"
    correction = {"discount": 500, "description": "settled"}
    words = {"id": order["orderId"], "code": 7, "resolution": "500 off", "correction": correction, "rw": opened["rowVersion"]}
    [settled] = solve(mahak, words)
    assert (settled["status"], settled["disputeIds"]) == ("resolved", opened["disputeIds"])
    row = pulled(mahak)
    assert (row["isDisputed"], row["totalAmount"], row["description"]) == (False, 1500, "settled")
    assert solve(mahak, words) == [settled]
    history = mahak.company.get(f"/records/invoice/{order['orderId']}/history").json()
    assert "disputed" in str(history)
    [dispute] = mahak.company.get("/records/dispute").json()["records"]
    assert dispute["data"]["reason"] == "Two boxes were missing"
    assert dispute["created_by"] == str(mahak.company.user_id)
    assert (dispute["data"]["status"], dispute["data"]["resolution"]) == ("resolved", "500 off")


def test_the_vendors_shape_settles_what_is_open(mahak: Client, order: dict[str, Any]) -> None:
    bare = {"id": order["orderId"], "code": 4711}
    [nothing] = solve(mahak, bare)
    assert (nothing["status"], nothing["rowVersion"]) == ("none", order["rowVersion"])
    [opened] = solve(mahak, {"id": order["orderId"], "reason": "Late"})
    told = solve(mahak, {"id": order["orderId"], "rw": order["rowVersion"]}, path="SolveDispute", entityName="Order", expect=409)
    assert told["code"] == 2002, "the version is from before the dispute"
    [settled] = solve(mahak, {"id": order["orderId"], "rw": opened["rowVersion"]}, path="SolveDispute", entityName="Order")
    assert settled["status"] == "resolved"
    assert solve(mahak, bare)[0]["status"] == "resolved"
    assert pulled(mahak)["isDisputed"] is False


def test_any_record_is_disputed_and_settled_at_once(mahak: Client) -> None:
    person = save_v2(mahak, people=[{"personClientId": 1, "firstName": "Sara"}])["data"]["people"]["records"][0]["personId"]
    both = {"id": person, "reason": "Wrong name", "resolution": "Renamed", "correction": {"lastName": "Karimi"}}
    for name in ("Person", "people", "customers"):
        [settled] = solve(mahak, both, path="SolveDispute", entityName=name)
        assert settled["status"] == "resolved"
    assert mahak.pull(fromPersonVersion=0)["People"][0]["LastName"] == "Karimi"
    assert len(mahak.company.get("/records/dispute").json()["records"]) == 1
    told = solve(mahak, {"id": person, "resolution": "Otherwise"}, path="SolveDispute", entityName="Person", expect=409)
    assert told["code"] == 2002


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("SolveOrderDispute", {"disputeItems": [{"id": 99, "reason": "x"}]}, 400, 2001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1_000_000_099}]}, 400, 2001),
        ("SolveOrderDispute", {"disputeItems": [{"id": "x"}]}, 400, 3001),
        ("SolveOrderDispute", {"disputeItems": [{}]}, 400, 2001),
        ("SolveOrderDispute", {"disputeItems": ["x"]}, 400, 3001),
        ("SolveOrderDispute", {"disputeItems": {}}, 400, 3001),
        ("SolveOrderDispute", {}, 400, 3001),
        ("SolveOrderDispute", {"databaseId": 999_999, "disputeItems": []}, 400, 1001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1}] * 501}, 413, 413),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "reason": 'x"' * 11_000}]}, 400, 3001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "reason": "a", "rw": 1}]}, 409, 2002),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "resolution": "nothing was disputed"}]}, 400, 2001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "correction": {"discount": 5}}]}, 400, 3001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "reason": "a", "resolution": "b", "correction": 5}]}, 400, 3001),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "reason": "a", "resolution": "b", "correction": {"no": 5}}]}, 400, 3001),
        (
            "SolveOrderDispute",
            {"disputeItems": [{"id": 1, "reason": "a", "resolution": "b", "correction": {"discount": "x"}}]},
            400,
            3001,
        ),
        (
            "SolveOrderDispute",
            {"disputeItems": [{"id": 1, "reason": "a", "resolution": "b", "correction": {"discount": -5}}]},
            400,
            3001,
        ),
        (
            "SolveOrderDispute",
            {"disputeItems": [{"id": 1, "reason": "a", "resolution": "b", "correction": {"personId": 77}}]},
            400,
            2001,
        ),
        ("SolveOrderDispute", {"disputeItems": [{"id": 1, "reason": "a"}, {"id": 1, "reason": "b"}]}, 400, 3001),
        ("SolveDispute", {"disputeItems": [{"id": 1, "reason": "x"}]}, 400, 3001),
        ("SolveDispute", {"entityName": "Nonsense", "disputeItems": [{"id": 1, "reason": "x"}]}, 400, 3001),
        ("SolveDispute", {"entityName": "productDetailStoreAssets", "disputeItems": [{"id": 1, "reason": "x"}]}, 400, 2001),
    ],
)
def test_what_is_refused(mahak: Client, order: Any, path: str, body: Any, status: int, code: int) -> None:
    head = mahak.company.head()
    found = mahak.post(f"/Sync/{path}", body)
    assert (found.status_code, found.json()["success"], found.json()["code"]) == (status, False, code), found.text
    assert mahak.company.head() == head


def test_a_refused_correction_names_its_field(mahak: Client, order: dict[str, Any]) -> None:
    item = {"id": order["orderId"], "reason": "a", "resolution": "b", "correction": {"discount": -9}}
    told = solve(mahak, item, expect=400)
    assert told["data"]["field"] == "disputeItems[0].correction.discount", told


def test_viewers_and_strangers(mahak: Client, order: dict[str, Any], member: Any, services: Any) -> None:
    body = {"disputeItems": [{"id": order["orderId"], "reason": "x"}]}
    assert mahak.post("/Sync/SolveOrderDispute", body, token=member("viewer").token).status_code == 403
    stranger = register(services, mahak.http)
    assert mahak.post("/Sync/SolveOrderDispute", body, token=stranger.token).json()["code"] == 2001
    assert mahak.post("/Sync/SolveOrderDispute", body, token="x").status_code == 401
