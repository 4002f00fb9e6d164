"""The relay: every event reaches JetStream in company order, whatever is killed, deleted, frozen or away meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time

import msgspec
import pytest
import structlog
from jetstream import copy_store
from relays import Relayed
from waiting import wait_until

from domain.command import Command
from infra.embedded import EmbeddedNats
from infra.followers import runner as runner_module
from infra.followers.waiting import wait_for
from infra.observability.health import read_followers
from infra.processes.worker import run_worker
from infra.reading.reader import Reader
from infra.relay import publisher as publisher_module
from infra.relay.stream import DUPLICATE_WINDOW_SECONDS, STREAM, Retention


@pytest.fixture
def relayed(nats_server: EmbeddedNats) -> Relayed:
    """The relay at a server without a stream."""
    return Relayed(nats_server)


def seqs(found: list, codename: str) -> list[int]:
    return [int(message.headers["Daftar-Seq"]) for message in found if message.headers["Daftar-Company"] == codename]


def test_every_event_as_the_api_has_it(open_shop, worker, api, owner, relayed):
    shops = [open_shop(f"shop-{n}", seed=n) for n in range(3)]
    with relayed.relaying(worker, batch=17):
        for _ in range(4):
            for shop in shops:
                shop.trade()
        heads = {shop.codename: shop.execute(Command(kind="party_group", action="create", data={"name": "x"})) for shop in shops}
        for shop in shops:
            wait_until(lambda shop=shop: relayed.position(owner, shop) == heads[shop.codename])
    found = relayed.messages()
    for shop in shops:
        assert seqs(found, shop.codename) == list(range(1, heads[shop.codename] + 1))
        own = [message for message in found if message.headers["Daftar-Company"] == shop.codename]
        assert b",".join(message.data for message in own) == Reader(api).pull("events", shop.company_id, 0, 10_000).items
    issued = next(m for m in found if m.headers["Daftar-Topic"] == "invoice.issued.v1" and m.subject.startswith("daftar.shop-1."))
    event = json.loads(issued.data)
    assert issued.subject == "daftar.shop-1.invoice.issued"
    assert issued.headers == {
        "Nats-Msg-Id": f"{shops[1].company_id}:{event['seq']}",
        "Daftar-Seq": str(event["seq"]),
        "Daftar-Company": "shop-1",
        "Daftar-Company-Id": str(shops[1].company_id),
        "Daftar-Kind": "invoice",
        "Daftar-Topic": "invoice.issued.v1",
        "Daftar-Record-Id": event["record_id"],
    }


def test_nats_away_for_long(open_shop, worker, api, owner, settings, relayed, monkeypatch):
    """A whole worker: the read models go on without NATS, the relay waits, and says so once."""
    monkeypatch.setattr(runner_module, "LONGEST_PAUSE_SECONDS", 0.5)
    shop, stop = open_shop(), threading.Event()
    shop.trade()
    settings = msgspec.structs.replace(settings, nats_url=relayed.url, fintrack_events=False)  # of one relay, what one says
    told = structlog.testing.CapturingLogger()
    monkeypatch.setattr(runner_module, "log", told)
    thread = threading.Thread(target=run_worker, args=(settings, stop))
    thread.start()
    try:
        wait_until(lambda: relayed.position(owner, shop) > 50)
        relayed.kill()
        stood = relayed.position(owner, shop)
        slowest = 0.0
        for _ in range(4):
            seq, began = shop.trade(), time.monotonic()
            wait_for(api, "balances", shop.company_id, seq, timeout_seconds=5)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.25)
        assert slowest < 2.5
        assert relayed.position(owner, shop) == stood
        held = "SELECT count(*) FROM pg_stat_activity WHERE xact_start < now() - interval '2 s' AND datname = current_database()"
        assert owner.execute(held).fetchone()[0] == 0
        relay = next(follower for follower in read_followers(api) if follower.name == "relay")
        assert (relay.behind, relay.parked) == (seq - stood, 0)
        relayed.server.start()
        wait_until(lambda: relayed.position(owner, shop) == seq)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert seqs(relayed.messages(), shop.codename) == list(range(1, seq + 1))
    assert [call.args[0] for call in told.calls if call.method_name == "warning"] == ["waiting", "going on"]


def test_a_stream_that_was_deleted_gets_everything_again(open_shop, worker, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)
    with relayed.relaying(worker):
        wait_until(lambda: relayed.position(owner, shop) == seq)
        relayed.ask(lambda jetstream: jetstream.delete_stream(STREAM))
        seq = shop.trade()
        wait_until(lambda: len(relayed.messages()) == seq)
    assert seqs(relayed.messages(), shop.codename) == list(range(1, seq + 1))


def test_a_stream_that_was_made_anew_by_somebody_else_is_noticed(open_shop, worker, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)

    async def make_anew(jetstream) -> None:
        await jetstream.delete_stream(STREAM)
        await jetstream.add_stream(name=STREAM, subjects=["daftar.*.*.*"])

    with relayed.relaying(worker):
        wait_until(lambda: relayed.position(owner, shop) == seq)
        relayed.ask(make_anew)
        seq = shop.trade()
        wait_until(lambda: sorted(set(seqs(relayed.messages(), shop.codename))) == list(range(1, seq + 1)))


def test_a_server_restored_from_an_older_copy_gets_the_rest_again(open_shop, worker, owner, relayed, tmp_path):
    shop, other = open_shop(), open_shop("other", seed=2)
    with relayed.relaying(worker):
        wait_until(lambda: relayed.position(owner, shop) == shop.execute())
    relayed.server.stop()
    store = relayed.server.directory / "jetstream"
    copy_store(store, tmp_path / "copy")
    relayed.server.start()
    with relayed.relaying(worker):
        seq, last = shop.trade(2), other.trade()
        wait_until(lambda: relayed.position(owner, shop) == seq and relayed.position(owner, other) == last)
    relayed.kill()
    shutil.rmtree(store)
    copy_store(tmp_path / "copy", store)
    relayed.server.start()
    assert len(relayed.messages()) < seq
    with relayed.relaying(worker):
        wait_until(lambda: len(relayed.messages()) == seq + last)
    found = relayed.messages()
    assert seqs(found, "babil") == list(range(1, seq + 1))
    assert seqs(found, "other") == list(range(1, last + 1))


def test_killed_between_the_publish_and_the_position(open_shop, worker, worker_url, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)
    relayed.kill_at_second_batch(worker_url)
    assert relayed.position(owner, shop) == 20, "the second batch's position was rolled back"
    assert len(relayed.messages()) == 40
    with relayed.relaying(worker):
        wait_until(lambda: relayed.position(owner, shop) == seq)
    assert seqs(relayed.messages(), shop.codename) == list(range(1, seq + 1)), "known by their ids"


def test_nats_killed_again_and_again_under_load(open_shop, worker, owner, relayed):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(2)]
    with relayed.relaying(worker, batch=11), relayed.relaying(worker, batch=7):
        for _ in range(4):
            heads = {shop: shop.trade(3) for shop in shops}
            relayed.kill()
            heads = {shop: shop.trade() for shop in shops}
            relayed.server.start()
        wait_until(lambda: all(relayed.position(owner, shop) == seq for shop, seq in heads.items()), 30)
    found = relayed.messages()
    for shop, seq in heads.items():
        assert seqs(found, shop.codename) == list(range(1, seq + 1))


def test_a_server_that_hangs_holds_no_transaction_for_long(open_shop, worker, owner, relayed, monkeypatch):
    monkeypatch.setattr(publisher_module, "PUBLISH_SECONDS", 0.5)
    monkeypatch.setattr(publisher_module, "CONNECT_SECONDS", 0.3)
    shop = open_shop()
    with relayed.relaying(worker, batch=10):
        wait_until(lambda: relayed.position(owner, shop) == shop.execute())
        os.kill(relayed.server.pid, signal.SIGSTOP)
        try:
            seq = shop.trade()
            oldest = 0.0
            for _ in range(18):
                row = owner.execute(
                    "SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone()
                oldest = max(oldest, row[0] or 0.0)
                time.sleep(0.1)
            assert 0.3 < oldest < 2
        finally:
            os.kill(relayed.server.pid, signal.SIGCONT)
        wait_until(lambda: relayed.position(owner, shop) == seq)
    assert seqs(relayed.messages(), shop.codename) == list(range(1, seq + 1))


def test_what_is_too_large_goes_without_its_data(open_shop, worker, owner, relayed):
    """And what a stream whose limit was lowered under the relay refuses comes after what it did not refuse."""
    shop = open_shop()
    seq = shop.execute()
    with relayed.relaying(worker):
        wait_until(lambda: relayed.position(owner, shop) == seq)

        async def lower(jetstream) -> None:
            info = await jetstream.stream_info(STREAM)
            await jetstream.update_stream(info.config.evolve(max_msg_size=8_192))

        relayed.ask(lower)
        new = [Command(kind="party_group", action="create", data={"name": name}) for name in ("a", "b")]
        large = Command(kind="invoice", action="create", data={"type": "sales", "notes": "x" * 9_000})
        head = shop.execute(new[0], large, new[1])
        wait_until(lambda: relayed.position(owner, shop) == head)
    found = relayed.messages()
    assert seqs(found, shop.codename) == [*range(1, seq + 1), seq + 1, seq + 3, seq + 2]
    event = json.loads(found[-1].data)
    assert (event["topic"], event["oversized"], "data" in event) == ("invoice.issued.v1", True, False)
    assert event["bytes"] > 9_000
    assert found[-1].headers["Daftar-Oversized"] == "true"


def test_the_stream_is_kept_as_the_settings_say(nats_url, relayed):
    with relayed.publisher(Retention(days=0)) as publisher:
        publisher.connect()

    async def info(jetstream):
        return (await jetstream.stream_info(STREAM)).config

    first = relayed.ask(info)
    relayed.ask(lambda jetstream: jetstream.update_stream(first.evolve(description="ours", max_msgs=1_000_000)))
    with relayed.publisher(Retention(days=7, bytes=10_000_000)) as publisher:
        publisher.connect()
    config = relayed.ask(info)
    assert (first.max_age, first.max_bytes, first.duplicate_window) == (0, -1, DUPLICATE_WINDOW_SECONDS)
    assert (config.max_age, config.max_bytes, config.description, config.max_msgs) == (7 * 86_400, 10_000_000, "ours", 1_000_000)


def test_a_worker_without_the_relay(open_shop, settings, api, owner):
    shop, stop = open_shop(), threading.Event()
    thread = threading.Thread(target=run_worker, args=(msgspec.structs.replace(settings, relay=False), stop))
    thread.start()
    try:
        wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=10)
    finally:
        stop.set()
        thread.join(20)
    assert Relayed.position(owner, shop) == 0
