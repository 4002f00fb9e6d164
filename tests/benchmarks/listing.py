"""Lists of 25 out of 100,000 invoices over HTTP: filtered, with what belongs to them, against a handler that answers a constant."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from uuid import UUID

from domain.command import Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from projections.search import SearchProjection
from tests.benchmarks.measure import Row, Side, quiet
from tests.benchmarks.place import ACTOR, Place
from tests.benchmarks.serving import Served, once, rate, receive, served

INVOICES = 100_000
CUSTOMERS = 2_000
CODENAME = "lists"
NAMES = ("Ali", "Veli", "Ayşe", "Mehmet", "Çınar", "Yıldız", "کریم", "Delta", "Tea", "House")  # noqa: RUF001 - names as they are
FIRST_DAY = date(2025, 1, 1)
CONSTANT = "a handler that answers a constant"


def over_http(place: Place, facts: list[str]) -> Sequence[Row]:
    """The lists of FinTrack and of the native API, and what a list costs right after a write."""
    with served(place, CODENAME) as at, quiet():
        customers = _fill(place, at.company)
        began = time.perf_counter()
        _follow(place, at.company)
        took = time.perf_counter() - began
        facts.append(f"The read model `search` followed {INVOICES:,} invoices, their lines and payments in {took:.0f} s.")
        lists = {
            "FinTrack: 25 of 100,000 invoices by status and type, with customer and items": _invoices(
                "status=overdue&status=partial&type=sales"
            ),
            "FinTrack: a customer's invoices, with customer and items": _invoices(f"customerId={customers[7]}"),
            "FinTrack: 25 of 100,000 invoices by a part of the customer's name (BFF)": (
                f"/bff-service/v1/invoices?_business={CODENAME}&customer.name=1234"
            ),
            "native: 25 of 100,000 invoices by status": "/ledger/v1/records/invoice?status=paid&page_size=25",
        }
        rows = [_row(at, name, path) for name, path in lists.items()]
        new = (_invoices(f"customerId={customer}") for customer in customers)
        rows.append(_row(at, "FinTrack: another customer's invoices every time, with customer and items", new, requests=320))
        searched = f"/bff-service/v1/search?_business={CODENAME}&keyword=04242"
        facts.append(f"A number looked for in all objects over HTTP: {_median(at, searched) * 1_000:.2f} ms at the median.")
        for name, path in list(lists.items())[:2]:
            facts.append(f"{name}: {_after_write(at, path) * 1_000:.2f} ms at the median for the first list after a write.")
    return rows


def _invoices(query: str) -> str:
    return f"/invoicemanagement-api/v1/invoices?_business={CODENAME}&{query}"


def _row(at: Served, name: str, path: str | Iterator[str], rounds: int = 5, requests: int = 400) -> Row:
    one = path if isinstance(path, str) else next(path)
    answer = json.loads(once(at, one))
    if not (answer.get("paging", {}).get("totalRowCount") or answer.get("total")):
        raise RuntimeError(f"{one} lists nothing")
    rate(at, path, 200), rate(at, "/health/live", 400)
    pairs = [(rate(at, path, requests), rate(at, "/health/live", 3 * requests)) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(name, Side(ours), Side(theirs), CONSTANT, 0.2, "requests/s")


def _median(at: Served, path: str, rounds: int = 200) -> float:
    once(at, path)
    with closing(at.connect()) as connection:
        return statistics.median(_timed(connection, at.request(path)) for _ in range(rounds))


def _after_write(at: Served, path: str, rounds: int = 30) -> float:
    """A new invoice, which no worker follows here, and then the list."""
    body = json.dumps({"commands": [{"type": "invoice.create", "data": {"type": "sales", "currency": "USD"}}]}).encode()
    took: list[float] = []
    with closing(at.connect()) as connection:
        for _ in range(rounds):
            _timed(connection, at.request("/ledger/v1/commands", method="POST", body=body))
            took.append(_timed(connection, at.request(path)))
    return statistics.median(took)


def _timed(connection, message: bytes) -> float:
    start = time.perf_counter()
    connection.sendall(message)
    status, answer, _ = receive(connection)
    if status >= 300:
        raise RuntimeError(f"{status} {answer[:300]!r}")
    return time.perf_counter() - start


def _fill(place: Place, company: UUID) -> list[UUID]:
    chance = random.Random(7)
    customers = [new_id() for _ in range(CUSTOMERS)]
    people = [
        {"name": f"{chance.choice(NAMES)} {chance.choice(NAMES)} {n}", "roles": ["customer"], "email": f"p{n}@x.example"}
        for n in range(CUSTOMERS)
    ]
    new = [Command(kind="party", action="create", id=key, data=data) for key, data in zip(customers, people, strict=True)]
    place.ledger.execute(company, new, ACTOR)
    for start in range(0, INVOICES, 2_000):
        commands: list[Command] = []
        for number in range(start, start + 2_000):
            invoice, day = new_id(), FIRST_DAY + timedelta(chance.randrange(600))
            data = {
                "type": "sales",
                "party_id": str(chance.choice(customers)),
                "invoice_number": f"INV-{number:06d}",
                "issue_date": day.isoformat(),
                "due_date": (day + timedelta(30)).isoformat(),
                "notes": "delivered to the north gate",
                "lines": [{"description": "Tea", "quantity": 1, "unit_price": str(chance.randrange(1, 500))}],
            }
            commands.append(Command(kind="invoice", action="create", id=invoice, data=data))
            if chance.random() < 0.3:
                commands.append(Command(kind="payment", action="create", data={"amount": "250", "invoice_id": str(invoice)}))
        place.ledger.execute(company, commands, ACTOR)
    return customers


def _follow(place: Place, company: UUID) -> None:
    with place.worker.connection() as connection:
        add_positions(connection, "search", [company])
        while (advanced := advance(connection, ProjectionFollower(SearchProjection()), company)) and advanced.behind:
            pass
