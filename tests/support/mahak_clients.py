"""A client of Mahak's Sync API."""

from __future__ import annotations

from typing import Any

import httpx

PASSWORD = "correct horse battery"
PACKAGE = 2002


class Client:
    """A visitor's app: logs in, and asks."""

    def __init__(self, company: Any, number: int) -> None:
        self.company = company
        self.database_id = number
        self.http = company.client
        self.token = company.token
        self.visitor_id = 0

    def post(self, path: str, body: Any = None, *, token: str | None = None, **more: Any) -> httpx.Response:
        """POST to a path after /API/v3."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}", **more.pop("headers", {})}
        if "content" not in more:
            more["json"] = {} if body is None else body
        return self.http.post(f"/API/v3{path}", headers=headers, **more)

    def pull(self, **versions: Any) -> dict[str, Any]:
        """The collections of V1."""
        found = self.post("/Sync/GetAllData", versions)
        assert found.status_code == 200, found.text
        assert found.json()["Result"] is True, found.text
        return found.json()["Data"]["Objects"]

    def pull_v2(self, **versions: Any) -> dict[str, Any]:
        """The answer of V2."""
        found = self.post("/Sync/GetAllDataV2", versions)
        assert found.status_code == 200, found.text
        return found.json()


def save_v1(mahak: Client, **collections: Any) -> dict[str, Any]:
    """SaveAllData."""
    found = mahak.post("/Sync/SaveAllData", collections)
    assert found.status_code == 200, found.text
    return found.json()


def save_v2(mahak: Client, expect: int = 200, **collections: Any) -> dict[str, Any]:
    """SaveAllDataV2."""
    found = mahak.post("/Sync/SaveAllDataV2", collections)
    assert found.status_code == expect, found.text
    return found.json()


SALE = {
    "orderDetails": [{"orderDetailClientId": 11, "orderClientId": 1, "productDetailClientId": 5, "count1": 2, "price": 1000}],
    "orders": [{"orderClientId": 1, "orderType": 201, "personClientId": 7, "orderDate": "2026-03-01T10:20:30", "orderId": None}],
    "productDetails": [{"productDetailClientId": 5, "productClientId": 4, "price1": 1000}],
    "people": [{"personClientId": 7, "firstName": "Sara", "lastName": "Karimi"}],
    "products": [{"productClientId": 4, "name": "Tea"}],
}
