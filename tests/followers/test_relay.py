"""The relay: every event reaches JetStream in company order, whatever is killed, deleted, frozen or away meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import nats
import pytest
import structlog
from nats.js.api import AckPolicy, ConsumerConfig

from domain.command import Command
from infra.embedded import DataDir, EmbeddedNats
from infra.followers import runner as runner_module
from infra.followers.runner import Runner
from infra.followers.waiting import wait_for
from infra.observability.health import read_followers
from infra.processes.worker import run_worker
from infra.reading import Reader
from infra.relay import publisher as publisher_module
from infra.relay.follower import Relay
from infra.relay.publisher import Publisher
from infra.relay.stream import DUPLICATE_WINDOW_SECONDS, STREAM, Retention

UNACKED = ConsumerConfig(ack_policy=AckPolicy.NONE)
SCRIPT = Path(__file__).parent / "run_relay.py"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedNats]:
    """A NATS server of this module's own, to kill; started again by whoever needs it."""
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
def relayed(server: EmbeddedNats) -> Iterator[EmbeddedNats]:
    """That server, running, without a stream."""
    if server.pid is None:
        server.start()
    with_stream(server, lambda jetstream: jetstream.delete_stream(STREAM), missing_ok=True)
    return server


def with_stream(server: EmbeddedNats, work, *, missing_ok: bool = False):
    """What `work(jetstream)` answers."""

    async def connected():
        client = await nats.connect(server.url)
        try:
            return await work(client.jetstream())
        except nats.js.errors.NotFoundError:
            assert missing_ok
        finally:
            await client.close()

    return asyncio.run(connected())


def messages(server: EmbeddedNats) -> list:
    """Everything that is in the stream, in its order."""

    async def read(jetstream):
        last = (await jetstream.stream_info(STREAM)).state.messages
        found, consumer = [], await jetstream.pull_subscribe("daftar.>", stream=STREAM, config=UNACKED)
        while len(found) < last:
            found += await consumer.fetch(min(1_000, last - len(found)), timeout=10)
        return found

    return with_stream(server, read, missing_ok=True) or []


def seqs(found: list, codename: str) -> list[int]:
    return [int(message.headers["Daftar-Seq"]) for message in found if message.headers["Daftar-Company"] == codename]


@contextmanager
def relaying(server: EmbeddedNats, worker, *, batch: int = 1_000):
    """A relay at work."""
    stop = threading.Event()
    with Publisher(server.url, Retention()) as publisher:
        runner = Runner(worker, [Relay(publisher)], sweep_seconds=0.05, batch=batch)
        thread = threading.Thread(target=runner.run, args=(stop,))
        thread.start()
        try:
            yield runner
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()


def position(owner, shop) -> int:
    row = owner.execute("SELECT seq FROM positions WHERE follower = 'relay' AND company_id = %s", (shop.company_id,)).fetchone()
    return row[0] if row else 0


def copy(source: Path, target: Path) -> None:
    """With the owners: the server may run as another user."""
    subprocess.run(["cp", "-a", source, target], check=True)


def wait_until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_event_as_the_api_has_it(open_shop, worker, api, owner, relayed):
    shops = [open_shop(f"shop-{n}", seed=n) for n in range(3)]
    with relaying(relayed, worker, batch=17):
        for _ in range(4):
            for shop in shops:
                shop.trade()
        heads = {shop.codename: shop.execute(Command(kind="party_group", action="create", data={"name": "x"})) for shop in shops}
        for shop in shops:
            wait_until(lambda shop=shop: position(owner, shop) == heads[shop.codename])
    found = messages(relayed)
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
        wait_until(lambda: position(owner, shop) > 50)
        relayed.kill()
        wait_until(lambda: relayed.pid is None)
        stood = position(owner, shop)
        slowest = 0.0
        for _ in range(4):
            seq, began = shop.trade(), time.monotonic()
            wait_for(api, "balances", shop.company_id, seq, timeout_seconds=5)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.25)
        assert slowest < 2.5
        assert position(owner, shop) == stood
        held = "SELECT count(*) FROM pg_stat_activity WHERE xact_start < now() - interval '2 s' AND datname = current_database()"
        assert owner.execute(held).fetchone()[0] == 0
        relay = next(follower for follower in read_followers(api) if follower.name == "relay")
        assert (relay.behind, relay.parked) == (seq - stood, 0)
        relayed.start()
        wait_until(lambda: position(owner, shop) == seq)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert seqs(messages(relayed), shop.codename) == list(range(1, seq + 1))
    assert [call.args[0] for call in told.calls if call.method_name == "warning"] == ["waiting", "going on"]


def test_a_stream_that_was_deleted_gets_everything_again(open_shop, worker, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)
    with relaying(relayed, worker):
        wait_until(lambda: position(owner, shop) == seq)
        with_stream(relayed, lambda jetstream: jetstream.delete_stream(STREAM))
        seq = shop.trade()
        wait_until(lambda: len(messages(relayed)) == seq)
    assert seqs(messages(relayed), shop.codename) == list(range(1, seq + 1))


