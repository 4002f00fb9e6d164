"""The overdue scheduler: at the company's midnight, once, whoever runs and whoever did not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.command import Actor, Command
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ledger import Ledger
from infra.processes.overdue import OverdueScheduler, midnight_after
from infra.processes.worker import run_worker
from infra.store.postgres import PostgresStore
from projections.registry import PROJECTIONS

DUE = ProjectionFollower(PROJECTIONS["due"])
TODAY = datetime.now(timezone.utc).date()
"""A day from which the tests go into the future: the log's clock never goes back."""


class Later:
    """A store of which the clock can be set."""

    def __init__(self, store: PostgresStore) -> None:
        self.store, self.now = store, None

    @contextmanager
    def write(self, *args):
        with self.store.write(*args) as transaction:
            if self.now is not None:
                transaction.head = replace(transaction.head, now=self.now)
            yield transaction

    def __getattr__(self, name: str):
        return getattr(self.store, name)


class Books:
    """Companies whose time is what the test says."""

    def __init__(self, api, worker) -> None:
        self.store, self.worker = Later(PostgresStore(api)), worker
        self.ledger = Ledger(self.store)
        self.scheduler = self.another()

    def another(self, **options) -> OverdueScheduler:
        return OverdueScheduler(self.worker, self.ledger, clock=lambda _: self.store.now, **options)

    def at(self, moment: datetime) -> Books:
        self.store.now = moment.astimezone(timezone.utc)
        return self

    def company(self, time_zone: str = "UTC"):
        data = {"name": "A", "codename": f"c-{uuid4().hex}", "time_zone": time_zone}
        return self.ledger.register_company([Command(kind="company", action="create", data=data)])[0]

    def execute(self, company, type_: str, record_id=None, **data):
        kind, _, action = type_.partition(".")
        return self.ledger.execute(company, [Command(kind=kind, action=action, id=record_id, data=data)], Actor()).results[0]

    def invoice(self, company, due: date, total: str = "10"):
        lines = [{"description": "Tea", "quantity": "1", "unit_price": total}]
        return self.execute(company, "invoice.create", type="sales", due_date=str(due), lines=lines).id

    def follow(self) -> None:
        with self.worker.connection() as connection:
            add_positions(connection, DUE.name)
            for (company,) in connection.execute("SELECT company_id FROM companies").fetchall():
                while (advanced := advance(connection, DUE, company)) and advanced.behind:
                    pass

    def look(self, **options) -> int:
        """A look of the scheduler, with the read model at the head before it and after it."""
        self.follow()
        marked = self.scheduler.look(**options)
        self.follow()
        return marked

    def became_overdue(self, company) -> list:
        return [event for event in self.store.read_events(company, 0, 100_000) if event.topic == "invoice.became-overdue.v1"]

    def status(self, company, invoice) -> str:
        from domain.needs import Needs

        return self.store.read_records(company, Needs(ids={invoice})).records[0].data["status"]


@pytest.fixture
def books(api, worker) -> Books:
    return Books(api, worker).at(noon(TODAY, "UTC"))


def noon(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))


def days(count: int) -> timedelta:
    return timedelta(days=count)


def test_at_midnight_and_once(books):
    company = books.company("Asia/Tehran")
    zone, due = ZoneInfo("Asia/Tehran"), TODAY + days(1)
    invoice, open_ended = books.invoice(company, due), books.execute(company, "invoice.create", type="sales").id
    midnight = midnight_after(due, zone)
    assert midnight.astimezone(timezone.utc).hour == 20
    assert books.look() == 0
    assert books.at(midnight - timedelta(microseconds=1)).look() == 0
    assert books.at(midnight).look(everywhere=False) == 1, "the clock of the zone is what was looked at"
    [event] = books.became_overdue(company)
    assert (event.record_id, event.recorded_at, event.occurred_at, event.actor_id) == (invoice, midnight, midnight, None)
    assert books.at(midnight + days(3)).look() == 0
    assert books.status(company, open_ended) == "unpaid"


def test_after_downtime_what_fell_due_meanwhile(books):
    company = books.company()
    invoices = {books.invoice(company, TODAY + days(n)): TODAY + days(n) for n in range(5)}
    books.at(noon(TODAY + days(30), "UTC"))
    assert books.another(batch=2).look() == 0, "the read model has not seen them yet"
    assert books.look() == 5
    assert {event.record_id: event.occurred_at.date() - days(1) for event in books.became_overdue(company)} == invoices
    assert books.look() == 0


