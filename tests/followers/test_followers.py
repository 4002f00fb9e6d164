"""Following: exactly once whoever is killed, parked where an event is poison, new companies found, lost hints made good."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest

from infra.followers.follower import ProjectionFollower, add_positions, advance, advance_or_park, retry
from infra.followers.hints import SUBJECT, Hints, NatsHints
from infra.followers.runner import Runner
from infra.followers.status import heartbeats, standings
from infra.followers.waiting import ProjectionBehind, wait_for
from infra.processes.worker import projection_followers, run_worker
from infra.verification.read_models import compare
from projections.balances import BalancesProjection

SCRIPT = Path(__file__).parent / "run_follower.py"


@contextmanager
def running(runner):
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        runner.hints.wake()
        thread.join(20)
        assert not thread.is_alive()


def assert_equal_to_the_log(settings, *names: str):
    for report in compare(settings.database_url, names or ["balances"], processes=1):
        assert report.ok, report.differences


class Poison(BalancesProjection):
    """Cannot fold one event until it is cured."""

    def __init__(self, company_id, seq) -> None:
        self.company_id, self.seq = company_id, seq
        self.cured = False

    def fold(self, company_id, events, view):
        if not self.cured and company_id == self.company_id and any(event.seq == self.seq for event in events):
            raise ValueError("no such\naccount")
        return super().fold(company_id, events, view)


def test_exactly_once_with_four_workers_killed_in_the_middle(open_shop, worker_url, api, settings, owner):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(3)]
    chance = random.Random(5)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(SCRIPT), worker_url, "7"], cwd=Path.cwd(), env={"PYTHONPATH": "."})

    workers = [start() for _ in range(4)]
    try:
        for _ in range(12):
            for shop in shops:
                shop.trade()
            time.sleep(0.15)
            victim = chance.randrange(4)
            workers[victim].kill()
            workers[victim].wait()
            workers[victim] = start()
        for shop in shops:
            wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=60)
    finally:
        for one in workers:
            one.kill()
            one.wait()
    assert owner.execute("SELECT count(*) FROM journal_lines").fetchone()[0] > 500
    assert_equal_to_the_log(settings)


def test_a_poisoned_event_parks_its_company_alone_and_retry_goes_on(open_shop, worker, owner, settings):
    bad, good = open_shop("bad"), open_shop("good", seed=2)
    bad.trade(3), good.trade(3)
    seq = owner.execute(
        "SELECT min(seq) FROM events WHERE company_id = %s AND kind = 'payment' AND seq > 60", (bad.company_id,)
    ).fetchone()[0]
    projection = Poison(bad.company_id, seq)
    follower = ProjectionFollower(projection)
    with worker.connection() as connection:
        add_positions(connection, "balances")
        for shop in (bad, good):
            while (advanced := advance_or_park(connection, follower, shop.company_id)) and advanced.behind:
                pass
    assert owner.execute(
        "SELECT seq, parked_seq, parked_error FROM positions WHERE company_id = %s", (bad.company_id,)
    ).fetchone() == (
        seq - 1,
        seq,
        "ValueError: no such",
    )
    assert owner.execute("SELECT max(seq) < %s FROM journal_lines WHERE company_id = %s", (seq, bad.company_id)).fetchone()[0]
    [parked] = standings(owner)[1].parked
    assert (parked.codename, parked.seq) == ("bad", seq)
    assert standings(owner)[1].companies_behind == 1
    with pytest.raises(ProjectionBehind) as caught:
        wait_for(worker, "balances", bad.company_id, seq, timeout_seconds=30)  # at once: it will not get there
    assert caught.value.details["parked_seq"] == seq
    projection.cured = True
    with worker.connection() as connection:
        assert advance_or_park(connection, follower, bad.company_id) is None  # parked is parked
        assert retry(connection, "balances") == [(bad.company_id, seq)]
        while advance(connection, follower, bad.company_id).behind:
            pass
    assert_equal_to_the_log(settings)


def test_new_companies_are_found_and_lost_hints_made_good(open_shop, worker, api):
    with running(Runner(worker, projection_followers(), sweep_seconds=0.1)):
        shop = open_shop("late")
        assert wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=10) > 0


def test_a_hint_does_not_wait_for_the_sweep(open_shop, worker, api):
    shop, hints = open_shop(), Hints()
    with running(Runner(worker, projection_followers(), hints=hints, sweep_seconds=3600)):
        wait_for(api, "balances", shop.company_id, 1, timeout_seconds=10)  # the first sweep
        seq = shop.trade()
        with pytest.raises(ProjectionBehind):
            wait_for(api, "balances", shop.company_id, seq, timeout_seconds=0.3)
        hints.tell(shop.company_id, seq)
        wait_for(api, "balances", shop.company_id, seq, timeout_seconds=10)


def test_hints_come_over_nats(nats_url):
    hints, told = Hints(), "01a1f885-1c2e-7a2d-a103-7fc9b24b463a"

    async def publish() -> None:
        client = await nats.connect(nats_url)
        await client.publish(SUBJECT, b"rubbish")
        await client.publish(SUBJECT, json.dumps({"company_id": told, "seq": 7}).encode())
        await client.flush()
        await client.close()

    with NatsHints(nats_url, hints):
        deadline = time.monotonic() + 10
        found = set()
        while not found and time.monotonic() < deadline:
            asyncio.run(publish())
            found = hints.take(0.2)
    assert [str(company_id) for company_id in found] == [told]


def test_a_worker_process_follows_and_gives_signs_of_life(open_shop, settings, api, owner):
    shop, stop = open_shop(), threading.Event()
    thread = threading.Thread(target=run_worker, args=(settings, stop))
    thread.start()
    try:
        wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=10)
        beats = heartbeats(owner)
        assert len(beats) == 3, "what folds the read models, and the two relays"
        assert all(beat.age_seconds < 5 for beat in beats)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert heartbeats(owner) == []
    assert standings(owner)[1].behind == 0


def test_the_lease_lets_one_worker_in(open_shop, worker):
    shop = open_shop()
    follower = ProjectionFollower(BalancesProjection())
    with worker.connection() as one, worker.connection() as other:
        add_positions(one, "balances")
        with one.transaction():
            one.execute("SELECT 1 FROM positions WHERE company_id = %s FOR UPDATE", (shop.company_id,))
            assert advance(other, follower, shop.company_id) is None
        assert advance(other, follower, shop.company_id).seq > 0


def test_requests_cannot_write_what_followers_keep(open_shop, api):
    shop = open_shop()
    with api.company(shop.company_id) as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute("DELETE FROM account_balances")
