"""A till for tests: calls of the SAIMPEX desktop dialect, with queued actions' fields."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import httpx


def queued(client_id: str = "", *, device: str = "desktop-abc123", at: str = "") -> dict[str, Any]:
    """What a queued action says of itself."""
    moment = at or datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    return {"client_id": client_id or str(uuid4()), "client_created_at": moment, "device_id": device}


class Till:
    """A client of `/api/desktop`."""

    def __init__(self, company: Any, token: str = "") -> None:
        self.company = company
        self.client = company.client
        self.token = token or company.token

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/desktop/{path}", headers=headers, **more)

    def post(self, path: str, body: dict[str, Any] | None = None, **fields: Any) -> httpx.Response:
        """POST."""
        return self.call("POST", path, json={**(body or {}), **fields})

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", path, params=query)

    def done(self, path: str, body: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """What a POST that succeeds answers."""
        answer = self.post(path, body, **fields)
        assert answer.status_code in (200, 201), answer.text
        assert answer.json()["status"] == "true"
        return answer.json()["data"]

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        """What a GET that succeeds answers."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def refused(self, status: int, path: str, body: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """What a POST that is refused with this status answers."""
        answer = self.post(path, body, **fields)
        assert answer.status_code == status, answer.text
        assert answer.json()["status"] == "false"
        return answer.json()

    def product(self, **more: Any) -> int:
        """A new product."""
        return self.done("pos/addProduct", {"name": "Tea", "price": 10, "tax_rate": 10, "stock": 20, **more})["id"]

    def customer(self, **more: Any) -> int:
        """A new customer."""
        return self.done("crm/createCustomer", {"name": "Mina", **more})["id"]

    def supplier(self, **more: Any) -> int:
        """A new supplier."""
        return self.done("erp/addSupplier", {"supplier_name": "Sahel", **more})["id"]

    def stock(self, product: int) -> float:
        """What is left of a product."""
        rows = self.read("pos/fetchProducts")["products"]
        return next(row["stock"] for row in rows if row["id"] == product)
