"""Two apps that sync by Mahak's API as its clients do: one by the guide (section 8), one as the vendor's Android app."""

from __future__ import annotations

import hashlib
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

TEHRAN = timezone(timedelta(hours=3, minutes=30))
GUIDE_ENTITIES = {
    "people": "personId",
    "products": "productId",
    "productDetails": "productDetailId",
    "orders": "orderId",
    "orderDetails": "orderDetailId",
    "receipts": "receiptId",
    "banks": "bankId",
}
ANDROID_ENTITIES = {
    "People": ("fromPersonVersion", "PersonId"),
    "VisitorPeople": ("fromVisitorPersonVersion", "VisitorPersonId"),
    "Products": ("fromProductVersion", "ProductId"),
    "ProductDetails": ("fromProductDetailVersion", "ProductDetailId"),
    "Orders": ("fromOrderVersion", "OrderId"),
    "OrderDetails": ("fromOrderDetailVersion", "OrderDetailId"),
    "Receipts": ("fromReceiptVersion", "ReceiptId"),
    "Cheques": ("fromChequeVersion", "ChequeId"),
}
ALWAYS_SENT = (
    "Banks",
    "Checklists",
    "Cheques",
    "Settings",
    "ExtraDatas",
    "Orders",
    "OrderDetails",
    "People",
    "PersonGroups",
    "Pictures",
    "ProductCategories",
    "ProductDetails",
    "Products",
    "Receipts",
    "TransferAccounts",
    "Transactions",
    "Visitors",
    "VisitorPeople",
    "NotRegisters",
    "TransferStores",
    "TransferStoreDetails",
    "VisitorLocations",
    "missionDetails",
)
MOST_TRIES = 12
Rows = dict[str, dict[int, dict[str, Any]]]


class Refused(Exception):
    """The server said no to what was sent; `body` says why."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.body = body


class Line:
    """A line to the server on which answers get lost: the request has been done, and the client does not know."""

    def __init__(self, http: Any, chance: random.Random | None = None, share: float = 0.0) -> None:
        self.http, self.chance, self.share, self.lost = http, chance, share, 0

    def post(self, path: str, body: Any, token: str) -> httpx.Response:
        answer: httpx.Response = self.http.post(f"/API/v3/Sync/{path}", json=body, headers={"Authorization": token})
        if self.chance is not None and self.chance.random() < self.share:
            self.lost += 1
            if self.chance.random() < 0.5:
                return httpx.Response(500, json={"success": False, "code": 500, "message": "?"})
            raise httpx.ReadTimeout("the answer was lost")
        return answer


class App(ABC):
    """What both have in common: a log-in, rows by collection and id, versions by collection, and patience."""

    def __init__(self, line: Line, username: str, password: str, database_id: int, package: int) -> None:
        self.line, self.username, self.password = line, username, password
        self.database_id, self.package = database_id, package
        self.token = ""
        self.rows: Rows = {}
        self.versions: dict[str, int] = {}
        self.waited: list[float] = []
        self.wait: Callable[[float], None] = time.sleep
        self.logins = 0
        self.next_id = 1

    @abstractmethod
    def login(self) -> None:
        """Open a session."""

    def take_id(self) -> int:
        """A client's id of its own."""
        self.next_id += 1
        return self.next_id

    def call(self, path: str, body: Any) -> dict[str, Any]:
        """A request until it is answered: 401 logs in again, 429 waits, what was lost is sent again. Raises Refused."""
        for attempt in range(MOST_TRIES):
            if not self.token and not path.lower().startswith("login"):
                self.login()
            try:
                answer = self.line.post(path, body, self.token)
            except httpx.TransportError:
                continue
            if answer.status_code == 401 and not path.lower().startswith("login"):
                self.token = ""
            elif answer.status_code in (429, 503):
                seconds = float(answer.headers["Retry-After"])
                self.waited.append(seconds)
                self.wait(seconds)
            elif answer.status_code == 500:
                time.sleep(0.001 * 2**attempt)
            else:
                found: dict[str, Any] = answer.json()
                if answer.status_code != 200:
                    raise Refused(found)
                return found
        raise AssertionError(f"{path} was not answered in {MOST_TRIES} tries")

    def apply(self, name: str, wire: str, rows: list[dict[str, Any]], version: str) -> None:
        """Take rows over, and remember the highest version."""
        own = self.rows.setdefault(name, {})
        for row in rows:
            own[row[wire]] = row
        self.versions[name] = max([self.versions.get(name, 0), *(row[version] for row in rows)])


