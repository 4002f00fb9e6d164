"""Verifying the chain: whatever a superuser does to a stored event, its seq is named."""

from __future__ import annotations

import json
import threading

import pytest
from commands import run_daftar

from domain.errors import CompanyNotFound
from domain.event import chain_hash
from infra.ids import new_id
from infra.store.rows import select_events
from infra.verification import log as verification
from infra.verification.log import KnownHead, verify_all, verify_chain

pytestmark = pytest.mark.tampers

BAD = 30
LAST, BEYOND = 0, -1
"""The last event of the log; the one after it."""
MINE = "company_id = (SELECT company_id FROM companies WHERE codename = 'babil')"

TAMPERING = {
    "a byte of the data": (
        f"UPDATE events SET data = overlay(data placing 'X' from 3 for 1) WHERE {MINE} AND seq = {BAD}",
        BAD,
    ),
    "white space in the data": (f"UPDATE events SET data = data || ' ' WHERE {MINE} AND seq = {BAD}", BAD),
    "the hash": (f"UPDATE events SET hash = sha256(hash) WHERE {MINE} AND seq = {BAD}", BAD),
    "the hash, cut short": (f"UPDATE events SET hash = '' WHERE {MINE} AND seq = {BAD}", BAD),
    "the time": (f"UPDATE events SET recorded_at = recorded_at + interval '1 us' WHERE {MINE} AND seq = {BAD}", BAD),
    "when it was done": (f"UPDATE events SET occurred_at = occurred_at - interval '1 day' WHERE {MINE} AND seq = {BAD}", BAD),
    "who did it": (f"UPDATE events SET actor_id = gen_random_uuid() WHERE {MINE} AND seq = {BAD}", BAD),
    "the device": (f"UPDATE events SET device_id = gen_random_uuid() WHERE {MINE} AND seq = {BAD}", BAD),
    "the command": (f"UPDATE events SET command_id = gen_random_uuid() WHERE {MINE} AND seq = {BAD}", BAD),
    "the correlation": (f"UPDATE events SET correlation_id = NULL WHERE {MINE} AND seq = {BAD}", BAD),
    "the record": (f"UPDATE events SET record_id = gen_random_uuid() WHERE {MINE} AND seq = {BAD}", BAD),
    "the version": (f"UPDATE events SET version = version + 7 WHERE {MINE} AND seq = {BAD}", BAD),
    "the kind": (f"UPDATE events SET kind = 'party' WHERE {MINE} AND seq = {BAD}", BAD),
    "the topic": (f"UPDATE events SET topic = topic || 'x' WHERE {MINE} AND seq = {BAD}", BAD),
    "dropped": (f"DELETE FROM events WHERE {MINE} AND seq = {BAD}", BAD),
    "the first dropped": (f"DELETE FROM events WHERE {MINE} AND seq = 1", 1),
    "the last dropped": (f"DELETE FROM events WHERE {MINE} AND seq = (SELECT seq FROM heads WHERE {MINE})", LAST),
    "reordered": (
        (
            f"UPDATE events SET seq = seq + 1000000 WHERE {MINE} AND seq = {BAD};"
            f"UPDATE events SET seq = {BAD} WHERE {MINE} AND seq = {BAD} + 1;"
            f"UPDATE events SET seq = {BAD} + 1 WHERE {MINE} AND seq = {BAD} + 1000000"
        ),
        BAD,
    ),
    "moved up after a drop": (
        (
            f"DELETE FROM events WHERE {MINE} AND seq = {BAD};"
            f"UPDATE events SET seq = seq + 1000000 WHERE {MINE} AND seq > {BAD};"
            f"UPDATE events SET seq = seq - 1000001 WHERE {MINE} AND seq > 1000000"
        ),
        BAD,
    ),
    "given to another company": (f"UPDATE events SET company_id = gen_random_uuid() WHERE {MINE} AND seq = {BAD}", BAD),
    "added beyond the head": (
        (
            f"INSERT INTO events SELECT company_id, seq + 1, gen_random_uuid(), 1, kind, topic, data, recorded_at, occurred_at,"
            f" NULL, NULL, NULL, NULL, hash FROM events WHERE {MINE} ORDER BY seq DESC LIMIT 1"
        ),
        BEYOND,
    ),
    "the head's hash": (f"UPDATE heads SET hash = sha256(hash) WHERE {MINE}", LAST),
    "the head moved back": (f"UPDATE heads SET seq = seq - 1 WHERE {MINE}", LAST),
}


@pytest.mark.parametrize(("statements", "bad"), TAMPERING.values(), ids=list(TAMPERING))
def test_every_tampering_is_found_at_its_first_event(open_shop, api, owner, statements, bad):
    shop, other = open_shop("babil"), open_shop("other", seed=2)
    head = shop.trade(2)
    assert verify_chain(api, shop.company_id).ok
    for statement in statements.split(";"):
        owner.execute(statement)
    report = verify_chain(api, shop.company_id)
    assert report.first_bad_seq == (bad if bad > 0 else head - bad)
    assert verify_chain(api, other.company_id).ok
    if bad > 1:
        assert verify_chain(api, shop.company_id, until=bad - 1).ok


