"""Desktops work offline and replay their outboxes over a network that is cut before and after it is answered: all end equal."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec
from bookkeeping import audit, stored_tables
from checking import check_books
from effort import examples
from fixtures import Urls
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from litestar.testing import TestClient
from saimpex_desktops import CACHES, Desktop, Item, Row

from domain.command import Command
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services

DESKTOPS = 3
PRODUCTS = 3
OPENING_STOCK = 20
PRICE = Decimal(10)
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
KINDS = {
    "sale": "invoice",
    "held_sale": "held_sale",
    "shift_open": "shift",
    "stock_update": "stock_movement",
    "customer": "party",
    "supplier": "party",
    "purchase_order": "order",
    "journal_entry": "journal_entry",
    "leave": "leave",
    "expense": "expense",
}
"""What each action makes one of. Cash transactions and marks of attendance are also changed by actions of the same type."""
places = st.integers(0, DESKTOPS - 1)
products = st.integers(1, PRODUCTS)
quantities = st.integers(1, 15)
picks = st.integers(0, 1 << 16)
cuts = st.lists(st.sampled_from(["", "", "", "answer", "answer", "request"]), max_size=12)
"""What becomes of the next requests, in this order."""


@dataclasses.dataclass
class Drawer:
    """A shift as its cashier knows it: the action that opened it, and the cash that should be there."""

    opened: Item
    cash: Decimal
    closed: Item | None = None


@dataclasses.dataclass
class Cash:
    """Cash that went into a drawer or out of it, as it was corrected last."""

    made: Item
    drawer: Drawer | None
    amount: int


@dataclasses.dataclass
class Desk:
    """A desktop, its cashier, and what a test knows of the work done there."""

    desktop: Desktop
    user: Record
    drawers: list[Drawer] = dataclasses.field(default_factory=list)
    holds: list[Item] = dataclasses.field(default_factory=list)
    customers: list[Item] = dataclasses.field(default_factory=list)
    cash: list[Cash] = dataclasses.field(default_factory=list)

    @property
    def drawer(self) -> Drawer | None:
        """The shift that is open."""
        return self.drawers[-1] if self.drawers and self.drawers[-1].closed is None else None

    @property
    def is_between(self) -> bool:
        """Whether a shift was closed and none opened since: then no money moves, for the server may not know of the close yet."""
        return bool(self.drawers) and self.drawer is None


class Desktops(RuleBasedStateMachine):
    """The machine; subclasses have the application."""

    client: ClassVar[Any]
    services: ClassVar[Services]
    companies: ClassVar[list[UUID]]

    @initialize()
    def begin(self) -> None:
        self.users = [uuid4() for _ in range(DESKTOPS)]
        codename = f"c-{uuid4().hex[:12]}"
        commands = [Command(kind="company", action="create", data={"name": "A company", "codename": codename})]
        commands += [
            Command(kind="user", action="create", id=one, data={"name": f"Cashier {i}", "role": "staff" if i else "owner"})
            for i, one in enumerate(self.users)
        ]
        self.company, _, _ = self.services.ledger.register_company(commands)
        self.companies.append(self.company)
        found = self.services.store.read_records(self.company, Needs(ids=set(self.users)))
        users = {record.id: record for record in found.records}
        self.all = [
            Desk(Desktop(self.client, f"desktop-{i}", self.opens(users[one]), timedelta(days=(0, -5, 3)[i])), users[one])
            for i, one in enumerate(self.users)
        ]
        for product in range(PRODUCTS):
            body = {"name": f"Tea {product}", "price": 10, "tax_rate": 0, "stock": OPENING_STOCK}
            assert self.all[0].desktop.request("POST", "pos/addProduct", json=body).status_code == 201
        self.moved: Counter[int] = Counter()
        self.wrong: set[str] = set()
        self.extra: list[int] = []
        for one in self.all:
            assert one.desktop.sync()

    def opens(self, user: Record) -> Any:
        return lambda: self.services.sessions.open(self.company, user, dialect="saimpex").access_token

    # Offline work -------------------------------------------------------------------------------------

    @rule(place=places, opening=st.integers(0, 500))
    def open_shift(self, place: int, opening: int) -> None:
        one = self.all[place]
        if one.drawer is None:
            item = one.desktop.queue("shift_open", {"cashier_id": one.user.number, "opening_cash": opening, "notes": "Morning"})
            one.drawers.append(Drawer(item, Decimal(opening)))

    @rule(place=places, short=st.integers(0, 3))
    def close_shift(self, place: int, short: int) -> None:
        one = self.all[place]
        if (drawer := one.drawer) is not None:
            counted = drawer.cash - short
            drawer.closed = one.desktop.queue(
                "shift_close",
                {
                    "shift_id": None,
                    "open_shift_client_id": drawer.opened.client_id,
                    "closing_cash": float(max(counted, Decimal(0))),
                    "variance_reason": "coins" if short else None,
                },
            )

    @rule(place=places, opening=st.integers(0, 500), quantity=quantities, short=st.integers(0, 3))
    def work_a_day(self, place: int, opening: int, quantity: int, short: int) -> None:
        """All of it offline, perhaps for the second time: then the second shift is told before the close of the first one."""
        self.close_shift(place, 0)
        self.open_shift(place, opening)
        self.sell(place, 1, quantity, "split", 0)
        self.move_cash(place, 10, 2)
        self.close_shift(place, short)

    @rule(place=places, product=products, quantity=quantities, how=st.sampled_from(["cash", "card", "split"]), pick=picks)
    def sell(self, place: int, product: int, quantity: int, how: str, pick: int) -> None:
        one, total = self.all[place], PRICE * quantity
        if one.is_between:
            return
        payload: Row = {"items": [{"product_id": product, "quantity": quantity, "unit_price": 10}], "total_amount": float(total)}
        card = {"cash": Decimal(0), "card": total, "split": Decimal(5)}[how]
        payload["payment"] = [{"method": "card", "amount": float(card)}, {"method": "cash", "amount": float(total - card) + 7}]
        if how == "card":
            payload["payment"] = "card"
        if one.customers and pick % 2:
            made = one.customers[pick % len(one.customers)]
            payload["customer_id"] = one.desktop.server_id(made.client_id) or made.client_id
        if one.holds and pick % 3 == 0:
            payload["held_transaction_client_id"] = one.holds.pop().client_id
        one.desktop.queue("sale", payload)
        self.moved[product] -= quantity
        if one.drawer is not None:
            one.drawer.cash += total - card

    @rule(place=places, product=products, quantity=quantities)
    def hold(self, place: int, product: int, quantity: int) -> None:
        one = self.all[place]
        one.holds.append(one.desktop.queue("held_sale", {"items": [{"product_id": product, "quantity": quantity}]}))

    @rule(place=places, product=products, quantity=quantities, way=st.sampled_from([1, 2]))
    def move_stock(self, place: int, product: int, quantity: int, way: int) -> None:
        payload = {"product_id": product, "stock_type": way, "quantity": quantity, "notes": "Counted"}
        self.all[place].desktop.queue("stock_update", payload)
        self.moved[product] += quantity if way == 1 else -quantity

    @rule(place=places, amount=st.integers(1, 90), way=st.sampled_from([1, 2]))
    def move_cash(self, place: int, amount: int, way: int) -> None:
        one = self.all[place]
        if one.is_between:
            return
        item = one.desktop.queue("cash_transaction", {"amount": amount, "type": way, "reason": "Petty cash", "category": "misc"})
        one.cash.append(Cash(item, one.drawer, amount))
        if one.drawer is not None:
            one.drawer.cash += amount if way == 1 else -amount

    @rule(place=places, more=st.integers(1, 9), pick=picks)
    def correct_cash(self, place: int, more: int, pick: int) -> None:
        """Only while its shift is open: nobody corrects what a drawer was counted with."""
        one = self.all[place]
        open_ones = [cash for cash in one.cash if cash.drawer is None or cash.drawer.closed is None]
        if not open_ones:
            return
        cash = open_ones[pick % len(open_ones)]
        cash.amount += more
        payload = {"id": cash.made.client_id, "amount": cash.amount}
        one.desktop.queue("cash_transaction", payload, "pos/updateCashTransaction")
        if cash.drawer is not None:
            cash.drawer.cash += more if cash.made.payload["type"] == 1 else -more

    @rule(place=places, name=st.sampled_from(["Aïcha", "Moussa"]))
    def make_customer(self, place: int, name: str) -> None:
        one = self.all[place]
        one.customers.append(one.desktop.queue("customer", {"name": name, "mobile": "222"}))

    @rule(place=places, name=st.sampled_from(["Khadi", "Sidi"]), pick=picks)
    def change_customer(self, place: int, name: str, pick: int) -> None:
        """One that this desktop shows, whoever made it; or one that it made just now."""
        one = self.all[place].desktop
        shown = sorted(one.caches["getCustomers"].rows)
        if shown:
            one.queue("customer_update", {"customer_id": shown[pick % len(shown)], "name": name})

    @rule(place=places, day=st.integers(1, 3), came=st.booleans())
    def mark_attendance(self, place: int, day: int, *, came: bool) -> None:
        one, time = self.all[place], {"check_in": "08:00", "status": 1} if came else {"check_out": "17:30"}
        one.desktop.queue("attendance", {"employee_id": one.user.number, "date": f"2026-05-0{day}", **time})

    @rule(place=places, kind=st.sampled_from(["supplier", "purchase_order", "journal_entry", "leave", "expense", "receipt"]))
    def office_work(self, place: int, kind: str) -> None:
        one = self.all[place].desktop
        lines = [{"account_code": "1000", "debit": 5, "credit": 0}, {"account_code": "3000", "debit": 0, "credit": 5}]
        products_ = [{"product_id": 1, "quantity": 10, "unit_price": 5, "tax_rate": 0}]
        if kind == "purchase_order":
            suppliers = sorted(one.caches["erp/getSuppliers"].rows)
            if suppliers:
                one.queue(kind, {"supplier_id": suppliers[0], "products": products_})
        elif kind == "receipt":
            one.queue("expense", {"amount": 25, "category": "transport", "date": "2026-05-28"}, receipt=PDF)
        else:
            bodies: dict[str, Row] = {
                "supplier": {"supplier_name": "Sahel"},
                "journal_entry": {"entry_date": "2026-05-28", "lines": lines, "post_now": True},
                "leave": {"type": 1, "from_date": "2026-06-01", "to_date": "2026-06-03"},
                "expense": {"amount": 25, "category": "transport"},
            }
            one.queue(kind, bodies[kind])

    @rule(place=places, bad=st.sampled_from(["product", "sum", "held", "customer"]))
    def do_something_wrong(self, place: int, bad: str) -> None:
        """What the server refuses fails, and holds nothing up."""
        items = [{"product_id": 99 if bad == "product" else 1, "quantity": 1}]
        more = {"sum": {"total_amount": 11}, "held": {"held_transaction_client_id": str(uuid4())}, "customer": {"customer_id": 99}}
        item = self.all[place].desktop.queue("sale", {"items": items, **more.get(bad, {})})
        self.wrong.add(item.client_id)

    # The network --------------------------------------------------------------------------------------

    @rule(place=places, cuts=cuts)
    def sync(self, place: int, cuts: list[str]) -> None:
        one = self.all[place].desktop
        one.cuts = list(cuts)
        one.sync()
        one.cuts = []

    @rule(place=places)
    def end_session(self, place: int) -> None:
        """The next request is answered with 401: everything pauses until somebody logs in."""
        one = self.all[place].desktop
        one.token = one.token[:-2] + ("AA" if one.token[-2:] != "AA" else "BB")
        pending = [item.client_id for item in one.waiting()]
        assert not one.sync()
        assert one.paused
        assert [item.client_id for item in one.waiting()] == pending
        one.log_in_again()

    @rule(place=places, pick=picks)
    def send_again(self, place: int, pick: int) -> None:
        """What was synced before is answered as it was, and does nothing."""
        one = self.all[place].desktop
        done = [item for item in one.outbox if item.sync_status == "synced"]
        if done:
            item = done[pick % len(done)]
            told = item.answer
            one.send(item)
            assert item.idempotent_replay is True
            assert {**item.answer, "idempotent_replay": told["idempotent_replay"]} == told

    @rule(new=st.booleans())
    def change_the_catalogue(self, *, new: bool) -> None:
        """Elsewhere a product is made, and taken away again: caches are told."""
        one = self.all[0].desktop
        if new or not self.extra:
            made = one.request("POST", "pos/addProduct", json={"name": "Coffee", "price": 3})
            self.extra.append(made.json()["data"]["id"])
        else:
            assert one.request("POST", "pos/deleteProduct", json={"product_id": self.extra.pop()}).status_code == 200

    # What must hold when everybody is through -----------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "all"):
            return
        for _ in range(2):  # the second time, everybody gets what the others wrote in the first
            for one in self.all:
                one.desktop.cuts = []
                assert one.desktop.sync()
        self.each_action_was_done_once()
        self.caches_are_the_servers()
        self.stock_is_the_sum()
        self.drawers_are_right()
        audit(self.services.store, self.company)

    def each_action_was_done_once(self) -> None:
        tables = stored_tables(self.services.store, self.company)
        made: dict[str, set[int]] = {}
        for key, record_id in tables.clients.items():
            made.setdefault(key[2], set()).add(tables.records[record_id][1])
        expected: Counter[str] = Counter()
        for one in self.all:
            for item in one.desktop.outbox:
                wrong = item.client_id in self.wrong
                assert item.sync_status == ("failed" if wrong else "synced"), item
                if (kind := KINDS.get(item.entity_type)) is None:
                    continue
                assert made.get(item.client_id, set()) == (set() if wrong else {item.server_id}), item
                expected[kind] += not wrong
        counted: Counter[str] = Counter()
        for kind, *_, document in tables.records.values():
            data = msgspec.json.decode(document)["data"]
            counted[kind] += not (kind == "stock_movement" and ("invoice_id" in data or data.get("reason") == "opening"))
        for kind in set(KINDS.values()):
            assert counted[kind] == expected[kind], kind

    def caches_are_the_servers(self) -> None:
        for one in self.all:
            for path, name in CACHES.items():
                more = {"per_page": 1000} if path == "crm/customersList" else {}
                full = one.desktop.request("GET", path, params=more).json()["data"][name]
                assert one.desktop.caches[path].rows == {row["id"]: row for row in full}, path
            assert one.desktop.settings == one.desktop.request("GET", "getSettings").json()["data"]

    def stock_is_the_sum(self) -> None:
        rows = self.all[0].desktop.caches["pos/fetchProducts"].rows
        for number in range(1, PRODUCTS + 1):
            assert rows[number]["stock"] == OPENING_STOCK + self.moved[number]

    def drawers_are_right(self) -> None:
        for one in self.all:
            for drawer in one.drawers:
                query = {"shift_id": drawer.opened.server_id}
                report = one.desktop.request("GET", "pos/shiftReport", params=query).json()["data"]
                assert Decimal(report["drawer"]["expected"]) == drawer.cash, report
                assert report["shift"]["report"] == ("X" if drawer.closed is None else "Z")
                if drawer.closed is not None:
                    counted = Decimal(str(drawer.closed.payload["closing_cash"]))
                    assert Decimal(report["drawer"]["variance"]) == counted - drawer.cash


def test_desktops_converge(application: TestClient[Any], urls: Urls) -> None:
    class OverHttp(Desktops):
        client = application
        services = application.app.state.services
        companies = []

    run_state_machine_as_test(OverHttp, settings=settings(max_examples=examples(6), stateful_step_count=40))
    check_books(urls.owner, OverHttp.companies)
