"""Real devices, each with its file, over HTTP that loses, repeats and reorders, killed between any two steps: all end equal."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec
from bookkeeping import audit, stored_tables
from checking import check_books
from devices import Installation, Row
from effort import examples
from fixtures import Urls
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from litestar.testing import TestClient

from domain.command import Command
from domain.needs import Needs
from infra.composition import Services
from infra.device import ServerAway

DEVICES = 3
ROUNDS_MAX = 12
places = st.integers(0, DEVICES - 1)
picks = st.integers(0, 1 << 16)
amounts = st.sampled_from(["0.01", "2.50", "10", "999.99"])
quantities = st.sampled_from(["1", "2", "0.5", "3.333"])
skus = st.sampled_from([None, "S1", "S2"])
days = st.sampled_from(["2025-12-01", "2025-12-13", "2099-01-31"])
words = st.sampled_from(["a", "b", "c"])
EDITS: dict[str, st.SearchStrategy[Row]] = {
    "parties": st.dictionaries(st.sampled_from(["phone", "email", "name"]), words, min_size=1),
    "products": st.fixed_dictionaries({}, optional={"sale_price": amounts, "last_cost": amounts, "sku": skus}).filter(bool),
    "invoices": st.fixed_dictionaries({}, optional={"due_date": days, "status": words}).filter(bool),
    "transactions": st.fixed_dictionaries({"date": days}),
    "transaction_lines": st.fixed_dictionaries({}, optional={"quantity": quantities, "unit_price": amounts}).filter(bool),
    "payment_ins": st.fixed_dictionaries({"total_amount": amounts}),
    "settings": st.fixed_dictionaries({"value": st.fixed_dictionaries({"copies": st.integers(0, 2)})}),
}
MARKS = {
    "parties": "address",
    "products": "name",
    "transactions": "reference_no",
    "transaction_lines": "description",
    "payment_ins": "description",
    "settings": "description",
}
"""The column that tells a row made here from all others; nobody edits it."""
KINDS = {
    "parties": "party",
    "products": "product",
    "transactions": "invoice",
    "transaction_lines": "invoice_line",
    "payment_ins": "payment",
    "settings": "settings",
    "stock_ledger": "stock_movement",
}
losses = st.lists(st.sampled_from(["push answer", "push answer", "push request", "pull answer", "resolve answer"]), max_size=2)
"""What gets lost, in this order: of the next push, the answer, and so on."""
fuses = st.one_of(st.none(), st.none(), st.integers(0, 25))
"""How many more steps a device does before its process is killed."""


class Devices(RuleBasedStateMachine):
    """The machine; subclasses have the application."""

    client: ClassVar[Any]
    services: ClassVar[Services]
    companies: ClassVar[list[UUID]]

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="daftar-devices-"))
        self.marks = 0
        user_id = uuid4()
        codename = f"c-{uuid4().hex[:12]}"
        user = {"name": "Owner", "email": f"owner@{codename}.example", "role": "tenantOwner"}
        self.company, _, _ = self.services.ledger.register_company(
            [
                Command(kind="company", action="create", data={"name": "A company", "codename": codename}),
                Command(kind="user", action="create", id=user_id, data=user),
            ]
        )
        self.companies.append(self.company)
        record = self.services.store.read_records(self.company, Needs(ids={user_id})).records[0]
        self.token = self.services.sessions.open(self.company, record, dialect="matrix").access_token
        self.all = [Installation(self.folder, place, self.client, self.token) for place in range(DEVICES)]
        self.create_party(0, "a", None)
        self.create_product(0, "S1", "2.50", None)
        self.create_sale(0, "2025-12-01", [("2", "10"), ("1", "0.01")], 0, None)
        self.create_setting(0, 1, None)
        for one in self.all:
            one.device.sync()

    # Offline work ---------------------------------------------------------------------------------

    def make(self, place: int, table: str, data: Row, fuse: int | None) -> str | None:
        """A new row with a mark of its own. One that was killed may have been made: then it is there."""
        one = self.all[place]
        self.marks += 1
        mark, column = f"mark {self.marks}", MARKS.get(table)
        row = {**data, column: mark} if column else data
        before = {item.row_id for item in one.device.items()}
        made = one.live(lambda: one.device.add(table, row), fuse)
        if made is None:
            made = next(
                (item.row_id for item in one.device.items() if item.row_id not in before and item.operation == "INSERT"), None
            )
        if made is not None:
            one.made[made] = (table, mark)
        return made

    def pick(self, place: int, table: str, pick: int) -> str | None:
        """A row of those that this device shows; of the first few, so that devices meet."""
        rows = self.all[place].device.rows(table)
        return rows[pick % min(len(rows), 4)].id if rows else None

    @rule(place=places, name=words, fuse=fuses)
    def create_party(self, place: int, name: str, fuse: int | None) -> None:
        self.make(place, "parties", {"name": name, "party_type": "customer"}, fuse)

    @rule(place=places, sku=skus, price=amounts, fuse=fuses)
    def create_product(self, place: int, sku: str | None, price: str, fuse: int | None) -> None:
        self.make(place, "products", {"sku": sku, "sale_price": price}, fuse)

    @rule(place=places, day=days, lines=st.lists(st.tuples(quantities, amounts), max_size=2), pick=picks, fuse=fuses)
    def create_sale(self, place: int, day: str, lines: list[tuple[str, str]], pick: int, fuse: int | None) -> None:
        party = self.pick(place, "parties", pick)
        data = {"type": "sale", "date": day, "party_id": party} | ({} if lines else {"total_amount": "7.50"})
        sale = self.make(place, "transactions", data, fuse)
        if sale is None:
            return
        if pick % 2:
            self.make(place, "invoices", {"transaction_id": sale, "invoice_type": "sale", "party_id": party}, None)
        for quantity, price in lines:
            self.add_line(place, quantity, price, sale, pick)

    @rule(place=places, quantity=quantities, price=amounts, sale=st.none(), pick=picks)
    def add_line(self, place: int, quantity: str, price: str, sale: str | None, pick: int) -> None:
        sale = sale or self.pick(place, "transactions", pick)
        if sale is not None:
            product = self.pick(place, "products", pick) if pick % 3 else None
            self.make(
                place,
                "transaction_lines",
                {"transaction_id": sale, "product_id": product, "quantity": quantity, "unit_price": price},
                None,
            )

    @rule(place=places, amount=amounts, pick=picks, fuse=fuses)
    def pay(self, place: int, amount: str, pick: int, fuse: int | None) -> None:
        invoice = self.pick(place, "invoices", pick) if pick % 3 else None
        self.make(place, "payment_ins", {"total_amount": amount, "receipt_date": "2025-12-14", "invoice_id": invoice}, fuse)

    @rule(place=places, quantity=st.sampled_from(["-2", "5", "0.5"]), pick=picks, fuse=fuses)
    def move_stock(self, place: int, quantity: str, pick: int, fuse: int | None) -> None:
        if (product := self.pick(place, "products", pick)) is not None:
            self.make(place, "stock_ledger", {"product_id": product, "quantity_delta": quantity, "date": "2025-12-14"}, fuse)

    @rule(place=places, copies=st.integers(0, 2), fuse=fuses)
    def create_setting(self, place: int, copies: int, fuse: int | None) -> None:
        self.make(place, "settings", {"name": f"receipt {copies}", "value": {"copies": copies}}, fuse)

    @rule(
        place=places, edit=st.sampled_from(sorted(EDITS)).flatmap(lambda t: st.tuples(st.just(t), EDITS[t])), pick=picks, fuse=fuses
    )
    def edit(self, place: int, edit: tuple[str, Row], pick: int, fuse: int | None) -> None:
        one, (table, changes) = self.all[place], edit
        if (row := self.pick(place, table, pick)) is not None:
            one.live(lambda: one.device.set(table, row, changes), fuse)

    @rule(place=places, table=st.sampled_from(sorted(MARKS)), pick=picks, fuse=fuses)
    def delete(self, place: int, table: str, pick: int, fuse: int | None) -> None:
        one = self.all[place]
        if (row := self.pick(place, table, pick)) is not None:
            if one.device.row(table, row).state == "rejected":
                one.given_up.add(row)
            one.live(lambda: one.device.delete(table, row), fuse)

    @rule(place=places, choice=st.sampled_from(["server", "client", "merged"]), pick=picks, fuse=fuses)
    def resolve(self, place: int, choice: str, pick: int, fuse: int | None) -> None:
        one = self.all[place]
        if found := one.device.conflicts():
            fields = {"value": {"copies": 9}} if choice == "merged" else {}
            one.live(lambda: one.device.resolve(str(found[pick % len(found)]["id"]), choice, fields), fuse)

    @rule(place=places, retry=st.booleans(), pick=picks, fuse=fuses)
    def reconsider(self, place: int, retry: bool, pick: int, fuse: int | None) -> None:
        """Send something again that was rejected, or give it up."""
        one = self.all[place]
        rejected = one.device.items("rejected")
        if not rejected:
            return
        item = rejected[pick % len(rejected)]
        if retry:
            one.live(lambda: one.device.retry(item.number, {"sku": None} if item.field == "sku" else {}), fuse)
        else:
            one.given_up.add(item.row_id)
            one.live(lambda: one.device.discard(item.number), fuse)

    # The network ----------------------------------------------------------------------------------

    @rule(place=places, losses=losses, fuse=fuses)
    def sync(self, place: int, losses: list[str], fuse: int | None) -> None:
        one = self.all[place]
        one.losses = list(losses)
        with suppress(ServerAway):
            one.live(one.device.sync, fuse)
        one.losses = []

    @rule(place=places, fuse=fuses)
    def sync_undisturbed(self, place: int, fuse: int | None) -> None:
        self.sync(place, [], fuse)

    @rule(first=places, losses=losses)
    def sync_all(self, first: int, losses: list[str]) -> None:
        for place in range(DEVICES):
            self.sync((first + place) % DEVICES, losses, None)

    @rule(place=places, table=st.sampled_from(sorted(EDITS)), data=st.data(), pick=picks)
    def edit_the_same(self, place: int, table: str, data: st.DataObject, pick: int) -> None:
        """Everybody has something else to say about one row."""
        for one in range(DEVICES):
            self.edit(one, (table, data.draw(EDITS[table])), 0, None)
            if (place + pick + one) % 3 == 0:
                self.sync(one, [], None)

    @rule(place=places, pick=picks)
    def deliver_again(self, place: int, pick: int) -> None:
        """A network that delivers twice, and late what seemed to be lost."""
        network = self.all[place].network
        pushed = [request for request in network.sent if request[1].endswith(("push", "resolve"))]
        if pushed:
            network.deliver(*pushed[pick % len(pushed)])

    # What must hold when everybody is through -----------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "all"):
            return
        try:
            self.sync_until_quiet()
            fresh = Installation(self.folder, DEVICES, self.client, self.token)
            fresh.device.sync()
            expected = fresh.device.server_rows()
            for one in self.all:
                found = one.device.server_rows()
                differing = [
                    (found.get(key), expected.get(key))
                    for key in found.keys() | expected.keys()
                    if found.get(key) != expected.get(key)
                ]
                assert not differing, f"a device is not as the server: {differing[0]}"
            self.nothing_is_lost_or_doubled(expected)
            audit(self.services.store, self.company)
            fresh.device.close()
        finally:
            for one in self.all:
                one.device.close()
            shutil.rmtree(self.folder)

    def sync_until_quiet(self) -> None:
        for _ in range(ROUNDS_MAX):
            reports = [one.device.sync() for one in self.all]
            if not any(report.sent or report.received for report in reports):
                return
        raise AssertionError(f"it never becomes quiet: {reports}")

    def nothing_is_lost_or_doubled(self, rows: dict[tuple[str, str], Row]) -> None:
        """Every row that was made on a device and accepted is one record, and every record was made on a device."""
        tables = stored_tables(self.services.store, self.company)
        documents = {key: msgspec.json.decode(row[5]) for key, row in tables.records.items()}
        numbers = {(document["kind"], document["number"]): key for key, document in documents.items()}
        made: Counter[UUID] = Counter()
        for one in self.all:
            rejected = {item.row_id for item in one.device.items("rejected") if item.operation == "INSERT"}
            assert one.device.items() == one.device.items("rejected"), "nothing waits any more"
            for local_id, (table, mark) in one.made.items():
                row_id = one.device.id_of(local_id)
                if row_id is None:
                    assert local_id in rejected | one.given_up, f"{table} {local_id} is lost"
                elif table != "invoices":
                    made[numbers[KINDS[table], int(row_id)]] += 1
                    if (row := rows.get((table, row_id))) is not None and table in MARKS:
                        assert row[MARKS[table]] == mark
        assert set(made.values()) <= {1}, "two local ids are one record"
        for table, column in MARKS.items():
            marks = Counter(row[column] for (name, _), row in rows.items() if name == table)
            assert set(marks.values()) <= {1}, f"{table} are doubled"
        business = {
            key
            for key, document in documents.items()
            if document["kind"] in KINDS.values() and not (document["data"].get("extra") or {}).get("placeholder")
        }
        stray = business - set(made)
        assert not {key for key in stray if not self.came_late(documents[key])}, "records that nobody made"

    def came_late(self, document: Row) -> bool:
        """Whether a late copy of a push brought what was rejected before, and its device has not sent again."""
        marks = {mark for one in self.all for local_id, (_, mark) in one.made.items() if one.device.id_of(local_id) is None}
        return bool(marks & {str(value) for value in document["data"].values()}) or document["kind"] == "stock_movement"


def test_devices_converge(application: TestClient[Any], urls: Urls) -> None:
    class OverHttp(Devices):
        client = application
        services = application.app.state.services
        companies = []

    run_state_machine_as_test(OverHttp, settings=settings(max_examples=examples(6), stateful_step_count=50))
    check_books(urls.owner, OverHttp.companies)
