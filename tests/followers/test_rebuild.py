"""Rebuilding: equal to what the write path kept, also under writers, resumed after a kill, and without a hole for readers."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from api.matrix.ready import CHANGES, LAYOUT
from domain.command import Command
from infra.followers import rebuild as rebuilding
from infra.followers.building import RebuildFailed, begin_aside, connect, fold_company, schema_of
from infra.followers.follower import Poisoned, add_positions
from infra.followers.rebuild import rebuild
from infra.followers.runner import Runner
from infra.followers.status import standings
from infra.followers.tables import LIVE, finish_tables
from infra.followers.waiting import wait_for
from infra.processes.worker import projection_followers
from infra.reading.reader import Reader
from infra.sync.rows import SyncRows, Wanted
from infra.verification.read_models import compare
from projections.registry import PROJECTIONS
from tests.followers.test_followers import running

ALL = list(PROJECTIONS)
CLOSED_ACCOUNT = UUID(int=7000)
KILLED = """
import os, signal, sys
from infra.followers import building
from infra.followers import rebuild
advance, left = building.advance, [9]
def few(*args, **kwargs):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return advance(*args, **kwargs)
if __name__ != "__main__":
    building.advance = few
else:
    rebuild.rebuild(sys.argv[1], sys.argv[2:], processes=1, batch=25)
