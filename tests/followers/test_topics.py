"""FinTrack's topics: every change of every object under its name, with its payload, once, whatever is killed meanwhile."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter

import msgspec
import pytest
from fintrack_clients import SERVICES
from jetstream import copy_store
from relays import RelayedTopics
from waiting import wait_until

from domain.command import Actor, Command
from infra.embedded import EmbeddedNats
from infra.ids import new_id
from infra.processes.worker import run_worker

SYSTEM = {"businessId", "isActive", "recordVersion", "createdAt", "updatedAt", "_owner"}
PARTY = {"id", "address", "contactEmail", "contactName", "name", "notes", "phone", "taxNumber"} | SYSTEM
FIELDS = {
    "customer": PARTY,
    "supplier": PARTY,
    "invoice": {
        "id",
        "currency",
        "customerId",
        "dueDate",
        "invoiceNumber",
        "issueDate",
        "notes",
        "status",
        "status_idx",
        "supplierId",
    }
    | {"totalAmount", "type", "type_idx"}
    | SYSTEM,
    "invoiceItem": {
        "id",
        "description",
        "invoiceId",
        "productOrServiceId",
        "quantity",
        "total",
        "unitPrice",
        "vatAmount",
        "vatRate",
    }
    | SYSTEM,
    "payment": {"id", "amount", "currency", "date", "invoiceId", "method", "notes", "payerName", "reference"} | SYSTEM,
    "productOrService": {"id", "currency", "description", "name", "notes", "price", "sku", "type", "type_idx", "vatRate"} | SYSTEM,
    "expense": {"id", "amount", "category", "currency", "date", "description", "notes", "supplierId"} | SYSTEM,
}
"""The fields of each payload, as the event guides print them."""


def database_topic(name: str, verb: str) -> str:
    return f"fintrack-{SERVICES[name]}-service-dbevent-{name.lower()}-{verb}"


@pytest.fixture
def relayed(nats_server: EmbeddedNats) -> RelayedTopics:
    """FinTrack's relay at a server without a stream."""
    return RelayedTopics(nats_server)


def payload(message) -> dict:
    return json.loads(message.data)


def relay_all(relayed: RelayedTopics, worker, owner, shop, seq: int, **more) -> None:
    with relayed.relaying(worker, **more):
        wait_until(lambda: relayed.position(owner, shop) >= seq)


def live(shop) -> int:
    """Every object is made, changed and deleted; the head."""
    ids = {name: new_id() for name in FIELDS}
    kinds = {"customer": "party", "supplier": "party", "productOrService": "product", "invoiceItem": "invoice_line"}
    kinds = {name: kinds.get(name, name) for name in FIELDS}
    due = {"issue_date": "2026-01-10", "due_date": "2099-01-31"}
    data = {
        "customer": {"name": "Ada", "email": "ada@example.com", "roles": ["customer"]},
        "supplier": {"name": "Bob", "roles": ["supplier"]},
        "productOrService": {"name": "Tea", "price": "10", "vat_rate": "20", "sku": "tea"},
        "invoice": {"type": "sales", "party_id": str(ids["customer"]), "invoice_number": "T-1", "currency": "USD", **due},
        "invoiceItem": {"invoice_id": str(ids["invoice"]), "product_id": str(ids["productOrService"]), "quantity": "2"},
        "payment": {"invoice_id": str(ids["invoice"]), "amount": "5", "currency": "USD", "date": "2026-01-11"},
        "expense": {"amount": "7.5", "category": "Rent", "currency": "USD", "date": "2026-01-12", "description": "Office"},
    }
    for name, fields in data.items():
        shop.execute(Command(kind=kinds[name], action="create", id=ids[name], data=fields))
    changes = {name: {"notes": "more"} for name in FIELDS} | {"invoiceItem": {"quantity": "3"}}
    for name, fields in changes.items():
        shop.execute(Command(kind=kinds[name], action="update", id=ids[name], data=fields))
    order = ("payment", "invoiceItem", "invoice", "expense", "productOrService", "supplier", "customer")
    return [shop.execute(Command(kind=kinds[name], action="delete", id=ids[name])) for name in order][-1]


