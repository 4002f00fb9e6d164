"""Events to append: made once by real commands in memory, then given to both sides as the same stored events."""

from __future__ import annotations

import random
from collections.abc import Callable

from eventsourcing.persistence import StoredEvent

from domain.command import Actor, Command
from domain.event import RecordedEvent
from infra.ids import new_id
from infra.ledger import Ledger
from infra.store.memory import MemoryStore
from tests.benchmarks.stock import FIELDS

BATCH = 1_000


def _stored(events: list[RecordedEvent]) -> list[StoredEvent]:
    return [StoredEvent(event.record_id, event.version, event.topic, event.data) for event in events]


def new_records(batches: int) -> list[list[StoredEvent]]:
    """1,000 new parties a batch: a row in every inline read model for every event, the dearest there is."""
    return _made(batches, lambda _, __: [Command(kind="party", action="create", data=FIELDS)] * BATCH)


def changes(batches: int, *, records: int = 100) -> list[list[StoredEvent]]:
    """1,000 changes a batch to 100 parties, made in the batch before them all."""
    ids = [new_id() for _ in range(records)]
    chance = random.Random(7)

    def commands(_: Ledger, batch: int) -> list[Command]:
        if batch == 0:
            return [Command(kind="party", action="create", id=record_id, data=FIELDS) for record_id in ids]
        return [
            Command(kind="party", action="update", id=ids[i % records], data={"phone": f"+98 21 {chance.randrange(10**8)}"})
            for i in range(BATCH)
        ]

    return _made(batches, commands)


def trading(batches: int) -> list[list[StoredEvent]]:
    """Days of a shop: invoices with lines on known products, most of them paid; about 1,000 events a batch."""
    parties, products = [new_id() for _ in range(50)], [new_id() for _ in range(200)]
    chance = random.Random(7)

    def commands(_: Ledger, batch: int) -> list[Command]:
        if batch == 0:
            first = [Command(kind="party", action="create", id=party, data=FIELDS) for party in parties]
            data = {"name": "Tea", "price": "2.50", "vat_rate": "9"}
            return first + [Command(kind="product", action="create", id=product, data=data) for product in products]
        day: list[Command] = []
        for _ in range(125):  # an invoice, five lines, a payment, its settlement
            invoice = new_id()
            lines = [{"product_id": str(chance.choice(products)), "quantity": chance.randint(1, 9)} for _ in range(5)]
            data = {"type": "sales", "party_id": str(chance.choice(parties)), "lines": lines}
            day.append(Command(kind="invoice", action="create", id=invoice, data=data))
            day.append(Command(kind="payment", action="create", data={"amount": "5", "invoice_id": str(invoice)}))
        return day

    return _made(batches, commands)


def _made(batches: int, commands: Callable[[Ledger, int], list[Command]]) -> list[list[StoredEvent]]:
    ledger = Ledger(MemoryStore())
    company, _, begun = ledger.register_company([Command(kind="company", action="create", data={"name": "x", "codename": "x"})])
    out: list[list[StoredEvent]] = []
    after = begun.seq
    for batch in range(batches + 1):
        ledger.execute(company, commands(ledger, batch), Actor())
        events = ledger.store.read_events(company, after, 10**6)
        after = events[-1].seq
        out.append(_stored(events))
    return out
