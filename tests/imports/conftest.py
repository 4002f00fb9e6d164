"""What tests of imports share: a company's books, and files to import into them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from cloning import clone

from domain.chart import DEFAULT_CHART
from domain.command import Actor, Command
from domain.errors import ImportRefused
from infra.database import Database
from infra.embedded import EmbeddedPostgres
from infra.embedded.postgres import API_ROLE
from infra.imports import Options, Report, run_import
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.settings import Settings, new_secret_key
from infra.store.postgres import PostgresStore

SAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "imports"


@dataclass
class Books:
    """A company's books, and how a test imports into them and looks at them."""

    ledger: Ledger
    reader: Reader
    company_id: UUID
    codename: str

    def load(self, format_: str, kind: str, content: str | bytes, **options: Any) -> Report:
        """Import a file."""
        raw = content.encode() if isinstance(content, str) else content
        return run_import(self.ledger, self.reader, self.company_id, Actor(), format_, kind, raw, Options(**options))

    def refused(self, format_: str, kind: str, content: str | bytes, **options: Any) -> list[dict[str, Any]]:
        """The problems of a file that is refused; asserts that nothing was stored."""
        before = self.head
        with pytest.raises(ImportRefused) as refusal:
            self.load(format_, kind, content, **options)
        assert self.head == before, "nothing is stored"
        details = refusal.value.details
        assert details["stored"] == 0
        assert details["problem_count"] >= len(details["problems"]) > 0
        assert "Nothing was stored" in refusal.value.message
        return details["problems"]

    @property
    def head(self) -> int:
        """Where the log ends."""
        return self.ledger.store.head(self.company_id).seq

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Every living record of a kind."""
        pages = self.reader.record_pages(self.company_id, 0, [kind])
        found = [record for page in pages for record in json.loads(b"[" + page.items + b"]")]
        return sorted((record for record in found if not record["deleted"]), key=lambda record: record["number"])

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The data of every living record of a kind."""
        return [record["data"] for record in self.records(kind)]

    def create(self, kind: str, **data: Any) -> UUID:
        """Make a record as somebody would in an app."""
        outcome = self.ledger.execute(self.company_id, [Command(kind=kind, action="create", data=data)], Actor())
        made: Any = outcome.results[0]
        return made.id


@pytest.fixture(scope="session")
def shared(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a database that the tests of this folder share, each with a company of its own."""
    name = clone(postgres, template, "imports")
    return Settings(
        database_url=postgres.url(database=name),
        api_database_url=postgres.url(API_ROLE, name),
        secret_key=new_secret_key(),
        data_dir=tmp_path_factory.mktemp("data"),
        log_level="warning",
    )


@pytest.fixture(scope="session")
def pool(shared: Settings) -> Iterator[Database]:
    database = Database(shared.api_database_url, size=2).open()
    yield database
    database.close()


@pytest.fixture
def books(pool: Database) -> Books:
    """A company in USD with the default chart of accounts."""
    return open_books(pool)


def open_books(pool: Database, **company: Any) -> Books:
    ledger, codename = Ledger(PostgresStore(pool)), f"c-{uuid4().hex[:12]}"
    data = {"name": "Babil", "codename": codename, **company}
    company_id, _, _ = ledger.register_company([Command(kind="company", action="create", data=data)])
    made = Books(ledger, Reader(pool), company_id, codename)
    there = {account["code"] for account in made.data("account")}
    missing = [msgspec.to_builtins(account) for account in DEFAULT_CHART.values() if account.code not in there]
    ledger.execute(company_id, [Command(kind="account", action="create", data=data) for data in missing], Actor())
    return made
