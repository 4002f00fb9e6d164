"""Analysts' own projections: a file is enough, a bad one harms nobody; upgrades replace tables while readers and writers go on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from checking import catch_up, check_books

from domain.errors import ProjectionBehind
from infra.followers.building import RebuildFailed
from infra.followers.follower import Outdated, ProjectionFollower, add_positions, advance, advance_or_park
from infra.followers.rebuild import rebuild
from infra.followers.runner import Runner
from infra.followers.status import abandoned, standings
from infra.followers.tables import drop_projection, install, outdated
from infra.followers.waiting import wait_for
from infra.observability.health import read_problems
from infra.processes.worker import projection_followers
from infra.verification.read_models import compare
from projections.analyst import FileProblem, load_file
from projections.registry import PROJECTIONS, discover
from tests.followers.test_followers import running

COUNTS = """
from projections.own import Rows, Table, changes_of

COUNTS = Table(name="counts", columns={"kind": "text", "events": "bigint"}, key=("kind",))


class Counts:
    name, version, kinds, tables = "counts", 1, frozenset({"invoice", "payment"}), (COUNTS,)

    def fold(self, company_id, events, view):
        counts = Rows(view, COUNTS)
        for event in events:
            counts.add(event.kind, events=1)
        return changes_of(counts)
"""
COUNTS_2 = (
    COUNTS.replace('"counts", 1', '"counts", 2')
    .replace("(COUNTS,)", "(COUNTS, TOPICS)")
    .replace('"events": "bigint"}', '"events": "bigint", "last": "bigint"}')
    .replace("class C", 'TOPICS = Table(name="topics", columns={"topic": "text", "events": "bigint"}, key=("topic",))\n\n\nclass C')
    .replace("        for event", "        topics = Rows(view, TOPICS)\n        for event")
    .replace("            counts.add", "            counts.put(event.kind, last=event.seq)\n            counts.add")
    .replace("            counts.add", "            topics.add(event.topic, events=1)\n            counts.add")
    .replace("changes_of(counts)", "changes_of(counts, topics)")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "projections.d"
    found.mkdir()
    return found


def write(folder: Path, source: str, name: str = "counts"):
    (folder / f"{name}.py").write_text(source)
    return discover(folder)


def rows(owner, table="counts"):
    return owner.execute(f"SELECT * FROM analysis.{table} ORDER BY 1, 2").fetchall()


def test_a_file_is_followed_rebuilt_and_verified_as_any_other(open_shop, worker, api, owner, settings, folder):
    registry = write(folder, COUNTS)
    assert registry.problems == ()
    install(owner, registry)
    shop = open_shop()
    with running(Runner(worker, projection_followers(registry), sweep_seconds=0.05)):
        wait_for(api, "counts", shop.company_id, shop.trade(3), timeout_seconds=30, registry=registry)
    kept = rows(owner)
    counted = owner.execute(
        "SELECT company_id, kind, count(*) FROM events WHERE kind IN ('invoice', 'payment') GROUP BY 1, 2 ORDER BY 2"
    )
    assert kept == counted.fetchall()
    [report] = compare(settings.database_url, ["counts"], processes=1, registry=registry)
    assert (report.ok, report.rows) == (True, 2)
    owner.execute("UPDATE analysis.counts SET events = events + 1 WHERE kind = 'payment'")
    [report] = compare(settings.database_url, ["counts"], processes=0, registry=registry)
    assert [(d.table, d.key, d.problem) for d in report.differences] == [("counts", "payment", "different")]
    rebuild(settings.database_url, ["counts"], processes=1, registry=registry)
    assert rows(owner) == kept
    with api.company(shop.company_id) as mine:
        assert len(mine.execute("SELECT * FROM analysis.counts").fetchall()) == 2
    with api.connection() as nobody:
        assert nobody.execute("SELECT * FROM analysis.counts").fetchall() == []
    assert drop_projection(owner, "counts") == ["counts"]
    assert owner.execute("SELECT to_regclass('analysis.counts')").fetchone() == (None,)
    assert owner.execute("SELECT count(*) FROM positions WHERE follower LIKE 'counts%'").fetchone() == (0,)


def test_a_new_file_is_brought_to_life_by_a_rebuild_and_left_behind_without_one(open_shop, worker, owner, settings, folder):
    shop = open_shop()
    shop.trade()
    registry = write(folder, COUNTS)
    assert [one.name for one in standings(owner, registry) if one.needs_rebuild] == ["counts"]
    rebuild(settings.database_url, ["counts"], processes=1, registry=registry)
    assert outdated(owner, registry) == []
    (folder / "counts.py").unlink()
    assert abandoned(owner, discover(folder)) == ["counts"]


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("class Counts:", "class Counts"), 7, "SyntaxError"),
        (("Rows, Table", "Rows, Tables"), 2, "ImportError"),
        (("(COUNTS,)\n", "(COUNTS, 7)\n"), 7, "tables holds 7, which is no Table"),
        (('"bigint"', '"money"'), 7, "column 'events' has the type 'money'"),
        (('key=("kind",)', 'key=("kinds",)'), 7, "'kinds' is not one of its columns"),
        (('"counts", 1', '"counts", "1"'), 7, "version is '1'"),
        (('"counts", 1', '"Counts", 1'), 7, "the name 'Counts'"),
        (('"counts", 1', '"records", 1'), 7, "the name 'records' is taken by Daftar"),
        (('"counts", 1', '"relay", 1'), 7, "the name 'relay' is taken"),
        (('name="counts"', 'name="events; --"'), 7, "its name is not"),
        (('name="counts"', 'name="records"'), 7, "the table 'records' is one of Daftar"),
        (('"invoice", ', '"invoices", '), 7, "there is no kind 'invoices'"),
        (("def fold", "def folds"), 7, "it has no fold"),
        (("class Counts", "raise ValueError('no')\nclass Counts"), 7, "ValueError: no"),
        (("class Counts", "import sys; sys.exit(3)\nclass Counts"), 7, "SystemExit"),
        (("class Counts:", "class Counts:\n    def __init__(self, x): ...\n"), 7, "TypeError"),
        (("class Counts:", "def counts():"), None, "no projection"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_left_out(folder, change, line, message):
    assert change[0] in COUNTS
    write(folder, "nothing = 1 +", "aaa")
    registry = write(folder, COUNTS.replace(*change))
    write(folder, COUNTS.replace('"counts"', '"other"'), "other")
    registry = discover(folder)
    assert list(registry.projections) == [*PROJECTIONS, "other"]
    first, problem = registry.problems
    assert (first.file.name, first.line) == ("aaa.py", 1)
    assert (problem.file.name, problem.line) == ("counts.py", line)
    assert message in str(problem)


def test_two_files_cannot_have_the_same_name_or_table(folder):
    write(folder, COUNTS, "a")
    write(folder, COUNTS, "b")
    write(folder, COUNTS.replace('"counts", 1', '"third", 1'), "c")
    registry = discover(folder)
    assert registry.file_of("counts").name == "a.py"
    assert ["taken by a.py" in str(registry.problems[0]), "one of a.py" in str(registry.problems[1])] == [True, True]


def test_a_file_that_cannot_be_read_is_a_problem(folder):
    (folder / "latin.py").write_bytes("# é".encode("latin-1"))
    with pytest.raises(FileProblem, match="not UTF-8"):
        load_file(folder / "latin.py")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("counts.add(event.kind, events=1)", "1 / 0"), "counts.py, line 13: ZeroDivisionError"),
        (("return changes_of(counts)", "return None"), "fold answers with NoneType"),
        (("Rows(view, COUNTS)", 'Rows(view, Table("x", {"a": "text"}, ("a",)))'), "is not among the tables"),
        (("counts.add(event.kind, events=1)", "counts.add(event.kind, event=1)"), "has no column 'event'"),
    ],
)
def test_a_fold_that_fails_parks_with_file_and_line_and_is_tried_again(open_shop, worker, owner, settings, folder, change, message):
    registry = write(folder, COUNTS.replace(*change))
    install(owner, registry)
    shop = open_shop()
    shop.trade()
    with worker.connection() as connection:
        for follower in projection_followers(registry):
            add_positions(connection, follower.name)
            while (advanced := advance_or_park(connection, follower, shop.company_id)) is not None and advanced.behind:
                pass
    by_name = {one.name: one for one in standings(owner, registry)}
    assert message in by_name["counts"].parked[0].error
    assert by_name["balances"].parked == []
    with pytest.raises(RebuildFailed, match="counts: event"):
        rebuild(settings.database_url, ["counts"], processes=1, registry=registry)
    rebuild(settings.database_url, ["counts"], processes=1, registry=write(folder, COUNTS))  # from the start, by the new file
    check_books(settings.database_url)


def test_tables_that_the_database_refuses_harm_nobody(open_shop, owner, settings, folder):
    source = COUNTS.replace('key=("kind",))', 'key=("kind",), indexes=(Index("i", "nonsense"),))').replace("Rows,", "Index, Rows,")
    registry = write(folder, source)
    install(owner, registry)
    assert [one.name for one in outdated(owner, registry)] == ["counts"]
    open_shop()
    with pytest.raises(RebuildFailed, match=r"counts\.py cannot be made.*nonsense"):
        rebuild(settings.database_url, ["counts"], processes=1, registry=registry)


# Upgrades -----------------------------------------------------------------------------------------


def test_an_upgrade_adds_tables_and_columns_while_readers_and_writers_go_on(open_shop, worker, api, owner, settings, folder):
    old = write(folder, COUNTS)
    install(owner, old)
    shop = open_shop()
    shop.trade(2)
    catch_up(settings.database_url, [shop.company_id], old)
    new = write(folder, COUNTS_2)
    assert [problem.reason for problem in new.problems] == []
    stop, errors = threading.Event(), []

    def go_on() -> None:
        try:
            while not stop.is_set():
                shop.trade()
                with api.company(shop.company_id) as connection:
                    assert len(connection.execute("SELECT kind, events FROM analysis.counts").fetchall()) == 2, "a hole"
                time.sleep(0.02)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    both = [*projection_followers(old), *projection_followers(new)]
    try:
        with running(Runner(worker, both, sweep_seconds=0.05)):
            rebuild(settings.database_url, ["counts"], processes=1, batch=100, registry=new)
            time.sleep(0.3)
            stop.set()
            thread.join(30)
            wait_for(api, "counts", shop.company_id, shop.trade(), timeout_seconds=30, registry=new)
    finally:
        stop.set()
        thread.join(30)
    assert errors == []
    assert [report.ok for report in compare(settings.database_url, ["counts"], processes=0, registry=new)] == [True]
    events = owner.execute("SELECT sum(events)::int FROM analysis.topics").fetchone()
    assert owner.execute("SELECT count(*)::int FROM events WHERE kind IN ('invoice', 'payment')").fetchone() == events
    rebuild(settings.database_url, ["counts"], processes=1, registry=write(folder, COUNTS))  # and back: the table goes
    assert owner.execute("SELECT to_regclass('analysis.topics')").fetchone() == (None,)


def test_tables_of_another_version_are_left_alone_and_readers_are_told(open_shop, worker, api, owner, settings):
    shop = open_shop()
    seq = shop.trade()
    catch_up(settings.database_url, [shop.company_id])
    shop.trade()
    kept = owner.execute("SELECT count(*) FROM journal_lines").fetchone()
    owner.execute("UPDATE daftar.projections SET version = 1 WHERE name = 'balances'")
    follower = ProjectionFollower(PROJECTIONS["balances"])
    with worker.connection() as connection, pytest.raises(Outdated, match="needs a rebuild"):
        advance(connection, follower, shop.company_id)
    with running(Runner(worker, [follower], sweep_seconds=0.05)):
        time.sleep(0.3)
    assert owner.execute("SELECT count(*) FROM journal_lines").fetchone() == kept
    assert {one.name: (one.needs_rebuild, one.parked) for one in standings(owner)}["balances"] == (True, [])
    with pytest.raises(ProjectionBehind, match="brought to this version"):
        wait_for(api, "balances", shop.company_id, seq)
    assert ["balances: another version" in problem for problem in read_problems(api)] == [True]
    with pytest.raises(RebuildFailed, match="needs a rebuild first"):
        compare(settings.database_url, ["balances"], processes=0)
    rebuild(settings.database_url, ["balances"], processes=1)
    assert read_problems(api) == []
    check_books(settings.database_url)


def test_a_database_of_version_one_of_balances_is_upgraded(open_shop, worker, api, owner, settings):
    """As the first release left it: fewer tables, fewer columns."""
    shop = open_shop()
    shop.trade(2)
    owner.execute("DROP TABLE account_days, account_months")
    owner.execute("ALTER TABLE journal_lines DROP COLUMN document_id, DROP COLUMN due, DROP COLUMN place_id")
    tables = "{journal_lines,account_balances,posted_facts}"
    owner.execute("UPDATE daftar.projections SET version = 1, tables = %s WHERE name = 'balances'", (tables,))
    rebuild(settings.database_url, ["balances"], processes=1)
    with running(Runner(worker, projection_followers(), sweep_seconds=0.05)):
        wait_for(api, "balances", shop.company_id, shop.trade(), timeout_seconds=30)
    check_books(settings.database_url)


def test_what_was_built_on_the_tables_is_not_silently_lost(open_shop, owner, settings):
    open_shop()
    owner.execute("CREATE VIEW public.mine AS SELECT * FROM daftar.account_balances")
    with pytest.raises(RebuildFailed, match=r"drop that first.*mine"):
        rebuild(settings.database_url, ["balances"], processes=1)
    owner.execute("DROP VIEW public.mine")
    rebuild(settings.database_url, ["balances"], processes=1)