def test_every_object_created_updated_deleted(open_shop, worker, owner, relayed):
    shop = open_shop("babil")
    relay_all(relayed, worker, owner, shop, live(shop))
    by_topic: dict[str, list] = {}
    for message in relayed.messages():
        by_topic.setdefault(message.subject, []).append(message)
    for name, fields in FIELDS.items():
        for verb in ("created", "updated", "deleted"):
            from_database, from_index = (
                by_topic[database_topic(name, verb)],
                by_topic[f"elastic-index-fintrack_{name.lower()}-{verb}"],
            )
            assert len(from_database) == len(from_index)
            one, indexed = payload(from_database[-1]), payload(from_index[-1])
            assert set(indexed) == fields, name
            assert indexed["businessId"] == str(shop.company_id)
            assert indexed["isActive"] is (verb != "deleted")
            if verb != "updated":
                assert one == indexed
                continue
            assert set(one) == {f"old_{name}", name, "oldDataValues", "newDataValues"}
            assert one[name] == indexed
            old, new = one[f"old_{name}"], one[name]
            assert one["oldDataValues"] == {key: old[key] for key in fields if old[key] != new[key]}
            assert one["newDataValues"] == {key: new[key] for key in fields if old[key] != new[key]}
            assert new["recordVersion"] == old["recordVersion"] + 1
        headers = from_database[-1].headers
        assert (headers["Daftar-Company"], headers["Daftar-Company-Id"]) == ("babil", str(shop.company_id))
        assert headers["Daftar-Record-Id"] == one["id"]
    item = payload(by_topic[database_topic("invoiceItem", "created")][-1])
    assert (item["quantity"], item["unitPrice"], item["vatAmount"], item["total"]) == (2, 10, 4, 24)
    statuses = [payload(one)["invoice"]["status"] for one in by_topic[database_topic("invoice", "updated")]]
    assert {"unpaid", "partial"} <= set(statuses)
    totals = [payload(one)["invoice"]["totalAmount"] for one in by_topic[database_topic("invoice", "updated")]]
    assert {24, 36} <= set(totals)


def test_what_begins_and_ends_to_be_shown(open_shop, worker, owner, relayed):
    """A party gains and loses a role, a product is put aside and comes back: for FinTrack these are made and deleted."""
    shop = open_shop("babil")
    party, product = new_id(), new_id()
    shop.execute(Command(kind="party", action="create", id=party, data={"name": "Both", "roles": ["customer"]}))
    shop.execute(Command(kind="party", action="update", id=party, data={"roles": ["customer", "supplier"]}))
    shop.execute(Command(kind="party", action="update", id=party, data={"roles": ["supplier"]}))
    shop.execute(Command(kind="product", action="create", id=product, data={"name": "Tea", "price": "1"}))
    shop.execute(Command(kind="product", action="update", id=product, data={"is_active": False}))
    seq = shop.execute(Command(kind="product", action="update", id=product, data={"is_active": True}))
    relay_all(relayed, worker, owner, shop, seq)
    found = {one.subject for one in relayed.messages()}

    def topics_of(name: str, record_id) -> list[str]:
        own = [one for one in relayed.messages() if one.headers["Daftar-Record-Id"] == str(record_id)]
        return [one.subject.rpartition("-")[2] for one in own if one.subject.startswith(database_topic(name, ""))]

    assert topics_of("customer", party) == ["created", "updated", "deleted"]
    assert topics_of("supplier", party) == ["created", "updated"]
    assert topics_of("productOrService", product) == ["created", "deleted", "created"]
    assert found <= set(relayed.topics.stream.subjects)


def test_killed_with_a_batch_stored_goes_on_without_loss_or_double(open_shop, worker, worker_url, owner, relayed):
    shops = [open_shop(f"shop-{n}", seed=n) for n in range(2)]
    heads = [shop.trade(days=3) for shop in shops]
    relayed.kill_at_second_batch(worker_url)
    stored = len(relayed.messages())
    assert stored > 0
    assert sum(relayed.position(owner, shop) for shop in shops) < sum(heads)
    for shop, head in zip(shops, heads, strict=True):
        relay_all(relayed, worker, owner, shop, head, batch=33)
    first = [(one.subject, one.headers["Nats-Msg-Id"], one.data) for one in relayed.messages()]
    assert len({key for _, key, _ in first}) == len(first) > stored
    # From the beginning, into a new stream, in other batches, by another process: the same messages
    relayed.ask(lambda jetstream: jetstream.delete_stream(relayed.names.name))
    with relayed.relaying(worker, batch=7):
        wait_until(lambda: len(relayed.messages()) == len(first), 40)
    again = [(one.subject, one.headers["Nats-Msg-Id"], one.data) for one in relayed.messages()]
    assert Counter(again) == Counter(first)
    for shop in shops:
        own = [one for one in first if one[1].startswith(str(shop.company_id))]
        assert [one for one in again if one[1].startswith(str(shop.company_id))] == own, "in the order of the log"


