"""One database for the tests of this folder: the Chinook shop imported once, and companies whose books are as odd as can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cloning import clone
from trial_balances import trial_balance_at

from domain.command import Actor, Command
from infra.database import Database
from infra.demo import load_chinook
from infra.embedded import EmbeddedPostgres
from infra.embedded.postgres import API_ROLE
from infra.exports import open_source, plan
from infra.exports.places import Archive, Folder, Stream
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.roles import WORKER_ROLE, role_url
from infra.settings import Settings, new_secret_key
from infra.store.postgres import PostgresStore
from projections.registry import PROJECTIONS


@dataclass
class Bytes:
    """A file in memory."""

    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)


@dataclass(frozen=True)
class Books:
    """A company, and what is needed to write to it and to export it."""

    settings: Settings
    database: Database
    worker: Database
    ledger: Ledger
    company_id: UUID
    codename: str

    def execute(self, *commands: Command) -> int:
        """Execute commands; returns the head's seq."""
        return self.ledger.execute(self.company_id, list(commands), Actor()).seq

    def create(self, kind: str, record_id: UUID | None = None, **data: object) -> UUID:
        """Create a record; returns its id."""
        one = record_id or new_id()
        self.execute(Command(kind=kind, action="create", id=one, data=data))
        return one

    def change(self, kind: str, one: UUID, **data: object) -> None:
        """Change a record."""
        self.execute(Command(kind=kind, action="update", id=one, data=data))

    def delete(self, kind: str, one: UUID) -> None:
        """Delete a record."""
        self.execute(Command(kind=kind, action="delete", id=one))

    def follow(self) -> None:
        """Post everything."""
        with self.worker.connection() as connection:
            add_positions(connection, "balances")
            while (moved := advance(connection, ProjectionFollower(PROJECTIONS["balances"]), self.company_id)) and moved.behind:
                pass

    def export(self, format_: str, seq: int | None = None, kinds: list[str] | None = None, *, single: bool = False) -> bytes:
        """The one file of an export."""
        self.follow()
        target = Bytes()
        source = open_source(self.database, self.company_id, at_seq=seq)
        for _ in plan(source, format_, kinds, single=single).write(Stream(target)):
            pass
        return bytes(target.data)

    def export_to(self, path: Path, format_: str, seq: int | None = None, kinds: list[str] | None = None) -> dict[str, bytes]:
        """The files of an export, by name."""
        self.follow()
        path.mkdir(exist_ok=True)
        folder = Folder(path)
        for _ in plan(open_source(self.database, self.company_id, at_seq=seq), format_, kinds).write(folder):
            pass
        return {file.name: (path / file.name).read_bytes() for file in folder.written}

    def archive(self, format_: str) -> bytes:
        """All files of an export as one ZIP archive."""
        self.follow()
        target = Bytes()
        place = Archive(target)
        for _ in plan(open_source(self.database, self.company_id), format_).write(place):
            pass
        place.close()
        return bytes(target.data)

    def head(self) -> int:
        """Where the log ends."""
        return self.ledger.store.head(self.company_id).seq

    def balances(self, seq: int | None = None) -> dict[tuple[str, str], Decimal]:
        """Our own trial balance, without what is zero."""
        self.follow()
        with self.database.company(self.company_id) as connection:
            rows = trial_balance_at(connection, self.company_id, self.head() if seq is None else seq)
        return {(row.account, row.currency): row.balance for row in rows if row.balance}