class GuideApp(App):
    """Section 8 of the guide."""

    def login(self) -> None:
        """Step 2."""
        body = {"username": self.username, "password": self.password, "databaseId": self.database_id, "packageNumber": self.package}
        self.logins += 1
        found = self.call("LoginV2", body)
        self.token = f"Bearer {found['token']}"
        assert datetime.fromisoformat(found["expireDate"]) > datetime.now(timezone.utc)

    def pull(self, page: int | None = None) -> None:
        """Step 3: what changed since the stored versions, in pages where asked."""
        more = True
        while more:
            body = {f"{name}RowVersion": self.versions.get(name, 0) for name in GUIDE_ENTITIES}
            found = self.call("GetAllDataV2", body | ({"pageSize": page} if page else {}))
            for name, wire in GUIDE_ENTITIES.items():
                self.apply(name, wire, found["data"][name]["records"], "rowVersion")
                assert found["data"][name]["rowVersion"] >= self.versions[name]
            more = found["hasMore"]

    def submit(
        self, batch: dict[str, list[dict[str, Any]]], again: Callable[[], dict[str, list[dict[str, Any]]]] | None = None
    ) -> dict[str, Any]:
        """Steps 5 and 6; `again` makes the batch anew from what was pulled, where somebody was faster. Raises Refused."""
        for _ in range(MOST_TRIES):
            try:
                found = self.call("SaveAllDataV2", batch)
            except Refused as refused:
                if refused.body["code"] != 2002 or again is None:
                    raise
                self.pull()
                batch = again()
                continue
            return found["data"]
        raise AssertionError("somebody else was always faster")


class AndroidApp(App):
    """The vendor's order-taking app: V1, logs in before every sync, finds its rows by their place."""

    visitor_id = 0

    def login(self) -> None:
        """With the MD5 of the password; wipes its data where the database or the visitor is another."""
        digest = hashlib.md5(self.password.encode(), usedforsecurity=False).hexdigest()
        self.logins += 1
        found = self.call("login", {"UserName": self.username, "Password": digest, "DatabaseId": 0, "DeviceId": "a", "AppId": 3})
        assert found["Result"] is True, found
        data = found["Data"]
        there = datetime.fromisoformat(data["ServerTime"][:19]).replace(tzinfo=TEHRAN)
        assert abs(there - datetime.now(timezone.utc)) < timedelta(minutes=13), "the app refuses such a server"
        if (data["DatabaseId"], data["VisitorId"]) != (self.database_id, self.visitor_id) and self.visitor_id:
            raise AssertionError("the app would wipe its data")
        self.database_id, self.visitor_id = data["DatabaseId"], data["VisitorId"]
        self.token = data["UserToken"]  # without a scheme

    def push(self, **collections: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """A save with every collection, empty ones too; the results of those that were given, in their order."""
        body: dict[str, Any] = {**{name: [] for name in ALWAYS_SENT}, **collections}
        found = self.call("savealldata", body)
        objects = found["Data"]["Objects"]
        for name in ALWAYS_SENT:
            name = name[0].upper() + name[1:]  # noqa: PLW2901
            assert isinstance(objects[name]["Results"], list), name
        results = [objects[name[0].upper() + name[1:]]["Results"] for name in collections]
        assert [len(rows) for rows in results] == [len(rows) for rows in collections.values()]
        assert found["Result"] is all(row["Result"] for rows in results for row in rows)
        return results

    def pull(self) -> None:
        """One request for each collection, as the app does."""
        for name, (asked, wire) in ANDROID_ENTITIES.items():
            objects = self.call("getalldata", {asked: self.versions.get(name, 0), "UserToken": self.token})["Data"]["Objects"]
            assert objects["Banks"] is None, "nobody asked"
            self.apply(name, wire, objects[name], "RowVersion")

    def sync(self, *pushes: dict[str, list[dict[str, Any]]]) -> list[list[list[dict[str, Any]]]]:
        """Log in, push in the app's order, pull."""
        self.token = ""
        self.login()
        told = [self.push(**one) for one in pushes]
        self.pull()
        return told