def test_many_schedulers_and_a_read_model_that_stands_still(books):
    """None is marked twice, though the read model goes on saying that all are open."""
    companies = [books.company() for _ in range(3)]
    for company in companies:
        lines = [{"description": "Tea", "quantity": "1", "unit_price": "1"}]
        data = {"type": "sales", "due_date": str(TODAY), "lines": lines}
        books.ledger.execute(company, [Command(kind="invoice", action="create", data=data) for _ in range(120)], Actor())
    books.follow()
    books.at(noon(TODAY + days(1), "UTC"))
    marked: list[int] = []
    threads = [threading.Thread(target=lambda: marked.extend(books.another(batch=25).look() for _ in range(2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(marked) == 360
    for company in companies:
        records = [event.record_id for event in books.became_overdue(company)]
        assert len(records) == len(set(records)) == 120


def test_paid_deleted_moved_and_partly_paid(books):
    company, due = books.company(), TODAY + days(1)
    paid, deleted, moved, partly, back = (books.invoice(company, due) for _ in range(5))
    payment = books.execute(company, "payment.create", amount="10", invoice_id=str(paid)).id
    books.execute(company, "payment.create", amount="4", invoice_id=str(partly))
    books.execute(company, "invoice.delete", deleted)
    books.execute(company, "invoice.update", moved, due_date=str(due + days(5)))
    books.at(noon(due + days(1), "UTC"))
    assert books.look() == 2
    assert [books.status(company, one) for one in (paid, moved, partly, back)] == ["paid", "unpaid", "overdue", "overdue"]
    books.execute(company, "payment.create", amount="6", invoice_id=str(partly))
    assert books.status(company, partly) == "paid"
    books.execute(company, "payment.delete", payment)
    assert books.status(company, paid) == "overdue", "the rule says so at once: nothing is left to the scheduler"
    books.execute(company, "invoice.update", back, due_date=str(due + days(9)))
    assert books.status(company, back) == "unpaid"
    assert books.look() == 0
    books.execute(company, "invoice.update", moved, due_date=None)
    assert books.at(noon(due + days(10), "UTC")).look() == 1
    assert [event.record_id for event in books.became_overdue(company)].count(back) == 2
    assert books.status(company, moved) == "unpaid"


def test_a_time_zone_that_changes(books):
    company, due = books.company("Pacific/Pago_Pago"), TODAY + days(1)  # eleven hours behind
    invoice = books.invoice(company, due)
    books.at(datetime(due.year, due.month, due.day, 12, tzinfo=timezone.utc))
    assert books.look() == 0
    books.execute(company, "company.update", company, time_zone="Pacific/Kiritimati")  # fourteen ahead: it is tomorrow there
    assert books.look() == 1
    books.execute(company, "company.update", company, time_zone="Pacific/Pago_Pago")
    assert books.look() == 0
    assert books.status(company, invoice) == "overdue", "what has happened stays; the next change of the invoice decides anew"
    books.execute(company, "invoice.update", invoice, notes="x")
    assert books.status(company, invoice) == "unpaid"
    assert books.at(midnight_after(due, ZoneInfo("Pacific/Pago_Pago"))).look() == 1


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Africa/Cairo", date(2027, 4, 29), datetime(2027, 4, 29, 22, tzinfo=timezone.utc)),  # from 00:00 to 01:00
        ("Africa/Cairo", date(2027, 10, 28), datetime(2027, 10, 28, 22, tzinfo=timezone.utc)),  # the hour from 23:00 comes twice
        ("America/Havana", date(2027, 10, 31) + days(6), datetime(2027, 11, 7, 4, tzinfo=timezone.utc)),  # midnight comes twice
        ("Asia/Tokyo", date(2027, 1, 1), datetime(2027, 1, 1, 15, tzinfo=timezone.utc)),
    ],
)
def test_midnights_that_are_skipped_or_come_twice(books, zone, day, begins):
    assert midnight_after(day, ZoneInfo(zone)).astimezone(timezone.utc) == begins
    company = books.company(zone)
    books.invoice(company, day)
    assert books.at(begins - timedelta(seconds=1)).look() == 0
    assert books.at(begins).look() == 1
    assert books.at(begins + timedelta(hours=1)).look() == 0
    [event] = books.became_overdue(company)
    assert event.occurred_at == begins


def test_one_companys_trouble_is_its_own(books, monkeypatch):
    companies = [books.company() for _ in range(3)]
    for company in companies:
        books.invoice(company, TODAY)
    books.at(noon(TODAY + days(1), "UTC")).follow()
    execute = books.ledger.execute

    def fail(company, *args, **options):
        if company == companies[1]:
            raise RuntimeError("broken")
        return execute(company, *args, **options)

    monkeypatch.setattr(books.ledger, "execute", fail)
    assert books.look() == 2
    monkeypatch.undo()
    assert books.look() == 1


@contextmanager
def workers(settings, count: int) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=run_worker, args=(settings, stop)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def test_workers_do_it_within_seconds(api, worker, settings):
    """By the real clock: a time zone in which it is tomorrow already makes an invoice of today overdue."""
    books = Books(api, worker)
    east, west = "Pacific/Kiritimati", "Etc/GMT+12"
    today = datetime.now(ZoneInfo(west)).date()
    waited = books.company(west)
    invoice = books.invoice(waited, today)
    assert books.status(waited, invoice) == "unpaid"
    books.execute(waited, "company.update", waited, time_zone=east)
    books.follow()
    with workers(msgspec.structs.replace(settings, relay=False), 2):
        deadline = time.monotonic() + 15
        while not books.became_overdue(waited):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.5)
    assert len(books.became_overdue(waited)) == 1
