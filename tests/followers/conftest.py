"""What tests of followers share: pools of both roles on the test's own database, and a shop that trades."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from checking import check_books
from fixtures import Urls, books_hold_in_the_end, postgres_store, urls, watch
from jetstream import own_server

from domain.command import Actor, Command
from infra.database import Database
from infra.embedded import EmbeddedNats
from infra.ids import new_id
from infra.ledger import Ledger
from infra.roles import API_ROLE, WORKER_ROLE, role_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore

__all__ = ["books_hold_in_the_end", "postgres_store", "urls", "watch"]


class Shop:
    """A company that trades: every kind that is posted, with changes, moves and deletions. The same seed does the same."""

    def __init__(self, ledger: Ledger, codename: str, seed: int = 1) -> None:
        self.ledger = ledger
        self.codename = codename
        self.chance = random.Random(seed)
        self.parties = [new_id() for _ in range(5)]
        self.products = [new_id() for _ in range(5)]
        self.open: list[UUID] = []
        self.payments: list[UUID] = []
        self.invoices = 0
        data = {"name": codename, "codename": codename}
        self.company_id, _, _ = ledger.register_company([Command(kind="company", action="create", data=data)])
        roles = ["customer", "supplier"]
        self.execute(
            *(self._new("party", party, name=f"Party {n}", roles=roles) for n, party in enumerate(self.parties)),
            *(
                self._new("product", product, name=f"Tea {n}", price="2.50", vat_rate="9", sku=f"{codename}-{n}")
                for n, product in enumerate(self.products)
            ),
        )

    def execute(self, *commands: Command) -> int:
        """Execute commands; returns the head's seq."""
        return self.ledger.execute(self.company_id, list(commands), Actor()).seq

    def trade(self, days: int = 1) -> int:
        """So many days of trade, about 60 events each; returns the head's seq."""
        return [self.execute(*self._day()) for _ in range(days)][-1]

    def _new(self, kind: str, record_id: UUID, **data: object) -> Command:
        return Command(kind=kind, action="create", id=record_id, data=data)

    def _day(self) -> list[Command]:
        chance, commands = self.chance, []
        for _ in range(5):
            invoice, payment, party = new_id(), new_id(), chance.choice(self.parties)
            self.invoices += 1
            lines = [
                {"product_id": str(chance.choice(self.products)), "quantity": chance.randint(1, 9), "unit_price": "3.35"}
                for _ in range(2)
            ]
            kind = chance.choice(["sales", "sales", "purchase", "sales_return", "purchase_return"])
            number = f"{self.codename}/{self.invoices}"
            fields = {"type": kind, "party_id": str(party), "lines": lines, "moves_stock": True, "invoice_number": number}
            commands.append(Command(kind="invoice", action="create", id=invoice, client_id=f"i{self.invoices}", data=fields))
            commands.append(self._new("payment", payment, amount="5.05", invoice_id=str(invoice)))
            self.open.append(invoice)
            self.payments.append(payment)
        commands.append(self._new("payment", new_id(), amount="7", party_id=str(self.parties[0]), method="bank"))
        commands.append(self._new("expense", new_id(), amount="12.30", category="Rent", supplier_id=str(self.parties[1])))
        entry = [{"account_code": "1000", "debit": "100"}, {"account_code": "3000", "credit": "100"}]
        commands.append(self._new("journal_entry", new_id(), lines=entry, post_now=True))
        gone, moved = self.open.pop(chance.randrange(len(self.open))), self.payments.pop(chance.randrange(len(self.payments)))
        commands.append(Command(kind="payment", action="update", id=moved, data={"amount": "4.20"}))
        commands.append(Command(kind="party", action="update", id=chance.choice(self.parties), data={"phone": "+98 21 1"}))
        commands.append(Command(kind="invoice", action="delete", id=gone))
        if chance.random() < 0.5:
            commands.append(Command(kind="payment", action="delete", id=moved))
        return commands


@pytest.fixture
def worker_url(settings: Settings) -> str:
    """The URL of the role that follows logs."""
    return role_url(settings.database_url, settings.secret_key, WORKER_ROLE)


@pytest.fixture
def worker(worker_url: str) -> Iterator[Database]:
    """A pool of the role that follows logs."""
    pool = Database(worker_url, size=6).open()
    yield pool
    pool.close()


@pytest.fixture
def api(settings: Settings) -> Iterator[Database]:
    """A pool of the role that serves requests."""
    pool = Database(role_url(settings.database_url, settings.secret_key, API_ROLE), size=10).open()
    yield pool
    pool.close()


@pytest.fixture
def owner(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection of the superuser, to look at everything and to tamper."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SELECT set_config('search_path', 'daftar, pg_catalog', false)")
        yield connection


@pytest.fixture
def open_shop(api: Database, settings: Settings, request: pytest.FixtureRequest) -> Iterator[Callable[..., Shop]]:
    """Opens shops: `open_shop("babil", seed=7)`. After the test everything holds of their books, unless it `tampers` with them."""
    ledger = Ledger(PostgresStore(api))
    yield lambda codename="babil", seed=1: Shop(ledger, codename, seed)
    if request.node.get_closest_marker("tampers") is None:
        check_books(settings.database_url)


@pytest.fixture
def own_shop(postgres_store: PostgresStore) -> Shop:
    """A shop in the database that the session's tests share: for those that look at nothing but their own company's books."""
    return Shop(Ledger(postgres_store), f"shop-{uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def own_worker(urls: Urls) -> Iterator[Database]:
    """A pool of the role that follows logs, for that database."""
    pool = Database(urls.worker, size=2).open()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def nats_server() -> Iterator[EmbeddedNats]:
    """A NATS server of the module's own, to kill; started again by whoever needs it."""
    with own_server() as server:
        yield server