@pytest.fixture(scope="session")
def shared(postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the folder's own database."""
    name = clone(postgres, template, "exports")
    return Settings(
        database_url=postgres.url(database=name),
        api_database_url=postgres.url(API_ROLE, name),
        secret_key=new_secret_key(),
        data_dir=tmp_path_factory.mktemp("data"),
    )


@pytest.fixture(scope="session")
def pools(shared: Settings) -> Iterator[tuple[Database, Database]]:
    """Pools of the roles of requests and of followers."""
    api = Database(shared.api_database_url, size=4).open()
    worker = Database(role_url(shared.database_url, shared.secret_key, WORKER_ROLE), size=2).open()
    yield api, worker
    api.close()
    worker.close()


def begin(shared: Settings, pools: tuple[Database, Database], codename: str, **data: object) -> Books:
    ledger = Ledger(PostgresStore(pools[0]))
    given = {"name": codename, "codename": codename, **data}
    company_id, _, _ = ledger.register_company([Command(kind="company", action="create", data=given)])
    return Books(shared, *pools, ledger, company_id, codename)


@pytest.fixture
def books(shared: Settings, pools: tuple[Database, Database]) -> Books:
    """A company of this test alone."""
    return begin(shared, pools, f"c-{uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def chinook(shared: Settings, pools: tuple[Database, Database]) -> Books:
    """A real shop's five years. Nobody may write to it."""
    shop = begin(shared, pools, "chinook")
    load_chinook(shop.ledger, Reader(shop.database), shop.company_id, shop.codename)
    shop.follow()
    return shop


LONG = "x" * 255
NAMES = (
    'Café; Ferdowsi  |  & Co\n2024-01-01 * "forged"\n  assets:cash  1 USD',
    "چای\u200cفروشی شیراز",
    "  ; comment",
    "=2+5",
    '"quoted" \\ back\\slash',
    LONG,
)
CATEGORIES = (
    "Rent",
    "rent",
    "Rent: Büro;  2nd\nfloor",
    "rent: büro",
    "7 up",
    "a::b",
    "حقوق و دستمزد",
    "東京",
    "ß",
    LONG,
    "4900",
    "-",
)


@pytest.fixture(scope="session")
def odd(shared: Settings, pools: tuple[Database, Database]) -> Books:
    """Every kind that is posted, in currencies of 0, 2 and 3 decimals, changed and deleted, under names that are hard to say."""
    shop = begin(shared, pools, "odd", name=NAMES[0], currency="EUR")
    parties = [shop.create("party", name=name, roles=["customer", "supplier"]) for name in NAMES]
    for number, (currency, price) in enumerate([("JPY", "1234"), ("USD", "19.99"), ("KWD", "1.235"), ("EUR", "100000000.01")]):
        invoices = [
            shop.create(
                "invoice",
                type=kind,
                party_id=str(parties[number]),
                currency=currency,
                issue_date=f"2024-0{1 + number}-15",
                invoice_number=f"{currency}/{turn}" if turn else f"({currency}) ;\n{kind}",
                lines=[{"description": "Tea", "quantity": 3 + turn, "unit_price": price, "vat_rate": "9"}],
            )
            for turn, kind in enumerate(["sales", "purchase", "sales_return", "purchase_return", "sales"])
        ]
        paid = shop.create("payment", invoice_id=str(invoices[0]), amount=price, date="2024-05-01", reference=NAMES[number])
        shop.create("payment", party_id=str(parties[number]), amount=price, currency=currency, method="bank", date="2024-05-02")
        shop.create("payment", amount=price, currency=currency, direction="in", category="; tips  &c", date="2024-05-03")
        shop.change("payment", paid, date="2024-05-09")
        shop.change("invoice", invoices[1], issue_date="2023-12-31")
        shop.delete("invoice", invoices[2])
        shop.create("payment", invoice_id=str(invoices[4]), amount=str(Decimal(price) * 20), date="2024-06-01")  # more than is owed
    for number, category in enumerate(CATEGORIES):
        shop.create(
            "expense", amount="10.50", category=category, description=f"; {category}"[:255], date=f"2024-03-{number + 1:02}"
        )
    for code, name in (
        ("7100", "Ünïcode: parts; and  gaps"),
        ("7200", "7200"),
        ("6000:rent", "Office rent, downtown"),
        ("7300", "\n"),
    ):
        shop.create("account", code=code, name=name if name.strip() else "\u00a0.", type="expense")
    lines = [
        {"account_code": "7100", "debit": "5"},
        {"account_code": "7200", "debit": "2", "currency": "JPY"},
        {"account_code": "1000", "credit": "5"},
        {"account_code": "3000", "credit": "2", "currency": "JPY"},
    ]
    shop.create("journal_entry", date="2024-04-01", lines=lines, post_now=True, description="two currencies")
    shop.create("party", name="Old debts", opening_balance="77.70")
    shop.create("bank", name="Bank; of  Tests", opening_balance="-1200.05")
    return shop
