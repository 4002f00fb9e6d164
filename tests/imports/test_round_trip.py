"""The journal that Daftar exports for hledger, imported into a new company, gives the same trial balance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from trial_balances import trial_balance

from infra import exports
from infra.database import Database
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.roles import WORKER_ROLE, role_url
from infra.settings import Settings
from projections.registry import PROJECTIONS

from .conftest import SAMPLES, Books, open_books


class Bytes(bytearray):
    """A file in memory."""

    def write(self, data: bytes, /) -> int:
        self.extend(data)
        return len(data)


@pytest.fixture
def worker(shared: Settings) -> Iterator[Database]:
    pool = Database(role_url(shared.database_url, shared.secret_key, WORKER_ROLE), size=1).open()
    yield pool
    pool.close()


def posted(worker: Database, pool: Database, company: UUID) -> list[tuple[str, str, Decimal]]:
    """The trial balance, once everything is posted."""
    with worker.connection() as connection:
        add_positions(connection, "balances")
        while (moved := advance(connection, ProjectionFollower(PROJECTIONS["balances"]), company)) and moved.behind:
            pass
    with pool.company(company) as connection:
        return [(one.account, one.currency, one.balance) for one in trial_balance(connection, company) if one.balance]


def test_an_exported_journal_gives_the_same_trial_balance(books: Books, pool: Database, worker: Database) -> None:
    from infra.exports.places import Stream

    books.create("bank", name="Main bank", account_number="00012345")
    for kind in ("customers:parties", "products:products", "invoices:invoices", "opening-balances:opening-balances"):
        name, _, what = kind.partition(":")
        books.load("csv", what, (SAMPLES / f"{name}.csv").read_bytes(), date=date(2025, 12, 31))
    books.load("ofx", "", (SAMPLES / "statement.ofx").read_bytes())
    books.load("hledger", "", (SAMPLES / "books.journal").read_bytes())
    before = posted(worker, pool, books.company_id)
    assert len(before) > 10

    out = Bytes()
    for _ in exports.plan(exports.open_source(pool, books.company_id), "hledger").write(Stream(out)):
        pass
    copy = open_books(pool)
    assert copy.load("hledger", "", bytes(out)).created > 10
    assert posted(worker, pool, copy.company_id) == before
    assert copy.load("hledger", "", bytes(out)).created == 0