def test_a_stream_that_was_made_anew_by_somebody_else_is_noticed(open_shop, worker, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)

    async def make_anew(jetstream) -> None:
        await jetstream.delete_stream(STREAM)
        await jetstream.add_stream(name=STREAM, subjects=["daftar.*.*.*"])

    with relaying(relayed, worker):
        wait_until(lambda: position(owner, shop) == seq)
        with_stream(relayed, make_anew)
        seq = shop.trade()
        wait_until(lambda: sorted(set(seqs(messages(relayed), shop.codename))) == list(range(1, seq + 1)))


def test_a_server_restored_from_an_older_copy_gets_the_rest_again(open_shop, worker, owner, relayed, tmp_path):
    shop, other = open_shop(), open_shop("other", seed=2)
    with relaying(relayed, worker):
        wait_until(lambda: position(owner, shop) == shop.execute())
    relayed.stop()
    store = relayed.directory / "jetstream"
    copy(store, tmp_path / "copy")
    relayed.start()
    with relaying(relayed, worker):
        seq, last = shop.trade(2), other.trade()
        wait_until(lambda: position(owner, shop) == seq and position(owner, other) == last)
    relayed.kill()
    wait_until(lambda: relayed.pid is None)
    shutil.rmtree(store)
    copy(tmp_path / "copy", store)
    relayed.start()
    assert len(messages(relayed)) < seq
    with relaying(relayed, worker):
        wait_until(lambda: len(messages(relayed)) == seq + last)
    found = messages(relayed)
    assert seqs(found, "babil") == list(range(1, seq + 1))
    assert seqs(found, "other") == list(range(1, last + 1))


def test_killed_between_the_publish_and_the_position(open_shop, worker, worker_url, owner, relayed):
    shop = open_shop()
    seq = shop.trade(2)
    child = subprocess.run([sys.executable, str(SCRIPT), worker_url, relayed.url], env={"PYTHONPATH": "."}, timeout=30, check=False)
    assert child.returncode == -signal.SIGKILL
    assert position(owner, shop) == 20, "the second batch's position was rolled back"
    assert len(messages(relayed)) == 40
    with relaying(relayed, worker):
        wait_until(lambda: position(owner, shop) == seq)
    assert seqs(messages(relayed), shop.codename) == list(range(1, seq + 1)), "known by their ids"


def test_nats_killed_again_and_again_under_load(open_shop, worker, owner, relayed):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(2)]
    with relaying(relayed, worker, batch=11), relaying(relayed, worker, batch=7):
        for _ in range(4):
            heads = {shop: shop.trade(3) for shop in shops}
            relayed.kill()
            wait_until(lambda: relayed.pid is None)
            heads = {shop: shop.trade() for shop in shops}
            relayed.start()
        wait_until(lambda: all(position(owner, shop) == seq for shop, seq in heads.items()), 30)
    found = messages(relayed)
    for shop, seq in heads.items():
        assert seqs(found, shop.codename) == list(range(1, seq + 1))


def test_a_server_that_hangs_holds_no_transaction_for_long(open_shop, worker, owner, relayed, monkeypatch):
    monkeypatch.setattr(publisher_module, "PUBLISH_SECONDS", 0.5)
    monkeypatch.setattr(publisher_module, "CONNECT_SECONDS", 0.3)
    shop = open_shop()
    with relaying(relayed, worker, batch=10):
        wait_until(lambda: position(owner, shop) == shop.execute())
        os.kill(relayed.pid, signal.SIGSTOP)
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
            os.kill(relayed.pid, signal.SIGCONT)
        wait_until(lambda: position(owner, shop) == seq)
    assert seqs(messages(relayed), shop.codename) == list(range(1, seq + 1))


def test_what_is_too_large_goes_without_its_data(open_shop, worker, owner, relayed):
    """And what a stream whose limit was lowered under the relay refuses comes after what it did not refuse."""
    shop = open_shop()
    seq = shop.execute()
    with relaying(relayed, worker):
        wait_until(lambda: position(owner, shop) == seq)

        async def lower(jetstream) -> None:
            info = await jetstream.stream_info(STREAM)
            await jetstream.update_stream(info.config.evolve(max_msg_size=8_192))

        with_stream(relayed, lower)
        new = [Command(kind="party_group", action="create", data={"name": name}) for name in ("a", "b")]
        large = Command(kind="invoice", action="create", data={"type": "sales", "notes": "x" * 9_000})
        head = shop.execute(new[0], large, new[1])
        wait_until(lambda: position(owner, shop) == head)
    found = messages(relayed)
    assert seqs(found, shop.codename) == [*range(1, seq + 1), seq + 1, seq + 3, seq + 2]
    event = json.loads(found[-1].data)
    assert (event["topic"], event["oversized"], "data" in event) == ("invoice.issued.v1", True, False)
    assert event["bytes"] > 9_000
    assert found[-1].headers["Daftar-Oversized"] == "true"


def test_the_stream_is_kept_as_the_settings_say(nats_url, relayed):
    with Publisher(relayed.url, Retention(days=0)) as publisher:
        publisher.connect()

    async def info(jetstream):
        return (await jetstream.stream_info(STREAM)).config

    first = with_stream(relayed, info)
    with_stream(relayed, lambda jetstream: jetstream.update_stream(first.evolve(description="ours", max_msgs=1_000_000)))
    with Publisher(relayed.url, Retention(days=7, bytes=10_000_000)) as publisher:
        publisher.connect()
    config = with_stream(relayed, info)
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
    assert position(owner, shop) == 0