def test_stretches_in_parallel_find_the_same(open_shop, owner, worker_url, monkeypatch):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(3)]
    for shop in shops:
        shop.trade(3)
    monkeypatch.setattr(verification, "STRETCH", 17)
    companies = [shop.company_id for shop in shops]
    told = []
    reports = list(verify_all(worker_url, companies, processes=2, progress=told.append))
    assert all(report.ok for report in reports)
    assert sum(told) == sum(report.events for report in reports)
    for seq in (34, 35, 51, 90):  # before, on and after the edge of a stretch; the first counts
        owner.execute("UPDATE events SET data = data || ' ' WHERE company_id = %s AND seq = %s", (shops[1].company_id, 140 - seq))
        found = {report.company_id: report.first_bad_seq for report in verify_all(worker_url, companies, processes=2)}
        assert found == {shops[0].company_id: None, shops[1].company_id: 140 - seq, shops[2].company_id: None}


def test_a_log_that_was_rewritten_with_its_hashes_is_found_by_an_exported_head(open_shop, api, owner, worker_url):
    shop = open_shop()
    head = shop.trade()
    exported = verify_chain(api, shop.company_id).head_hash
    events = select_events(owner, shop.company_id, 0, 10_000)
    previous = events[BAD - 2].hash
    for event in events[BAD - 1 :]:
        changed = {"data": event.data.replace(b"Rent", b"Loot")}
        previous = chain_hash(previous, type(event)(**{**{f: getattr(event, f) for f in event.__struct_fields__}, **changed}))
        owner.execute(
            "UPDATE events SET data = %s, hash = %s WHERE company_id = %s AND seq = %s",
            (changed["data"].decode(), previous, shop.company_id, event.seq),
        )
    owner.execute("UPDATE heads SET hash = %s WHERE company_id = %s", (previous, shop.company_id))
    assert verify_chain(api, shop.company_id).ok
    [report] = verify_all(worker_url, [shop.company_id], processes=1, known_head=KnownHead(head, exported))
    assert (report.first_bad_seq, report.reason) == (head, "the log up to here is not the one whose head was exported")


def test_verifying_beside_writers_finds_nothing(open_shop, api):
    shop, stop = open_shop(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            shop.trade()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert all(verify_chain(api, shop.company_id).ok for _ in range(10))
    finally:
        stop.set()
        thread.join(20)


def test_an_unknown_company_is_not_found(open_shop, api):
    open_shop()
    with pytest.raises(CompanyNotFound):
        verify_chain(api, new_id())


def test_the_command_line(open_shop, owner, settings):
    shop = open_shop()
    head = shop.trade()
    code, out, _ = run_daftar(settings, "verify", "--json")
    assert code == 0
    line = json.loads(out)
    assert (line["company"], line["ok"], line["events"]) == ("babil", True, head)
    exported = f"{line['head']['hash']}@{line['head']['seq']}"
    assert run_daftar(settings, "verify", "--company", "babil", "--head", exported)[0] == 0
    assert run_daftar(settings, "verify", "--company", "babil", "--head", f"{'0' * 64}@3")[0] == 1
    for wrong in (["--head", exported], ["--company", "nobody"], ["--company", "babil", "--head", "x@3"], ["--what"]):
        assert run_daftar(settings, "verify", *wrong)[0] == 2
    assert run_daftar(settings, "projections", "rebuild", "--all", "--json")[0] == 0
    assert run_daftar(settings, "projections", "verify", "--all")[0] == 0
    assert b"balances" in run_daftar(settings, "projections", "list")[1]
    code, out, _ = run_daftar(settings, "projections", "status", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    assert json.loads(run_daftar(settings, "projections", "retry", "balances", "--json")[1]) == []
    for wrong in (["rebuild"], ["rebuild", "nothing"], ["verify", "records", "--all"], ["retry", "nothing"]):
        assert run_daftar(settings, "projections", *wrong)[0] == 2
    code, out, _ = run_daftar(settings, "events", "tail", "--company", "babil", "--after", "0", "--json")
    assert [json.loads(line)["seq"] for line in out.splitlines()] == list(range(1, head + 1))
    assert run_daftar(settings, "events", "tail")[0] == 0
    owner.execute("UPDATE events SET data = data || ' ' WHERE seq = 12")
    owner.execute("DELETE FROM records WHERE kind = 'product' AND number = 1")
    code, out, _ = run_daftar(settings, "verify")
    assert code == 1
    assert b"event 12" in out
    assert run_daftar(settings, "projections", "verify", "records")[0] == 1
