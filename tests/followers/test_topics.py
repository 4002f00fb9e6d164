"""FinTrack's topics: every change of every object under its name, with its payload, once, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from domain.command import Actor, Command
from infra.embedded import DataDir, EmbeddedNats
from infra.followers.runner import Runner
from infra.ids import new_id
from infra.processes.worker import run_worker
from infra.relay.publisher import Publisher
from infra.relay.stream import Retention
from infra.relay.topics import FINTRACK, TopicRelay, load_topics

STREAM = "FINTRACK_EVENTS"
SCRIPT = Path(__file__).parent / "run_topics.py"
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
SERVICES = {
    "customer": "customermanagement",
    "supplier": "suppliermanagement",
    "invoice": "invoicemanagement",
    "invoiceItem": "invoicemanagement",
    "payment": "paymentmanagement",
    "productOrService": "productcatalog",
    "expense": "expensemanagement",
}


def database_topic(name: str, verb: str) -> str:
    return f"fintrack-{SERVICES[name]}-service-dbevent-{name.lower()}-{verb}"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedNats]:
    """A NATS server of this module's own."""
    path = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    folder = DataDir(path)
    folder.hold()
    nats_server = EmbeddedNats(folder)
    nats_server.start()
    yield nats_server
    nats_server.stop()
    folder.release()
    shutil.rmtree(path)


@pytest.fixture
def relayed(server: EmbeddedNats) -> EmbeddedNats:
    """That server, running, without a stream."""
    if server.pid is None:
        server.start()
    with_stream(server, lambda jetstream: jetstream.delete_stream(STREAM), missing_ok=True)
    return server


def with_stream(server: EmbeddedNats, work, *, missing_ok: bool = False):
    async def connected():
        client = await nats.connect(server.url)
        try:
            return await work(client.jetstream())
        except nats.js.errors.NotFoundError:
            assert missing_ok
        finally:
            await client.close()

    return asyncio.run(connected())


def messages(server: EmbeddedNats, subject: str = "") -> list:
    """Everything in the stream, in its order."""

    async def read(jetstream):
        config = ConsumerConfig(ack_policy=AckPolicy.NONE)
        consumer = await jetstream.pull_subscribe(subject, stream=STREAM, config=config)
        left, found = (await consumer.consumer_info()).num_pending, []
        while len(found) < left:
            found += await consumer.fetch(min(1_000, left - len(found)), timeout=10)
        return found

    return with_stream(server, read, missing_ok=True) or []


def payload(message) -> dict:
    return json.loads(message.data)


@contextmanager
def relaying(server: EmbeddedNats, worker, *, batch: int = 250):
    """FinTrack's relay at work."""
    stop, topics = threading.Event(), load_topics(FINTRACK)
    with Publisher(server.url, Retention(), topics.stream) as publisher:
        runner = Runner(worker, [TopicRelay(publisher, topics)], sweep_seconds=0.05, batch=batch)
        thread = threading.Thread(target=runner.run, args=(stop,))
        thread.start()
        try:
            yield runner
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()


def position(owner, shop) -> int:
    row = owner.execute(
        "SELECT seq FROM positions WHERE follower = 'fintrack_events' AND company_id = %s", (shop.company_id,)
    ).fetchone()
    return row[0] if row else 0


def wait_until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def relay_all(server, worker, owner, shop, seq: int, **more) -> None:
    with relaying(server, worker, **more):
        wait_until(lambda: position(owner, shop) >= seq)


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
    for message in messages(relayed):
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
    found = {one.subject for one in messages(relayed)}

    def topics_of(name: str, record_id) -> list[str]:
        own = [one for one in messages(relayed) if one.headers["Daftar-Record-Id"] == str(record_id)]
        return [one.subject.rpartition("-")[2] for one in own if one.subject.startswith(database_topic(name, ""))]

    assert topics_of("customer", party) == ["created", "updated", "deleted"]
    assert topics_of("supplier", party) == ["created", "updated"]
    assert topics_of("productOrService", product) == ["created", "deleted", "created"]
    assert found <= set(load_topics(FINTRACK).stream.subjects)