"""


def contents(owner):
    """Every row of every table of the projections."""
    return {
        table.name: sorted(owner.execute(f"SELECT * FROM daftar.{table.name}").fetchall(), key=repr)
        for projection in PROJECTIONS.values()
        for table in projection.tables
        if not table.immaterial
    }


def structure(owner):
    """Everything about the tables that their rows do not show: columns, constraints, indexes, policies, rights, triggers."""
    names = [table.name for projection in PROJECTIONS.values() for table in projection.tables]
    queries = (
        (
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'daftar' AND table_name = ANY(%s)"
        ),
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'daftar' AND tablename = ANY(%s)",
        (
            "SELECT tablename, policyname, roles, qual, with_check FROM pg_policies"
            " WHERE schemaname = 'daftar' AND tablename = ANY(%s)"
        ),
        (
            "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants"
            " WHERE table_schema = 'daftar' AND table_name = ANY(%s)"
        ),
        "SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'daftar'::regnamespace AND relname = ANY(%s)",
        (
            "SELECT event_object_table, trigger_name FROM information_schema.triggers"
            " WHERE trigger_schema = 'daftar' AND event_object_table = ANY(%s)"
        ),
    )
    return [sorted(owner.execute(query, (names,)).fetchall(), key=repr) for query in queries]


def test_replay_equals_live_for_every_table(open_shop, worker, api, owner, settings):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(3)]
    account = {"code": "7000", "name": "Travel", "type": "expense"}
    shops[0].execute(Command(kind="account", action="create", id=CLOSED_ACCOUNT, data=account))
    shops[0].execute(Command(kind="account", action="delete", id=CLOSED_ACCOUNT))
    with running(Runner(worker, projection_followers(), sweep_seconds=0.05)):
        for shop in shops:
            head = shop.trade(8)
            for follower in projection_followers():  # one after the other: each has to have come so far
                wait_for(api, follower.name, shop.company_id, head, timeout_seconds=30)
    rows, shape = contents(owner), structure(owner)
    numbers = owner.execute("SELECT company_id, numbers FROM heads ORDER BY 1").fetchall()
    assert len(rows["records"]) > 500
    assert len(rows["journal_lines"]) > 100
    assert (shops[0].company_id, "account", "code", "7000", CLOSED_ACCOUNT) in rows["unique_values"], "its code is taken for ever"
    reports = rebuild(settings.database_url, ALL, processes=2, batch=100)
    assert [report.projection for report in reports] == ALL
    assert contents(owner) == rows
    assert structure(owner) == shape
    assert owner.execute("SELECT company_id, numbers FROM heads ORDER BY 1").fetchall() == numbers
    assert [report.ok for report in compare(settings.database_url, ALL, processes=1)] == [True] * len(ALL)
    for shop in shops:  # the write path works on the tables that were swapped in
        shop.trade()
    assert [schema for (schema,) in owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'daftar%'")] == [LIVE]


def test_rebuild_under_live_writers_and_readers(open_shop, worker, api, owner, settings):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(3)]
    for shop in shops:
        shop.trade(5)
    stop, errors, written = threading.Event(), [], [0]
    pulled = {shop.company_id: _pull(api, shop) for shop in shops}

    def write(shop) -> None:
        while not stop.is_set():
            try:
                shop.trade()
                written[0] += 1
                time.sleep(0.2)  # writers that never pause outrun what is verified beside them on a small machine
            except Exception as error:  # noqa: BLE001
                errors.append(error)
                return

    def read(shop) -> None:
        while not stop.is_set():
            try:
                count = _pull(api, shop)
                assert count >= pulled[shop.company_id], "a reader saw a hole"
                pulled[shop.company_id] = count
                time.sleep(0.01)
            except Exception as error:  # noqa: BLE001
                errors.append(error)
                return

    threads = [threading.Thread(target=work, args=(shop,)) for shop in shops for work in (write, read)]
    with running(Runner(worker, projection_followers(), sweep_seconds=0.05)):
        for thread in threads:
            thread.start()
        try:
            for names in (ALL, ["records", "balances"]):
                rebuild(settings.database_url, names, processes=2, batch=500)
            reports = compare(settings.database_url, ALL, processes=1)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        for shop in shops:
            wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=30)
    assert errors == []
    assert written[0] > 3
    assert [report.ok for report in reports] == [True] * len(ALL), reports
    assert [report.ok for report in compare(settings.database_url, ALL, processes=1)] == [True] * len(ALL)


def _pull(api, shop) -> int:
    """How many records one statement sees: pages would see a record twice that is written between them."""
    return Reader(api).pull("records", shop.company_id, 0, limit=10_000).count


def test_a_killed_rebuild_is_resumed(open_shop, owner, settings, tmp_path):
    shops = [open_shop(f"shop{n}", seed=n) for n in range(2)]
    for shop in shops:
        shop.trade(12)
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    killed = subprocess.run(
        [sys.executable, str(script), settings.database_url, *ALL], env={"PYTHONPATH": str(Path.cwd())}, timeout=60, check=False
    )
    assert killed.returncode == -9
    rows = contents(owner)
    assert all(standing.rebuilding for standing in standings(owner))
    stood = owner.execute("SELECT follower, sum(seq) FROM positions WHERE follower LIKE '%+rebuild' GROUP BY 1").fetchall()
    assert {int(seq) for _, seq in stood} == {25, 50}, "in the middle of a round"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:  # the server notices that the dead are gone
        if not owner.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'daftar-rebuild'").fetchone()[0]:
            break
        time.sleep(0.05)
    finish_tables(owner, PROJECTIONS["search"], schema_of("search", "rebuild"))  # as one that was killed after that leaves it
    reports = rebuild(settings.database_url, ALL, processes=1, batch=100)
    assert [report.resumed in (25, 50) for report in reports] == [True] * len(ALL)
    tables = [table.name for table in PROJECTIONS["records"].tables if not table.immaterial]
    assert {name: contents(owner)[name] for name in tables} == {name: rows[name] for name in tables}
    assert [report.ok for report in compare(settings.database_url, ALL, processes=0)] == [True] * len(ALL)
    assert not any(standing.rebuilding for standing in standings(owner))


def test_an_event_that_cannot_be_folded_leaves_the_live_tables(open_shop, owner, settings):
    shop = open_shop()
    shop.trade(2)
    seq, data = owner.execute("SELECT seq, data FROM events WHERE topic = 'payment.recorded.v1' LIMIT 1").fetchone()
    rows = contents(owner)
    owner.execute("UPDATE events SET data = '{\"number\": 1' WHERE seq = %s", (seq,))
    with pytest.raises(RebuildFailed, match=f"records: event {seq} of company {shop.company_id} cannot be folded: DecodeError"):
        rebuild(settings.database_url, ["records"], processes=1)
    assert contents(owner) == rows
    both = [PROJECTIONS["tree"], PROJECTIONS["records"]]
    with connect(settings.database_url) as connection:
        for projection in both:
            begin_aside(connection, projection, "verify")
            add_positions(connection, f"{projection.name}+verify")
        with pytest.raises(Poisoned) as poisoned:
            fold_company(connection, both, "verify", shop.company_id, 100, {"tree": seq, "records": seq})
        stood = dict(connection.execute("SELECT follower, seq FROM daftar.positions WHERE follower LIKE '%+verify'").fetchall())
    assert poisoned.value.follower == "records+verify"
    assert stood["records+verify"] < seq
    owner.execute("UPDATE events SET data = %s WHERE seq = %s", (data, seq))
    rebuild(settings.database_url, ["records"], processes=1)
    assert contents(owner) == rows


def test_one_rebuild_of_a_projection_at_a_time(open_shop, settings):
    open_shop()
    with connect(settings.database_url) as other:
        other.execute("SELECT pg_advisory_lock(%s, hashtext('records'))", (rebuilding.REBUILD_LOCK,))
        with pytest.raises(RebuildFailed, match="another process"):
            rebuild(settings.database_url, ["records"], processes=1)


@pytest.mark.parametrize(
    ("tampering", "table", "problem"),
    [
        (
            "UPDATE records SET document = replace(document, 'Tea 1', 'Tee 1') WHERE kind = 'product' AND number = 2",
            "records",
            "different",
        ),
        ("DELETE FROM records WHERE kind = 'product' AND number = 1", "records", "missing"),
        ("UPDATE unique_values SET value = value || 'x' WHERE kind = 'product' AND value LIKE '%-1'", "unique_values", "extra"),
        (
            "UPDATE stock_levels SET quantity = quantity + 1",
            "stock_levels",
            "different",
        ),
        ("UPDATE heads SET numbers = jsonb_set(numbers, '{party}', '99')", "heads", "different"),
    ],
    ids=["changed", "missing", "extra", "stock", "numbers"],
)
def test_verify_finds_rows_that_the_log_does_not_say(open_shop, owner, settings, tampering, table, problem):
    open_shop().trade(2)
    owner.execute(tampering)
    [report] = compare(settings.database_url, ["records"], processes=1)
    assert not report.ok
    assert (table, problem) in {(d.table, d.problem) for d in report.differences}
    rebuild(settings.database_url, ["records"], processes=1)
    assert compare(settings.database_url, ["records"], processes=1)[0].ok


def test_prepared_statements_survive_the_swap(open_shop, api, settings):
    shop = open_shop()
    shop.trade(2)
    reader = Reader(api)
    before = [reader.pull("records", shop.company_id, 0).items for _ in range(10)][-1]
    rebuild(settings.database_url, ["records"], processes=1)
    assert reader.pull("records", shop.company_id, 0).items == before
    assert shop.execute(Command(kind="party", action="update", id=shop.parties[0], data={"phone": "1"})) > 0


def test_no_process_is_left_behind(open_shop, settings):
    open_shop().trade(2)
    rebuild(settings.database_url, ALL, processes=2)
    assert multiprocessing.active_children() == []
    with psycopg.connect(settings.database_url) as connection:
        names = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'daftar-rebuild'").fetchone()
    assert names == (0,)


def test_rows_of_dialects_are_rendered_anew_from_rebuilt_documents(open_shop, api, owner, settings):
    shop = open_shop("rendered", seed=1)
    shop.trade(3)
    rows = SyncRows(api, LAYOUT)
    before = rows.page(shop.company_id, Wanted(CHANGES, 0, 10_000))
    owner.execute("UPDATE daftar.sync_rows SET body = 'stale'")
    rebuild(settings.database_url, ["records"], processes=1)
    assert rows.page(shop.company_id, Wanted(CHANGES, 0, 10_000)) == before