def test_a_server_restored_from_an_older_copy_gets_the_rest_again(open_shop, worker, owner, relayed, tmp_path):
    shop, other = open_shop("babil"), open_shop("other", seed=2)
    relay_all(relayed, worker, owner, shop, shop.trade())
    relayed.server.stop()
    store = relayed.server.directory / "jetstream"
    copy_store(store, tmp_path / "copy")
    relayed.server.start()
    before = relayed.messages()
    relay_all(relayed, worker, owner, shop, shop.trade())
    relay_all(relayed, worker, owner, other, other.trade())
    everything = Counter(one.headers["Nats-Msg-Id"] for one in relayed.messages())
    relayed.kill()
    shutil.rmtree(store)
    copy_store(tmp_path / "copy", store)
    relayed.server.start()
    assert len(relayed.messages()) == len(before) < everything.total()
    with relayed.publisher() as publisher:
        publisher.connect()
        known = [int(one.headers["Daftar-Seq"]) for one in before if one.headers["Daftar-Company"] == "babil"]
        assert publisher.last_seq_of("babil") == max(known)
        assert publisher.last_seq_of("nobody") == 0
    with relayed.relaying(worker):
        wait_until(lambda: len(relayed.messages()) == everything.total())
    assert Counter(one.headers["Nats-Msg-Id"] for one in relayed.messages()) == everything


def test_nothing_of_an_erased_person(open_shop, worker, owner, relayed):
    """Erased before it was relayed: nothing is told of him but that there was somebody. The log itself has forgotten him."""
    shop = open_shop("babil")
    person = new_id()
    shop.execute(
        Command(kind="party", action="create", id=person, data={"name": "Mina Karimi", "phone": "+98 1", "roles": ["customer"]})
    )
    shop.execute(Command(kind="party", action="update", id=person, data={"name": "Mina K.", "notes": "shy"}))
    seq = shop.ledger.execute(shop.company_id, [Command(kind="party", action="erase", id=person)], Actor()).seq
    relay_all(relayed, worker, owner, shop, seq)
    own = [one for one in relayed.messages() if one.headers["Daftar-Record-Id"] == str(person)]
    assert own
    for word in (b"Mina", b"+98 1", b"shy"):
        assert not any(word in one.data for one in own)


def test_a_change_too_large_goes_without_its_fields(open_shop, worker, owner, relayed):
    shop = open_shop("babil")

    async def tighten(jetstream):
        config = (await jetstream.stream_info(relayed.names.name)).config
        await jetstream.update_stream(config.evolve(max_msg_size=8_192))

    with relayed.publisher() as publisher:
        publisher.connect()
    relayed.ask(tighten)
    big = new_id()
    seq = shop.execute(
        Command(kind="party", action="create", id=big, data={"name": "x", "roles": ["customer"], "notes": "n" * 9_000})
    )
    relay_all(relayed, worker, owner, shop, seq)
    (one,) = [one for one in relayed.messages(database_topic("customer", "created")) if one.headers["Daftar-Record-Id"] == str(big)]
    assert one.headers["Daftar-Oversized"] == "true"
    assert payload(one)["id"] == str(big)
    assert payload(one)["oversized"] is True


@pytest.mark.parametrize("on", [True, False])
def test_a_worker_relays_them_where_it_should(open_shop, settings, relayed, owner, on):
    shop = open_shop("babil")
    stop = threading.Event()
    chosen = msgspec.structs.replace(settings, nats_url=relayed.url, relay=False, fintrack_events=on)
    thread = threading.Thread(target=run_worker, args=(chosen, stop))
    thread.start()
    try:
        if on:
            wait_until(lambda: relayed.position(owner, shop) > 0)
        else:
            time.sleep(1)
    finally:
        stop.set()
        thread.join(30)
    assert bool(relayed.messages()) is on