def test_killed_with_a_batch_stored_goes_on_without_loss_or_double(open_shop, worker, worker_url, owner, relayed):
    shops = [open_shop(f"shop-{n}", seed=n) for n in range(2)]
    heads = [shop.trade(days=3) for shop in shops]
    killed = subprocess.run(
        [sys.executable, str(SCRIPT), worker_url, relayed.url], env={"PYTHONPATH": "."}, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    stored = len(messages(relayed))
    assert stored > 0
    assert sum(position(owner, shop) for shop in shops) < sum(heads)
    for shop, head in zip(shops, heads, strict=True):
        relay_all(relayed, worker, owner, shop, head, batch=33)
    first = [(one.subject, one.headers["Nats-Msg-Id"], one.data) for one in messages(relayed)]
    assert len({key for _, key, _ in first}) == len(first) > stored
    # From the beginning, into a new stream, in other batches, by another process: the same messages
    with_stream(relayed, lambda jetstream: jetstream.delete_stream(STREAM))
    with relaying(relayed, worker, batch=7):
        wait_until(lambda: len(messages(relayed)) == len(first), 40)
    again = [(one.subject, one.headers["Nats-Msg-Id"], one.data) for one in messages(relayed)]
    assert Counter(again) == Counter(first)
    for shop in shops:
        own = [one for one in first if one[1].startswith(str(shop.company_id))]
        assert [one for one in again if one[1].startswith(str(shop.company_id))] == own, "in the order of the log"


def test_a_server_restored_from_an_older_copy_gets_the_rest_again(open_shop, worker, owner, relayed, tmp_path):
    shop, other = open_shop("babil"), open_shop("other", seed=2)
    relay_all(relayed, worker, owner, shop, shop.trade())
    relayed.stop()
    store = relayed.directory / "jetstream"
    subprocess.run(["cp", "-a", store, tmp_path / "copy"], check=True)
    relayed.start()
    before = messages(relayed)
    relay_all(relayed, worker, owner, shop, shop.trade())
    relay_all(relayed, worker, owner, other, other.trade())
    everything = Counter(one.headers["Nats-Msg-Id"] for one in messages(relayed))
    relayed.kill()
    wait_until(lambda: relayed.pid is None)
    shutil.rmtree(store)
    subprocess.run(["cp", "-a", tmp_path / "copy", store], check=True)
    relayed.start()
    assert len(messages(relayed)) == len(before) < everything.total()
    with Publisher(relayed.url, Retention(), load_topics(FINTRACK).stream) as publisher:
        publisher.connect()
        known = [int(one.headers["Daftar-Seq"]) for one in before if one.headers["Daftar-Company"] == "babil"]
        assert publisher.last_seq_of("babil") == max(known)
        assert publisher.last_seq_of("nobody") == 0
    with relaying(relayed, worker):
        wait_until(lambda: len(messages(relayed)) == everything.total())
    assert Counter(one.headers["Nats-Msg-Id"] for one in messages(relayed)) == everything


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
    own = [one for one in messages(relayed) if one.headers["Daftar-Record-Id"] == str(person)]
    assert own
    for word in (b"Mina", b"+98 1", b"shy"):
        assert not any(word in one.data for one in own)


def test_a_change_too_large_goes_without_its_fields(open_shop, worker, owner, relayed):
    shop = open_shop("babil")
    topics = load_topics(FINTRACK)

    async def tighten(jetstream):
        config = (await jetstream.stream_info(STREAM)).config
        await jetstream.update_stream(config.evolve(max_msg_size=8_192))

    with Publisher(relayed.url, Retention(), topics.stream) as publisher:
        publisher.connect()
    with_stream(relayed, tighten)
    big = new_id()
    seq = shop.execute(
        Command(kind="party", action="create", id=big, data={"name": "x", "roles": ["customer"], "notes": "n" * 9_000})
    )
    relay_all(relayed, worker, owner, shop, seq)
    (one,) = [
        one for one in messages(relayed, database_topic("customer", "created")) if one.headers["Daftar-Record-Id"] == str(big)
    ]
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
            wait_until(lambda: position(owner, shop) > 0)
        else:
            time.sleep(1)
    finally:
        stop.set()
        thread.join(30)
    assert bool(messages(relayed)) is on
