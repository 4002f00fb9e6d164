"""Delta pulls: what changed since a cursor, what went, and the cursor to go on with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tills import Till, queued

from api.saimpex import customers

CACHES = {
    "pos/fetchProducts": "products",
    "erp/getProducts": "products",
    "crm/customersList": "customers",
    "getCustomers": "customers",
    "erp/getSuppliers": "suppliers",
}


def changed(till: Till, path: str, since: str) -> tuple[list[int], list[int], str]:
    """The ids that changed and that went since a cursor, and the next cursor."""
    data = till.read(path, updated_since=since)
    return [row["id"] for row in data[CACHES[path]]], data["deleted_ids"], data["sync_cursor"]


@pytest.mark.parametrize("path", CACHES)
def test_a_cache_follows(till: Till, path: str) -> None:
    make = {"products": till.product, "customers": till.customer, "suppliers": till.supplier}[CACHES[path]]
    kind = "product" if CACHES[path] == "products" else "party"
    first, second = make(), make(name="Second") if CACHES[path] != "suppliers" else make(supplier_name="Second")
    full = till.read(path)
    assert [row["id"] for row in full[CACHES[path]]] == [first, second]
    assert full["deleted_ids"] == []
    cursor = full["sync_cursor"]
    assert changed(till, path, cursor) == ([], [], cursor)
    assert changed(till, path, cursor) == ([], [], cursor), "and again, by the short way"

    till.company.call("PATCH", f"/records/{kind}/{second}", json={"data": {"name": "Renamed"}})
    ids, gone, after = changed(till, path, cursor)
    assert (ids, gone) == ([second], [])
    assert after > cursor
    till.company.call("DELETE", f"/records/{kind}/{first}")
    assert changed(till, path, after)[:2] == ([], [first])
    ids, gone, _ = changed(till, path, cursor)
    assert (ids, gone) == ([second], [first])
    assert [row["id"] for row in till.read(path)[CACHES[path]]] == [second]


def test_before_the_company_existed_is_everything_and_the_future_is_nothing(till: Till) -> None:
    product = till.product()
    assert changed(till, "pos/fetchProducts", "1999-01-01T00:00:00Z")[0] == [product]
    for future in ("2199-01-01T00:00:00Z", "2199-01-01T00:00:00.000Z", "2199-01-01T00:00:00", "2199-01-01"):
        assert changed(till, "pos/fetchProducts", future) == ([], [], future)
    now = till.read("sync/ping")["server_time"]
    assert changed(till, "pos/fetchProducts", now) == ([], [], till.read("pos/fetchProducts")["sync_cursor"])


@pytest.mark.parametrize("since", ["yesterday", "0", "2026-13-01T00:00:00Z", "2026-05-28T09:00:00Z; DROP", "9" * 50])
def test_malformed_cursors_are_refused(till: Till, since: str) -> None:
    for path in (*CACHES, "getSettings"):
        answer = till.get(path, updated_since=since)
        assert answer.status_code == 422, path
        assert list(answer.json()["data"]["errors"]) == ["updated_since"]


def test_cursors_are_read_as_they_are_written_by_others(till: Till) -> None:
    product = till.product()
    since = datetime.fromisoformat(till.read("pos/fetchProducts")["products"][0]["updated_at"]) - timedelta(seconds=1)
    for text in (since.isoformat(), since.isoformat().replace("+00:00", ""), since.isoformat(sep=" ").replace("+00:00", "")):
        assert changed(till, "pos/fetchProducts", text)[0] == [product], text
    answer = till.call("GET", f"pos/fetchProducts?updated_since={since.isoformat()}")  # the + is not encoded
    assert [row["id"] for row in answer.json()["data"]["products"]] == [product]


def test_stock_that_moves_changes_the_product(till: Till) -> None:
    product, other = till.product(), till.product(name="Coffee")
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    till.done("pos/createSale", items=[{"product_id": product, "quantity": 2}])
    data = till.read("pos/fetchProducts", updated_since=cursor)
    assert [(row["id"], row["stock"]) for row in data["products"]] == [(product, 18)]
    till.done("pos/updateStock", product_id=other, stock_type=2, quantity=25, **queued())
    data = till.read("erp/getProducts", updated_since=data["sync_cursor"])
    assert [(row["id"], row["stock"]) for row in data["products"]] == [(other, -5)]


def test_a_cursor_names_one_event(till: Till) -> None:
    ids = [till.product(name=f"P{index}") for index in range(5)]
    rows = till.read("pos/fetchProducts", updated_since="2000-01-01T00:00:00Z")["products"]
    by_time = sorted((row["updated_at"], row["id"]) for row in rows)
    for place, (moment, _) in enumerate(by_time):
        later = changed(till, "pos/fetchProducts", moment)[0]
        assert set(later) >= set(ids[place + 1 :])
        assert not set(later) & set(ids[:place])


def test_pages_of_changed_customers_lose_nobody(till: Till) -> None:
    cursor = till.read("crm/customersList")["sync_cursor"]
    ids = [till.customer(name=f"C{index}") for index in range(5)]
    seen: list[int] = []
    while True:  # one way: page by page with the same cursor; here the other: by the cursor of each page
        data = till.read("crm/customersList", updated_since=cursor, per_page=2)
        if not data["customers"]:
            break
        seen += [row["id"] for row in data["customers"]]
        cursor = data["sync_cursor"]
    assert seen == ids
    data = till.read("crm/customersList", updated_since="2000-01-01T00:00:00Z")
    assert [row["id"] for row in data["customers"]] == ids
    assert data["sync_cursor"] == cursor, "who asks for no pages gets everything"


def test_turning_pages_while_others_write_loses_nobody(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    began = "2000-01-01T00:00:00Z"
    ids = [till.customer(name=f"C{index}") for index in range(4)]

    def turn(page: int) -> dict[str, Any]:
        return till.read("crm/customersList", updated_since=began, per_page=2, page=page)

    first = turn(1)
    till.done("crm/updateCustomer", customer_id=ids[0], name="Moved to the end")
    second = turn(2)
    assert ids[2] not in [row["id"] for data in (first, second) for row in data["customers"]]
    assert second["sync_cursor"] == began, "so the cursor stays, and the next pull has it"
    monkeypatch.setattr(customers, "CALM", timedelta(0))
    assert turn(2)["sync_cursor"] == till.read("pos/fetchProducts")["sync_cursor"]
    assert turn(2)["pagination"] == {"current_page": 2, "per_page": 2, "total": 4, "last_page": 2}


def test_customers_are_searched_and_paged(till: Till) -> None:
    ids = [till.customer(name=name, mobile=mobile) for name, mobile in (("Aïcha", "111"), ("Moussa", "222"), ("Aïssata", "333"))]
    till.supplier()
    assert [row["id"] for row in till.read("crm/customersList", search="aï")["customers"]] == [ids[0], ids[2]]
    assert [row["id"] for row in till.read("crm/customersList", search="222")["customers"]] == [ids[1]]
    page = till.read("crm/customersList", per_page=2, page=2)
    assert [row["id"] for row in page["customers"]] == [ids[2]]
    assert page["pagination"] == {"current_page": 2, "per_page": 2, "total": 3, "last_page": 2}
    assert page["sync_cursor"] is None, "a later page has seen less of the first one"
    for query in ({"page": 0}, {"per_page": 1001}, {"page": "x"}):
        assert till.get("crm/customersList", **query).status_code == 422


def test_settings_whole_and_since(till: Till) -> None:
    whole = till.read("getSettings")
    assert whole["name"] == "A company"
    cursor = till.read("pos/fetchProducts")["sync_cursor"]
    unchanged: dict[str, Any] = {"settings": None, "deleted_ids": [], "sync_cursor": cursor}
    assert till.read("getSettings", updated_since=cursor) == unchanged
    assert till.read("getSettings", updated_since=cursor) == unchanged
    till.done("updateSettings", name="Épicerie", whatsapp_url="https://wa.me/222")
    delta = till.read("getSettings", updated_since=cursor)
    assert (delta["settings"]["name"], delta["settings"]["whatsapp_url"]) == ("Épicerie", "https://wa.me/222")
    assert delta["settings"]["id"] == whole["id"]


def test_others_companies_are_not_seen(till: Till, services: Any, client: Any) -> None:
    from tests.api.conftest import register

    other = Till(register(services, client))
    other.product()
    other.customer()
    assert till.read("pos/fetchProducts")["products"] == []
    assert till.read("crm/customersList", updated_since="2000-01-01T00:00:00Z")["customers"] == []


def test_status_names_each_cache(till: Till) -> None:
    till.product()
    before = till.read("sync/status")["master_data_cursors"]
    assert set(before) == {"products", "customers", "suppliers", "settings"}
    till.done("pos/updateStock", product_id=1, stock_type=1, quantity=1)
    after = till.read("sync/status")["master_data_cursors"]
    assert after["products"] > before["products"]
    assert after["settings"] == before["settings"]
