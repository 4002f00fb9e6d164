"""The analysts' example on the imported shop: to the cent what the shop's own rows come to, also after the books have changed."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from domain.command import SYSTEM, Command
from infra.cli.main import daftar
from infra.companies.directory import get_company
from infra.database import Database
from infra.demo import BUSINESS, ensure_demo, load_chinook, read_chinook
from infra.followers.rebuild import rebuild
from infra.ledger import Ledger
from infra.observability.health import read_problems
from infra.reading.reader import Reader
from infra.settings import Settings
from infra.store.postgres import PostgresStore
from infra.verification.read_models import compare
from projections.registry import discover

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "revenue_by_genre.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "projections.d"
    found.mkdir()
    return found


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    pool = Database(settings.api_database_url, size=2).open()
    yield Ledger(PostgresStore(pool))
    pool.close()


def run(settings: Settings, folder: Path, *arguments: str) -> Result:
    environment = settings.environment() | {"DAFTAR_PROJECTIONS_DIR": str(folder)}
    return CliRunner().invoke(daftar, arguments, env=environment, standalone_mode=False)


def revenue_of_the_source() -> dict[tuple[str, str], Decimal]:
    """(month, genre) → revenue, from the shop's own rows."""
    shop = read_chinook()
    genres = {row["GenreId"]: row["Name"] for row in shop.genres}
    genre_of = {row["TrackId"]: genres[row["GenreId"]] for row in shop.tracks}
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for invoice in shop.invoices:
        for line in shop.lines[invoice["InvoiceId"]]:
            found[invoice["InvoiceDate"][:7] + "-01", genre_of[line["TrackId"]]] += line["UnitPrice"] * line["Quantity"]
    assert sum(found.values()) == sum(row["Total"] for row in shop.invoices) == Decimal("2328.60")
    return found


def revenue_kept(settings: Settings) -> dict[tuple[str, str], Decimal]:
    with psycopg.connect(settings.database_url) as connection:
        rows = connection.execute("SELECT month::text, genre, revenue FROM analysis.revenue_by_genre WHERE revenue <> 0")
        return {(month, genre): revenue for month, genre, revenue in rows}


def test_revenue_by_genre_equals_the_source_to_the_cent(settings: Settings, folder: Path, ledger: Ledger) -> None:
    ensure_demo(settings)
    company = get_company(ledger.store.database, BUSINESS)
    load_chinook(ledger, Reader(ledger.store.database), company.id, BUSINESS)
    shutil.copy(EXAMPLE, folder)
    registry = discover(folder)
    assert registry.problems == ()
    rebuild(settings.database_url, ["revenue_by_genre"], processes=1, registry=registry)
    expected = revenue_of_the_source()
    assert revenue_kept(settings) == expected
    # What is corrected later moves with the books
    (invoice, line), *_ = _invoices(ledger, company.id)
    ledger.execute(
        company.id, [Command(kind="invoice", action="update", id=UUID(invoice["id"]), data={"issue_date": "2001-02-03"})], SYSTEM
    )
    ledger.execute(company.id, [Command(kind="invoice_line", action="update", id=UUID(line["id"]), data={"quantity": 5})], SYSTEM)
    rebuild(settings.database_url, ["revenue_by_genre"], processes=1, registry=registry)
    kept = revenue_kept(settings)
    net, whole = Decimal(line["data"]["net"]), Decimal(invoice["data"]["net"])
    assert sum(kept.values()) == sum(expected.values()) + 4 * net
    assert sum(amount for (at, _), amount in kept.items() if at == "2001-02-01") == whole + 4 * net
    ledger.execute(company.id, [Command(kind="invoice", action="delete", id=UUID(invoice["id"]))], SYSTEM)
    rebuild(settings.database_url, ["revenue_by_genre"], processes=1, registry=registry)
    assert sum(revenue_kept(settings).values()) == sum(expected.values()) - whole
    assert compare(settings.database_url, ["revenue_by_genre"], processes=0, registry=registry)[0].ok


def _invoices(ledger: Ledger, company_id: object) -> Iterator[tuple[dict, dict]]:
    def records(kind: str) -> list[dict]:
        pages = Reader(ledger.store.database).record_pages(company_id, 0, [kind])
        return [record for page in pages for record in json.loads(b"[" + page.items + b"]")]

    lines = records("invoice_line")
    for invoice in records("invoice"):
        yield invoice, next(line for line in lines if line["data"]["invoice_id"] == invoice["id"])


def test_the_commands_of_an_analyst(settings: Settings, folder: Path, ledger: Ledger) -> None:
    ensure_demo(settings)
    made = run(settings, folder, "projections", "new", "months", "--kinds", "company,user")
    assert made.stdout.strip() == str(folder / "months.py"), made.exception
    assert "there already" in str(run(settings, folder, "projections", "new", "months").exception)
    assert "taken by Daftar" in str(run(settings, folder, "projections", "new", "relay").exception)
    assert "no kind 'x'" in str(run(settings, folder, "projections", "new", "other", "--kinds", "x").exception)
    assert "lower-case" in str(run(settings, folder, "projections", "new", "../x").exception)
    assert run(settings, folder, "projections", "status").return_value == 1
    assert "not been made" in str(run(settings, folder, "projections", "show", "months").exception)
    rebuilt = run(settings, folder, "projections", "rebuild", "months", "--processes", "1")
    assert rebuilt.exception is None
    shown = run(settings, folder, "projections", "show", "months", "--json", "--company", BUSINESS)
    assert '"topic":"company.registered.v1","events":1' in shown.stdout
    assert "equal" in run(settings, folder, "projections", "verify", "months", "--processes", "1").stdout
    assert run(settings, folder, "projections", "retry", "months").exception is None
    (folder / "broken.py").write_text("x = (\n")
    listed = run(settings, folder, "projections", "list")
    assert listed.return_value == 1
    assert "months" in listed.stdout
    assert f"left out: {folder / 'broken.py'}, line 1: SyntaxError" in listed.stdout
    assert "line 1: SyntaxError" in str(run(settings, folder, "projections", "rebuild", "broken").exception)
    assert run(settings, folder, "projections", "status").return_value == 1
    (folder / "broken.py").unlink()
    assert "is still there" in str(run(settings, folder, "projections", "drop", "months").exception)
    (folder / "months.py").unlink()
    assert "no file in" in run(settings, folder, "projections", "status").stdout
    assert run(settings, folder, "projections", "drop", "months").stdout == "dropped months: months\n"
    assert "no projection 'months'" in str(run(settings, folder, "projections", "drop", "months").exception)
    assert "Daftar's own" in str(run(settings, folder, "projections", "drop", "balances").exception)
    assert run(settings, folder, "projections", "status", "--json").return_value in (0, 1)


def test_migrate_names_what_needs_a_rebuild_and_rebuilds_it_where_asked(settings: Settings, folder: Path, ledger: Ledger) -> None:
    ensure_demo(settings)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE daftar.projections SET version = 1 WHERE name = 'balances'")
    said = run(settings, folder, "migrate")
    assert "daftar projections rebuild balances" in said.stderr, said.exception
    assert len(read_problems(ledger.store.database)) == 1
    assert "rebuilt balances" in run(settings, folder, "migrate", "--rebuild").stderr
    assert "rebuild" not in run(settings, folder, "migrate").stderr
    assert read_problems(ledger.store.database) == []
