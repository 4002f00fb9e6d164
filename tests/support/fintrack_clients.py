"""A client of the FinTrack dialect: whoever is logged in, speaking to one business."""

from __future__ import annotations

from typing import Any

SERVICES = {
    "customer": "customermanagement",
    "supplier": "suppliermanagement",
    "productOrService": "productcatalog",
    "invoice": "invoicemanagement",
    "invoiceItem": "invoicemanagement",
    "payment": "paymentmanagement",
    "expense": "expensemanagement",
}
"""The service of each object, as topics name it."""
PATHS = {name: f"/{service}-api/v1/{name.lower()}s" for name, service in SERVICES.items()}
FETCH_PATHS = {name: f"{path.rpartition('/')[0]}/_fetchlist{name.lower()}" for name, path in PATHS.items() if name != "payment"}
PLURALS = {name: f"{name}s" for name in PATHS} | {"productOrService": "productOrServices"}
NIL = "00000000-0000-0000-0000-000000000000"


class Caller:
    """Calls the services with a token and a codename."""

    def __init__(self, client: Any, codename: str, token: str) -> None:
        self.client = client
        self.codename = codename
        self.token = token

    def call(self, method: str, path: str, **more: Any) -> Any:
        """A request."""
        headers = {"Authorization": f"Bearer {self.token}", "mbx-business-codename": self.codename, **more.pop("headers", {})}
        return self.client.request(method, path, headers={key: value for key, value in headers.items() if value}, **more)

    def make(self, name: str, /, **form: Any) -> dict[str, Any]:
        """Create an object and return it."""
        answer = self.call("POST", PATHS[name], json=form)
        assert answer.status_code == 201, answer.text
        return answer.json()[name]

    def get(self, name: str, object_id: str, query: str = "") -> dict[str, Any]:
        """One object."""
        answer = self.call("GET", f"{PATHS[name]}/{object_id}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()[name]

    def list(self, name: str, query: str = "", *, fetch: bool = False) -> list[dict[str, Any]]:
        """The rows of a list."""
        answer = self.call("GET", f"{(FETCH_PATHS if fetch else PATHS)[name]}{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()[PLURALS[name]]

    def change(self, name: str, object_id: str, /, *, method: str = "PATCH", **form: Any) -> dict[str, Any]:
        """Update an object and return it."""
        answer = self.call(method, f"{PATHS[name]}/{object_id}", json=form)
        assert answer.status_code == 200, answer.text
        return answer.json()[name]

    def delete(self, name: str, object_id: str) -> dict[str, Any]:
        """Delete an object and return its last state."""
        answer = self.call("DELETE", f"{PATHS[name]}/{object_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()[name]

    # Objects with what they need -------------------------------------------------------------------

    def product(self, sku: str, **more: Any) -> dict[str, Any]:
        """A product at 100 with 20 % VAT."""
        form = {"name": sku, "sku": sku, "type": "product", "price": 100, "currency": "USD", "vatRate": 20, **more}
        return self.make("productOrService", **form)

    def invoice(self, number: str, customer_id: str, **more: Any) -> dict[str, Any]:
        """A sales invoice of one customer."""
        form = {
            "type": "sales",
            "currency": "USD",
            "customerId": customer_id,
            "issueDate": "2026-01-10",
            "dueDate": "2099-01-31",
            "invoiceNumber": number,
            **more,
        }
        return self.make("invoice", **form)

    def payment(self, amount: float, **more: Any) -> dict[str, Any]:
        """A payment in USD."""
        return self.make("payment", **{"amount": amount, "currency": "USD", "date": "2026-02-01", **more})

    def expense(self, amount: float, **more: Any) -> dict[str, Any]:
        """An expense in USD."""
        form = {"amount": amount, "currency": "USD", "date": "2026-02-01", "category": "rent", "description": "Office", **more}
        return self.make("expense", **form)
