"""The demo: made once, filled with a real shop's books, never twice, and finished after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import psycopg
import pytest
from bookkeeping import BEGUN
from commands import run_daftar

from domain.command import SYSTEM, Command
from domain.errors import CurrencyMismatch, WrongCredentials
from infra.companies.directory import find_company, get_company, list_companies
from infra.composition import Services
from infra.database import Database, migrate
from infra.demo import BUSINESS, Chinook, TotalsDiffer, ensure_demo, load_chinook, read_chinook
from infra.identity.demo_password import DEMO_EMAIL, DEMO_PASSWORD, is_demo_password
from infra.identity.passwords import Passwords, md5_hex
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.settings import Settings
from infra.store.postgres import PostgresStore

ROOT = Path(__file__).parents[2]
WHOLE_SHOP = {"categories": 25, "customers": 59, "products": 3503, "invoices": 412, "payments": 332, "lines": 2240}
NOTHING = dict.fromkeys(WHOLE_SHOP, 0)


@pytest.fixture
def pool(settings: Settings) -> Iterator[Database]:
    database = Database(settings.api_database_url, size=2).open()
    yield database
    database.close()


@pytest.fixture
def ledger(pool: Database) -> Ledger:
    return Ledger(PostgresStore(pool))


def daftar(settings: Settings, *arguments: str, stdin: str = "", expect: int = 0) -> str:
    """Run a command; returns stdout, or stderr where failing is expected."""
    code, out, err = run_daftar(settings, *arguments, stdin=stdin)
    assert code == expect, err
    return err if expect else out.decode()


def records(pool: Database, company_id: object, kind: str) -> list[dict[str, object]]:
    pages = Reader(pool).record_pages(company_id, 0, [kind])
    return [record for page in pages for record in json.loads(b"[" + page.items + b"]")]


def test_the_demo_is_made_once(settings: Settings, pool: Database, ledger: Ledger) -> None:
    first = ensure_demo(settings)
    assert first.created == ["root", "babil"]
    assert any(DEMO_PASSWORD in line and "demo password" in line for line in first.announcement)
    heads = {company.codename: ledger.store.head(company.id).seq for company in list_companies(pool)}
    assert heads == {"root": BEGUN + 1, "babil": BEGUN + 2}
    second = ensure_demo(settings)
    assert second.created == []
    assert {company.codename: ledger.store.head(company.id).seq for company in list_companies(pool)} == heads


def test_who_may_log_in_to_the_demo(settings: Settings, pool: Database) -> None:
    ensure_demo(settings)
    babil, root = get_company(pool, BUSINESS), get_company(pool, "root")
    assert babil.database_id == 1001
    (company,) = records(pool, babil.id, "company")
    assert company["data"]["package_number"] == 2002
    assert company["data"]["currency"] == "USD"
    (admin,) = records(pool, root.id, "user")
    assert (admin["data"]["email"], admin["data"]["role"]) == (DEMO_EMAIL, "superAdmin")
    owner, till = records(pool, babil.id, "user")
    assert (owner["data"]["email"], owner["data"]["role"]) == (DEMO_EMAIL, "tenantOwner")
    assert till["data"]["username"] == "user1"
    with pool.company(babil.id) as connection:
        hashes = connection.execute("SELECT password_hash, md5_hash FROM credentials").fetchall()
    assert len(hashes) == 2
    for password_hash, md5_hash in hashes:
        assert Passwords().matches(password_hash, DEMO_PASSWORD)
        assert Passwords().matches(md5_hash, md5_hex(DEMO_PASSWORD))


def test_a_start_that_was_cut_off_between_the_companies_is_finished(settings: Settings, ledger: Ledger, pool: Database) -> None:
    data = {"name": "Daftar", "codename": "root", "database_id": 1000}
    ledger.register_company([Command(kind="company", action="create", data=data)])
    assert ensure_demo(settings).created == ["babil"]
    (admin,) = records(pool, get_company(pool, "root").id, "user")
    assert admin["data"]["email"] == DEMO_EMAIL


def test_companies_beside_the_demo_get_numbers_of_their_own(settings: Settings, ledger: Ledger) -> None:
    ensure_demo(settings)
    others = [
        ledger.register_company([Command(kind="company", action="create", data={"name": name, "codename": name})])[1]
        for name in ("one", "two")
    ]
    assert others == [1002, 1003]


def test_a_company_that_took_the_demo_number_keeps_it(settings: Settings, ledger: Ledger) -> None:
    taken = {"name": "Early", "codename": "early", "database_id": 1001}
    ledger.register_company([Command(kind="company", action="create", data=taken)])
    info = ensure_demo(settings)
    assert info.created == ["root", "babil"]
    assert info.database_id == 1002
    assert any("DatabaseId 1002" in line for line in info.announcement)


def test_the_demo_password_is_recognised_in_every_form() -> None:
    assert is_demo_password(DEMO_PASSWORD)
    assert is_demo_password(md5_hex(DEMO_PASSWORD))
    assert is_demo_password(md5_hex(DEMO_PASSWORD).upper())
    assert not is_demo_password("Daftar-demo")
    assert not is_demo_password("")
    assert not is_demo_password("دفتر \ud800")


def test_the_demo_password_opens_nothing_outside_demo_mode(settings: Settings) -> None:
    ensure_demo(settings)

    def log_in(*, demo: bool, password: str = DEMO_PASSWORD, **how: bool) -> str:
        services = Services(msgspec.structs.replace(settings, demo=demo))
        services.database.open()
        try:
            return services.sessions.log_in(BUSINESS, DEMO_EMAIL, password, **how).role
        finally:
            services.threads.close()
            services.database.close()

    assert log_in(demo=True) == "tenantOwner"
    assert log_in(demo=True, password=md5_hex(DEMO_PASSWORD), is_md5=True) == "tenantOwner"
    with pytest.raises(WrongCredentials, match="demo mode only"):
        log_in(demo=False)
    with pytest.raises(WrongCredentials, match="demo mode only"):
        log_in(demo=False, password=md5_hex(DEMO_PASSWORD), is_md5=True)
    daftar(settings, "user", "password", DEMO_EMAIL, "--company", BUSINESS, "--password-stdin", stdin="a real password\n")
    assert log_in(demo=False, password="a real password") == "tenantOwner"


def test_migrating_again_keeps_the_password_that_an_operator_gave_the_role_of_requests(settings: Settings) -> None:
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'daftar_api'"
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("ALTER ROLE daftar_api PASSWORD 'of the deployment'")
        before = connection.execute(stored).fetchone()
        migrate(settings.database_url, settings.secret_key, own_api_role=True)
        assert connection.execute(stored).fetchone() == before
        migrate(settings.database_url, settings.secret_key)
        assert connection.execute(stored).fetchone() != before


def test_the_shop_is_loaded_whole_and_once(settings: Settings, pool: Database, ledger: Ledger) -> None:
    ensure_demo(settings)
    company = get_company(pool, BUSINESS)
    told: dict[str, int] = {}
    report = load_chinook(
        ledger, Reader(pool), company.id, BUSINESS, progress=lambda what, n: told.update({what: told.get(what, 0) + n})
    )
    assert report.added == WHOLE_SHOP
    assert told == {what: count for what, count in WHOLE_SHOP.items() if what != "lines"}
    assert report.total == Decimal("2328.60")
    invoices = records(pool, company.id, "invoice")
    assert [invoice["data"]["status"] for invoice in invoices].count("paid") == 332
    assert sum(Decimal(invoice["data"]["paid"]) for invoice in invoices) == sum(
        (row["Total"] for row in read_chinook().paid()), Decimal(0)
    )
    first = next(i for i in invoices if i["client_id"] == "invoice-1")
    assert first["data"]["invoice_number"] == "CHINOOK-0001"
    assert first["data"]["extra"]["billing"]["City"] == "Stuttgart"
    again = load_chinook(ledger, Reader(pool), company.id, BUSINESS)
    assert again.added == NOTHING
    assert again.already_there == WHOLE_SHOP
    assert again.seq == report.seq == ledger.store.head(company.id).seq


def test_an_invoice_that_differs_from_the_source_is_an_error(settings: Settings, pool: Database, ledger: Ledger) -> None:
    ensure_demo(settings)
    company = get_company(pool, BUSINESS)
    load_chinook(ledger, Reader(pool), company.id, BUSINESS)
    line = {"invoice_id": {"client_id": "invoice-7", "source": "chinook"}, "description": "More", "unit_price": "1"}
    ledger.execute(company.id, [Command(kind="invoice_line", action="create", data=line)], SYSTEM)
    with pytest.raises(TotalsDiffer, match=r"CHINOOK-0007 is 2\.98 here and 1\.98 there"):
        load_chinook(ledger, Reader(pool), company.id, BUSINESS)
    assert "CHINOOK-0007" in daftar(settings, "demo", "load", expect=1)


def test_the_source_itself_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = read_chinook()
    assert isinstance(shop, Chinook)
    real_loads = json.loads

    def with_an_error(text: bytes, **options: object) -> object:
        tables = real_loads(text, **options)
        tables["Invoice"][4]["Total"] += 1
        return tables

    monkeypatch.setattr("infra.demo.chinook.json.loads", with_an_error)
    with pytest.raises(TotalsDiffer, match="invoice 5 says"):
        read_chinook()


def test_the_shop_does_not_fit_into_books_of_another_currency(pool: Database, ledger: Ledger) -> None:
    data = {"name": "E", "codename": "euro", "currency": "EUR"}
    company_id, _, _ = ledger.register_company([Command(kind="company", action="create", data=data)])
    with pytest.raises(CurrencyMismatch, match="EUR"):
        load_chinook(ledger, Reader(pool), company_id, "euro")
    assert ledger.store.head(company_id).seq == BEGUN


def test_an_import_killed_half_way_is_finished_by_running_it_again(settings: Settings, pool: Database, ledger: Ledger) -> None:
    ensure_demo(settings)
    company = get_company(pool, BUSINESS)
    before = ledger.store.head(company.id).seq
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "infra.cli", "demo", "load", "--json"],
        env=os.environ | settings.environment() | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while ledger.store.head(company.id).seq < before + 1_000 and time.monotonic() < deadline:
        assert child.poll() is None, "the import ended before it could be killed"
    child.send_signal(signal.SIGKILL)
    child.wait()
    cut_off_at = ledger.store.head(company.id).seq
    report = json.loads(daftar(settings, "demo", "load", "--json"))
    assert cut_off_at < report["seq"]
    found = {what: report["added"][what] + report["already_there"][what] for what in WHOLE_SHOP}
    assert found == WHOLE_SHOP
    assert report["already_there"]["customers"] == 59
    assert report["added"]["payments"] > 0
    for kind, count in {"party": 59, "product": 3503, "invoice": 412, "invoice_line": 2240, "payment": 332}.items():
        assert ledger.store.head(company.id).numbers[kind] == count
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute("SELECT count(*), max(seq) FROM daftar.events WHERE company_id = %s", (company.id,)).fetchone()
    assert row == (report["seq"], report["seq"])


# The command line ---------------------------------------------------------------------------------


def test_demo_commands(settings: Settings, pool: Database) -> None:
    assert json.loads(daftar(settings, "demo", "create", "--json"))["created"] == ["root", "babil"]
    report = json.loads(daftar(settings, "demo", "load", "--company", "chinook", "--json"))
    assert (report["company"], report["added"]) == ("chinook", WHOLE_SHOP)
    assert "Nothing to add" in daftar(settings, "demo", "load", "--company", "chinook")
    assert find_company(pool, "chinook") is not None
    assert "There is no company 'nowhere'" in daftar(settings, "demo", "load", "--company", "nowhere", expect=2)


def test_company_commands(settings: Settings) -> None:
    made = json.loads(
        daftar(
            settings, "company", "create", "bazaar", "--name", "Bazaar Ltd", "--currency", "EUR", "--time-zone",
            "Europe/Berlin", "--owner", "mina@bazaar.example", "--password-stdin", "--json", stdin="a good password\n",
        )
    )  # fmt: skip
    assert (made["codename"], made["seq"]) == ("bazaar", BEGUN + 1)
    (listed,) = map(json.loads, daftar(settings, "company", "list", "--json").splitlines())
    assert (listed["id"], listed["database_id"]) == (made["id"], made["database_id"])
    shown = json.loads(daftar(settings, "company", "show", "bazaar", "--json"))
    assert (shown["data"]["name"], shown["data"]["currency"], shown["head"]["seq"]) == ("Bazaar Ltd", "EUR", BEGUN + 1)
    assert "Bazaar Ltd" in daftar(settings, "company", "show", "bazaar")
    assert "codename" in daftar(settings, "company", "create", "bazaar", expect=1)
    assert "Neverland" in daftar(settings, "company", "create", "x", "--time-zone", "Neverland", expect=1)
    assert "company_not_found" in daftar(settings, "company", "show", "nowhere", expect=2)


def test_user_commands(settings: Settings, pool: Database) -> None:
    create = ("user", "create", "--company", "root", "--role", "superAdmin", "--email", "ops@example.com")
    assert "demo password" in daftar(settings, *create, "--password-stdin", stdin=f"{DEMO_PASSWORD}\n", expect=2)
    assert "8 to 256" in daftar(settings, *create, "--password-stdin", stdin="short\n", expect=2)
    assert "--password-stdin" in daftar(settings, *create, expect=2)
    made = json.loads(daftar(settings, *create, "--password-stdin", "--json", stdin="a good password\n"))
    assert "value_taken" in daftar(settings, *create, "--password-stdin", stdin="a good password\n", expect=1)
    daftar(settings, "user", "password", "OPS@example.com", "--company", "root", "--password-stdin", stdin="another one, too\n")
    with pool.company(get_company(pool, "root").id) as connection:
        ((stored,),) = connection.execute("SELECT password_hash FROM credentials").fetchall()
    assert Passwords().matches(stored, "another one, too")
    daftar(settings, "user", "deactivate", "ops@example.com", "--company", "root")
    (user,) = map(json.loads, daftar(settings, "user", "list", "--company", "root", "--json").splitlines())
    assert (user["id"], user["is_active"]) == (made["id"], False)
    assert "has no user" in daftar(settings, "user", "deactivate", "nobody@example.com", "--company", "root", expect=1)
    bracketed = (*create[:-1], "bracketed@example.com", "--name", "[/red] Ltd", "--password-stdin")
    assert "[/red] Ltd" in daftar(settings, *bracketed, stdin="a good password\n")
    assert "[/red] Ltd" in daftar(settings, "user", "list", "--company", "root")
    assert "needs an --email" in daftar(settings, "user", "create", "--company", "root", expect=2)


def test_a_new_password_ends_the_sessions(settings: Settings, pool: Database, ledger: Ledger) -> None:
    ensure_demo(settings)
    company = get_company(pool, BUSINESS)
    owner = records(pool, company.id, "user")[0]
    session = {"user_id": owner["id"], "expires_at": "2099-01-01T00:00:00Z"}
    ledger.execute(company.id, [Command(kind="session", action="create", data=session)], SYSTEM)
    arguments = ("user", "password", DEMO_EMAIL, "--company", BUSINESS, "--password-stdin", "--json")
    assert json.loads(daftar(settings, *arguments, stdin="something else\n"))["sessions_ended"] == 1
    assert [record["deleted"] for record in records(pool, company.id, "session")] == [True]


def test_a_database_without_a_schema_is_named(settings: Settings, postgres: object) -> None:
    from infra.embedded import EmbeddedPostgres
    from infra.embedded.postgres import API_ROLE

    assert isinstance(postgres, EmbeddedPostgres)
    empty = msgspec.structs.replace(
        settings, database_url=postgres.url(database="postgres"), api_database_url=postgres.url(API_ROLE, "postgres")
    )
    assert "daftar migrate" in daftar(empty, "company", "list", expect=3)
    assert "daftar migrate" in daftar(empty, "verify", expect=3)
    gone = msgspec.structs.replace(empty, database_url="postgresql://127.0.0.1:1/x", api_database_url="")
    for command in (["company", "list"], ["verify"], ["migrate"]):
        assert "error: " in daftar(gone, *command, expect=3)
