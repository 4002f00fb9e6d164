"""Looking up one row."""

from __future__ import annotations

from typing import Any


def test_a_row_is_found_by_its_entity_and_id(mahak: Any) -> None:
    company = mahak.company
    party = company.create("party", name="Ali", first_name="Ali")
    product = company.create("product", name="Tea", price="5")
    company.create("stock_movement", product_id=product["id"], quantity="7")
    order = company.create("order", type="sales", party_id=party["id"])

    def get(path: str) -> Any:
        found = mahak.http.get(f"/api/v3/LOOKUP/{path}", headers={"Authorization": mahak.token})
        return found.json()["data"] if found.status_code == 200 else (found.status_code, found.json()["code"])

    tea = get("getproductinfo?productId=1")
    assert (tea["name"], tea["productDetails"][0]["price1"], tea["productDetailStoreAssets"][0]["count1"]) == ("Tea", 5, 7)
    assert get("GetPersonInfo?PersonId=1")["firstName"] == "Ali"
    assert get("Get/Customers/1")["customerId"] == 1
    assert get(f"Get/Order/{1_000_000_000 + order['number']}")["personId"] == 1
    assert get("Get/productDetail/1000000001")["productId"] == 1
    for path in ("Get/Bank/1", "Get/Order/1", "Get/Stores/1", "Get/nothing/1", "Get/productDetailStoreAssets/1"):
        assert get(path) == (404, 2001), path
    for path in ("GetPersonInfo", "GetPersonInfo?personId=x", "Get/Bank/0", "Get/Bank/x", "Get/Bank/99999999999"):
        assert get(path) == (400, 3001), path
    assert mahak.http.get("/API/v3/Lookup/GetPersonInfo?personId=1").json()["code"] == 401
