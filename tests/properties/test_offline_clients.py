"""Offline clients with clocks of their own, lost answers and retries, against a model: everybody ends with the same books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar
from uuid import UUID, uuid5

import msgspec
from bookkeeping import Store, audit, once, register, stored_tables
from effort import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from model import Handle, Model, Wish, compare

from domain.command import Actor, Command
from domain.decide import Result
from domain.errors import LedgerError
from infra.ledger import Ledger, Refusal
from infra.store.memory import MemoryStore
from infra.store.postgres import PostgresStore

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
FAMILY = UUID(int=77)
DEVICES = 3
devices = st.integers(0, DEVICES - 1)
picks = st.integers(0, 1 << 16)
amounts = st.sampled_from(["0.01", "2.50", "9.99", "10", "1000.00"])
quantities = st.sampled_from(["1", "2", "0.5", "3.333"])
rates = st.sampled_from(["0", "5", "7.5", "21"])
skus = st.sampled_from([None, "S1", "S2", "S3"])
words = st.sampled_from(["a", "b", "c"])
clocks = st.one_of(st.floats(0, 300), st.just(1e5))
"""Days since the start; the second is a clock that is far ahead."""


@dataclass
class Request:
    """What a device wants to send: under which key, how, and whether an answer has reached it."""

    key: str
    atomic: bool
    wishes: list[Wish] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    answer: Any = None
    times_sent: int = 0


@dataclass
class Device:
    """One client: its outbox, what it has sent, and what it has pulled."""

    place: int
    actor: Actor
    outbox: list[Request] = field(default_factory=list)
    sent: list[Request] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: int = 0
    made: list[Handle] = field(default_factory=list)
    clients: int = 0


class OfflineClients(RuleBasedStateMachine):
    """The machine; subclasses have the store."""

    store: ClassVar[Store]

    @initialize()
    def open(self) -> None:
        self.company = register(Ledger(self.store))
        self.devices = [Device(n, Actor(user_id=UUID(int=n + 1), device_id=UUID(int=n + 1))) for n in range(DEVICES)]
        self.model = Model()
        self.ids: dict[Handle, UUID] = {}
        self.handles: dict[str, Handle] = {}
        self.keys = 0
        self.dirty = True
        first = self.devices[0]
        for name in "ab":
            self.create_party(0, name, name, 0.0, 1)
            self.create_product(0, name, None, "2.50", 0.0, 1)
        self.create_invoice(0, "sales", True, [("2", "10", "21", True), ("1", "0.01", "5", False)], 0.0, 1)
        self.pay(0, "2.50", 0.0, 1)
        while first.outbox:
            self.send(0, lost=False)
        for device in self.devices:
            self.pull_page(device, 100)

    # Offline work ---------------------------------------------------------------------------------

    def pick(self, device: Device, kind: str, pick: int) -> Handle | None:
        """A record of this kind that the device knows of: made by itself, or pulled."""
        own = [handle for handle in device.made if handle[1] == kind]
        pulled = [self.handles[i] for i, doc in device.records.items() if doc["kind"] == kind and i in self.handles]
        known = list(dict.fromkeys(sorted(pulled) + own))  # the same few first, so that devices meet
        return known[pick % 7 % len(known)] if known else None

    def new_client_id(self, device: Device) -> str:
        device.clients += 1
        return f"{device.clients}"

    def base_of(self, device: Device, handle: Handle, wanted: int) -> int | None:
        """The seq at which the device saw the record, if it says so at all."""
        document = device.records.get(str(self.ids.get(handle)))
        return document["seq"] if document is not None and wanted % 4 else None

    def want(self, device: Device, wish: Wish, pick: int) -> None:
        """Put a command into the outbox, in a request of its own or with the one before."""
        last = device.outbox[-1] if device.outbox else None
        if last is None or last.times_sent or pick % 3 == 0 or len(last.wishes) > 3:
            self.keys += 1
            last = Request(f"k{self.keys}", atomic=pick % 2 == 0)
            device.outbox.append(last)
        last.wishes.append(wish)
        last.commands.append(self.command(device, last, wish, pick))

    def command(self, device: Device, request: Request, wish: Wish, pick: int) -> Command:
        """The wish as this device says it: its own records by its client ids, others by the server's ids."""

        def said(value: Any) -> Any:
            if not isinstance(value, tuple):
                return value
            return {"client_id": value[2]} if value[0] == device.place else str(self.ids[value])

        data = {name: said(value) for name, value in wish.data.items()}
        if "lines" in data:
            data["lines"] = [{name: said(value) for name, value in line.items()} for line in data["lines"]]
        own = wish.handle[0] == device.place
        given = (
            uuid5(FAMILY, repr((self.company, wish.handle))) if wish.action == "create" and int(wish.handle[2]) % 2 else None
        )
        return Command(
            kind=wish.kind,
            action=wish.action,
            id=given if own else self.ids[wish.handle],
            client_id=wish.handle[2] if own else None,
            base_seq=wish.base,
            occurred_at=START + timedelta(days=wish.at),
            key=None if request.atomic else f"{request.key}/{len(request.wishes)}",
            data=data if wish.action != "delete" else None,
        )

    def create(self, device: Device, kind: str, data: dict[str, Any], at: float, pick: int) -> Handle:
        handle = (device.place, kind, self.new_client_id(device))
        device.made.append(handle)
        self.want(device, Wish(kind, "create", handle, data, None, at), pick)
        return handle

    @rule(place=devices, name=words, phone=words, at=clocks, pick=picks)
    def create_party(self, place: int, name: str, phone: str, at: float, pick: int) -> None:
        self.create(self.devices[place], "party", {"name": name, "phone": phone}, at, pick)

    @rule(place=devices, name=words, sku=skus, price=amounts, at=clocks, pick=picks)
    def create_product(self, place: int, name: str, sku: str | None, price: str, at: float, pick: int) -> None:
        self.create(self.devices[place], "product", {"name": name, "sku": sku, "price": price}, at, pick)

    @rule(
        place=devices,
        what=st.sampled_from(["party", "product"]),
        changes=st.dictionaries(st.sampled_from(["name", "notes", "code"]), words, min_size=1),
        at=clocks,
        pick=picks,
    )
    def update(self, place: int, what: str, changes: dict[str, str], at: float, pick: int) -> None:
        device = self.devices[place]
        if (handle := self.pick(device, what, pick)) is not None:
            self.want(device, Wish(what, "update", handle, changes, self.base_of(device, handle, pick), at), pick)

    @rule(place=devices, sku=st.sampled_from(["S1", "S2", "S3"]), at=clocks, pick=picks)
    def rename_sku(self, place: int, sku: str, at: float, pick: int) -> None:
        device = self.devices[place]
        if (handle := self.pick(device, "product", pick)) is not None:
            self.want(device, Wish("product", "update", handle, {"sku": sku}, self.base_of(device, handle, pick), at), pick)

    @rule(
        place=devices,
        way=st.sampled_from(["sales", "sales_return"]),
        stock=st.booleans(),
        lines=st.lists(st.tuples(quantities, amounts, rates, st.booleans()), max_size=3),
        at=clocks,
        pick=picks,
    )
    def create_invoice(
        self, place: int, way: str, stock: bool, lines: list[tuple[str, str, str, bool]], at: float, pick: int
    ) -> None:
        device = self.devices[place]
        party = self.pick(device, "party", pick) if pick % 5 else None
        data: dict[str, Any] = {"type": way, "moves_stock": stock, "lines": []}
        if party is not None:
            data["party_id"] = party
        for line in lines:
            handle = (place, "invoice_line", self.new_client_id(device))
            device.made.append(handle)
            data["lines"].append({**self.line(device, *line, pick), "client_id": handle[2]})
        self.create(device, "invoice", data, at, pick)

    def line(self, device: Device, quantity: str, price: str, rate: str, with_product: bool, pick: int) -> dict[str, Any]:
        data: dict[str, Any] = {"quantity": quantity, "unit_price": price, "vat_rate": rate, "description": "x"}
        product = self.pick(device, "product", pick) if with_product else None
        return {**data, "product_id": product} if product is not None else data

    @rule(place=devices, line=st.tuples(quantities, amounts, rates, st.booleans()), at=clocks, pick=picks)
    def add_line(self, place: int, line: tuple[str, str, str, bool], at: float, pick: int) -> None:
        device = self.devices[place]
        if (invoice := self.pick(device, "invoice", pick)) is not None:
            self.create(device, "invoice_line", {"invoice_id": invoice, **self.line(device, *line, pick)}, at, pick)

    @rule(place=devices, quantity=quantities, at=clocks, pick=picks)
    def change_line(self, place: int, quantity: str, at: float, pick: int) -> None:
        device = self.devices[place]
        if (line := self.pick(device, "invoice_line", pick)) is not None:
            base = self.base_of(device, line, pick)
            self.want(device, Wish("invoice_line", "update", line, {"quantity": quantity}, base, at), pick)

    @rule(place=devices, notes=words, at=clocks, pick=picks)
    def annotate_invoice(self, place: int, notes: str, at: float, pick: int) -> None:
        device = self.devices[place]
        if (invoice := self.pick(device, "invoice", pick)) is not None:
            base = self.base_of(device, invoice, pick)
            self.want(device, Wish("invoice", "update", invoice, {"notes": notes}, base, at), pick)

    @rule(place=devices, amount=amounts, at=clocks, pick=picks)
    def pay(self, place: int, amount: str, at: float, pick: int) -> None:
        device = self.devices[place]
        invoice = self.pick(device, "invoice", pick)
        self.create(device, "payment", {"amount": amount} | ({"invoice_id": invoice} if invoice else {}), at, pick)

    @rule(place=devices, amount=amounts, at=clocks, pick=picks)
    def correct_payment(self, place: int, amount: str, at: float, pick: int) -> None:
        device = self.devices[place]
        if (payment := self.pick(device, "payment", pick)) is not None:
            base = self.base_of(device, payment, pick)
            self.want(device, Wish("payment", "update", payment, {"amount": amount}, base, at), pick)

    @rule(
        place=devices, kind=st.sampled_from(["party", "product", "invoice", "invoice_line", "payment"]), at=clocks, pick=picks
    )
    def delete(self, place: int, kind: str, at: float, pick: int) -> None:
        device = self.devices[place]
        if (handle := self.pick(device, kind, pick)) is not None:
            self.want(device, Wish(kind, "delete", handle, {}, self.base_of(device, handle, pick), at), pick)

    @precondition(lambda self: any(device.sent for device in self.devices))
    @rule(place=devices, pick=picks)
    def ask_again_under_a_new_key(self, place: int, pick: int) -> None:
        """A client that lost its keys, but not its client ids."""
        device = self.devices[place]
        wishes = [wish for request in device.sent for wish in request.wishes if wish.action == "create"]
        if wishes:
            self.want(device, wishes[pick % len(wishes)], 0)

    # The network ----------------------------------------------------------------------------------

    @rule(place=devices, lost=st.booleans())
    def send(self, place: int, lost: bool) -> None:
        """Send the next request; the answer may be lost, and then the device will send it again."""
        device = self.devices[place]
        if device.outbox:
            self.deliver(device, device.outbox[0])
            if not lost:
                device.sent.append(device.outbox.pop(0))

    @rule(place=devices)
    def synchronise(self, place: int) -> None:
        """Send everything, then pull everything."""
        device = self.devices[place]
        while device.outbox:
            self.send(place, lost=False)
        self.pull_page(device, 1_000)

    @rule(place=devices, pick=picks)
    def send_again(self, place: int, pick: int) -> None:
        """A network that delivers twice."""
        device = self.devices[place]
        if device.sent:
            self.deliver(device, device.sent[pick % len(device.sent)])

    @rule(place=devices, limit=st.sampled_from([1, 2, 5, 100]))
    def pull(self, place: int, limit: int) -> None:
        self.pull_page(self.devices[place], limit)

    def pull_page(self, device: Device, limit: int) -> bool:
        stored = stored_tables(self.store, self.company).records.values()
        page = sorted((row for row in stored if row[2] > device.cursor), key=lambda row: row[2])[:limit]
        for row in page:
            document = msgspec.json.decode(row[5])
            device.records[document["id"]] = document
            device.cursor = document["seq"]
        return bool(page)

    def deliver(self, device: Device, request: Request) -> None:
        """The server gets a request, for the first time or again; after a restart, as far as it knows."""
        ledger, head = Ledger(self.store), self.store.head(self.company)
        idempotency = once(request.key, request.commands)
        known = request.answer
        request.times_sent += 1
        self.dirty = True
        try:
            outcome = ledger.execute(
                self.company,
                request.commands,
                device.actor,
                idempotency=idempotency if request.atomic else None,
                atomic=request.atomic,
            )
            codes = ["ok" if isinstance(result, Result) else result.code for result in outcome.results]
        except LedgerError as error:
            outcome, codes = None, [error.code]
        if known is not None and request.atomic:
            assert outcome is not None
            assert outcome.idempotent_replay
            assert [result.id for result in outcome.results] == [result.id for result in known.results]
            assert self.store.head(self.company).hash == head.hash, "a replay stores nothing"
            return
        wishes = list(enumerate(request.wishes))
        answered = {n for n, _ in wishes if known is not None and isinstance(known.results[n], Result)}
        fresh = [(device.place, wish) for n, wish in wishes if n not in answered]
        days = (datetime.now(timezone.utc) - START) / timedelta(days=1)
        self.model, expected = self.model.tried(fresh, head.seq, days, atomic=request.atomic)
        if request.atomic and outcome is not None:
            assert expected == codes
        elif outcome is None:
            assert expected == codes, "refused for the reason that the model gives"
            assert self.store.head(self.company).hash == head.hash, "a refusal stores nothing"
        else:
            assert expected == [code for n, code in enumerate(codes) if n not in answered]
            replays = [r.idempotent_replay for n, r in enumerate(outcome.results) if n in answered and isinstance(r, Result)]
            assert replays == [True] * len(answered)
        if outcome is not None:
            request.answer = outcome
            self.note_ids(device, request, outcome.results)

    def note_ids(self, device: Device, request: Request, results: list[Result | Refusal]) -> None:
        for wish, result in zip(request.wishes, results, strict=True):
            if isinstance(result, Result) and wish.action == "create":
                assert self.ids.setdefault(wish.handle, result.id) == result.id, "mapped once and for ever"
                self.handles[str(result.id)] = wish.handle
        for (kind, source, client_id), record_id in stored_tables(self.store, self.company).clients.items():
            if source == device.actor.source:  # also of the lines inside an invoice
                self.ids[device.place, kind, client_id] = record_id
                self.handles[str(record_id)] = (device.place, kind, client_id)

    # What must always hold ------------------------------------------------------------------------

    @invariant()
    def books_are_right(self) -> None:
        if not getattr(self, "dirty", False):
            return
        self.dirty = False
        audit(self.store, self.company)
        tables = stored_tables(self.store, self.company)
        documents = {key: msgspec.json.decode(row[5]) for key, row in tables.records.items()}
        compare(self.model, self.ids, documents, {product: level for (product, _), level in tables.stock.items()})

    def teardown(self) -> None:
        """Everybody comes online, sends what is left, pulls, and has the same."""
        if not hasattr(self, "devices"):
            return
        for device in self.devices:
            for request in device.outbox:
                self.deliver(device, request)
        self.books_are_right()
        stored = stored_tables(self.store, self.company).records
        for device in self.devices:
            while self.pull_page(device, 3):
                pass
            assert device.records == {str(key): msgspec.json.decode(row[5]) for key, row in stored.items()}


class OfflineClientsInMemory(OfflineClients):
    store = MemoryStore()


def test_offline_clients_in_memory() -> None:
    run_state_machine_as_test(OfflineClientsInMemory, settings=settings(max_examples=examples(30), stateful_step_count=60))


def test_offline_clients_in_postgres(postgres_store: PostgresStore) -> None:
    class OfflineClientsInPostgres(OfflineClients):
        store = postgres_store

    run_state_machine_as_test(OfflineClientsInPostgres, settings=settings(max_examples=examples(8), stateful_step_count=40))
