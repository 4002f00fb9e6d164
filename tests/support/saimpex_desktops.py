"""Desktops of the SAIMPEX app, as its document describes them: an outbox, an id map, caches, and a network that may be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

Row = dict[str, Any]

ENDPOINTS = {
    "sale": ("pos/createSale",),
    "held_sale": ("pos/holdSale",),
    "shift_open": ("pos/openShift",),
    "shift_close": ("pos/closeShift",),
    "cash_transaction": ("pos/createCashTransaction", "pos/updateCashTransaction"),
    "stock_update": ("pos/updateStock",),
    "customer": ("crm/createCustomer",),
    "customer_update": ("crm/updateCustomer",),
    "supplier": ("erp/addSupplier",),
    "purchase_order": ("erp/createPurchaseOrder",),
    "journal_entry": ("erp/createJournalEntry",),
    "attendance": ("hrm/markAttendance",),
    "leave": ("hrm/requestLeave",),
    "expense": ("hrm/requestExpense",),
}
"""`entity_type` → endpoints, as section 11 has them."""
SYNC_ORDER = (
    ("shift_open",),
    ("held_sale", "customer", "supplier"),
    ("sale", "cash_transaction", "stock_update", "attendance", "leave", "expense"),
    ("shift_close",),
    ("purchase_order", "journal_entry"),
    ("customer_update",),
)
CACHES = {
    "pos/fetchProducts": "products",
    "crm/customersList": "customers",
    "getCustomers": "customers",
    "erp/getSuppliers": "suppliers",
    "erp/getProducts": "products",
}


class Cut(Exception):
    """The network was cut: the request did not arrive, or its answer did not."""


@dataclass
class Item:
    """One queued action: the fields of section 11, and the receipt that is sent with it."""

    client_id: str
    client_created_at: str
    device_id: str
    entity_type: str
    endpoint: str
    payload: Row
    method: str = "POST"
    sync_status: str = "pending"
    server_id: int | None = None
    sync_error: str | None = None
    idempotent_replay: bool | None = None
    receipt: bytes | None = None
    answer: Row = field(default_factory=dict)


@dataclass
class Cache:
    """What a desktop keeps of one of the server's lists."""

    rows: dict[int, Row] = field(default_factory=dict)
    cursor: str | None = None


class Desktop:
    """One installation. `client` is any HTTP client; `log_in` gives a token. `cuts`: what gets lost next, "request" or "answer"."""

    def __init__(self, client: Any, device_id: str, log_in: Callable[[], str], skew: timedelta = timedelta(0)) -> None:
        self.client, self.device_id, self.skew = client, device_id, skew
        self.clock = datetime.now(timezone.utc) + skew
        self.log_in = log_in
        self.token = log_in()
        self.outbox: list[Item] = []
        self.id_map: dict[str, Row] = {}
        self.caches = {path: Cache() for path in CACHES}
        self.settings: Row = {}
        self.settings_cursor: str | None = None
        self.paused = False
        self.cuts: list[str] = []

    # Offline ------------------------------------------------------------------------------------------

    def queue(self, entity_type: str, payload: Row, endpoint: str = "", receipt: bytes | None = None) -> Item:
        """Do something offline."""
        endpoint = endpoint or ENDPOINTS[entity_type][0]
        assert endpoint in ENDPOINTS[entity_type]
        self.clock = max(
            datetime.now(timezone.utc) + self.skew, self.clock + timedelta(milliseconds=1)
        )  # nobody is as quick as a test
        moment = self.clock.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        item = Item(str(uuid4()), moment, self.device_id, entity_type, endpoint, payload, receipt=receipt)
        self.outbox.append(item)
        return item

    def waiting(self) -> Iterator[Item]:
        """What is pending, in the recommended order."""
        for types in SYNC_ORDER:
            yield from [item for item in self.outbox if item.entity_type in types and item.sync_status == "pending"]

    def server_id(self, client_id: str) -> int | None:
        """The id that the server gave to what this action made."""
        return self.id_map.get(client_id, {}).get("server_id")

    # Online -------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, **more: Any) -> Any:
        """A request over a network that may be cut on the way there, or on the way back."""
        lost = self.cuts.pop(0) if self.cuts else ""
        if lost == "request":
            raise Cut
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.client.request(method, f"/api/desktop/{path}", headers=headers, **more)
        if lost == "answer":
            raise Cut
        return answer

    def log_in_again(self) -> None:
        """Go on after a 401."""
        self.token, self.paused = self.log_in(), False

    def sync(self) -> bool:
        """Replay what is queued and refresh the caches; False where the network was cut, or the session had ended."""
        try:
            return self.replay() and self.pull()
        except Cut:
            return False

    def replay(self) -> bool:
        """Send what is queued, one request each. Raises Cut; what was not answered stays pending."""
        for item in list(self.waiting()):
            if self.paused or not self.send(item):
                return False
        return not self.paused

    def send(self, item: Item) -> bool:
        """Send one action, and do with its answer what section 13 says; False where the session had ended."""
        answer = self.request(item.method, item.endpoint, **self.body_of(item))
        if answer.status_code == 401:
            self.paused = True
            return False
        told = answer.json()
        if answer.status_code in (200, 201):
            data = told["data"]
            item.sync_status, item.sync_error, item.answer = "synced", None, data
            item.idempotent_replay = data["idempotent_replay"]
            item.server_id = id_in(data)
            self.id_map[item.client_id] = {"entity_type": item.entity_type, "server_id": item.server_id}
        elif answer.status_code in (422, 409):
            item.sync_status, item.sync_error = "failed", str(told["message"])
        else:
            raise AssertionError(f"{item.endpoint}: {answer.status_code} {answer.text}")
        return True

    def body_of(self, item: Item) -> Row:
        """The payload with its sync fields, as JSON, or as a form where there is a receipt."""
        synced = ("client_id", "client_created_at", "device_id")
        body = {**item.payload, **{name: getattr(item, name) for name in synced}}
        if "id" in body and body["id"] in self.id_map:  # a correction of what was made offline needs the server's id
            body["id"] = self.id_map[body["id"]]["server_id"]
        if item.receipt is None:
            return {"json": body}
        form = {name: str(value) for name, value in body.items() if value is not None}
        return {"data": form, "files": {"receipt": ("receipt.pdf", item.receipt, "application/pdf")}}

    def pull(self) -> bool:
        """Refresh every cache. Raises Cut."""
        for path, name in CACHES.items():
            cache = self.caches[path]
            data = self._read(path, cache.cursor)
            if data is None:
                return False
            cache.rows |= {row["id"]: row for row in data[name]}
            for gone in data["deleted_ids"]:
                cache.rows.pop(gone, None)
            cache.cursor = data["sync_cursor"] or cache.cursor
        data = self._read("getSettings", self.settings_cursor)
        if data is None:
            return False
        if self.settings_cursor is None:
            self.settings, self.settings_cursor = data, data["updated_at"]
        else:
            self.settings, self.settings_cursor = data["settings"] or self.settings, data["sync_cursor"]
        return True

    def _read(self, path: str, cursor: str | None) -> Row | None:
        answer = self.request("GET", path, params={"updated_since": cursor} if cursor else {})
        if answer.status_code == 401:
            self.paused = True
            return None
        assert answer.status_code == 200, answer.text
        found: Row = answer.json()["data"]
        return found


def id_in(data: Row) -> int | None:
    """The id of what an action made, wherever its endpoint answers it."""
    for name in ("order", "held_transaction", "attendance", "leave", "expense"):
        if isinstance(data.get(name), dict):
            data = data[name]
            break
    found: int | None = data.get("id")
    return found
