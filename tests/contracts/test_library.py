"""The `eventsourcing` library's own conformance tests for recorders, and its application and projections on a company's log."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from bookkeeping import BEGUN, audit, create, register, wish
from eventsourcing.persistence import IntegrityError, ProgrammingError, Tracking, TrackingRecorder
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.system import NotificationLogReader
from eventsourcing.tests import persistence
from fixtures import Urls

from domain.command import Actor
from domain.event import JSON, Event
from domain.kinds.party import PARTY
from infra.database import Database
from infra.ledger import Ledger
from infra.store.library import CompanyApplication, CompanyRecorder, EventMapper, LedgerEvent
from infra.store.postgres import PostgresStore


@pytest.fixture(autouse=True, scope="module")
def books_hold_in_the_end() -> None:
    """The library's tests store what is no event of ours: these books cannot hold."""


class TestRecorder(persistence.ApplicationRecorderTestCase):
    """The library's tests of a recorder, each on a company of its own."""

    INITIAL_VERSION = 1

    @pytest.fixture(autouse=True)
    def _find_database(self, urls: Urls) -> None:
        self.urls = urls

    def new_originator_id(self) -> UUID:
        return uuid4()

    def setUp(self) -> None:
        self.database = Database(self.urls.api, size=12).open()

    def tearDown(self) -> None:
        self.database.close()

    def create_recorder(self) -> CompanyRecorder:
        """An empty log; the library's tests store what is no event of ours, so nothing is folded."""
        company = uuid4()
        with psycopg.connect(self.urls.owner, autocommit=True) as owner:
            owner.execute("INSERT INTO daftar.companies (company_id, codename) VALUES (%s, %s)", (company, company.hex))
            owner.execute("INSERT INTO daftar.heads VALUES (%s, 0, now(), %s)", (company, bytes(32)))
        return CompanyRecorder(PostgresStore(self.database), company, fold=False)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


def test_the_library_reads_and_writes_a_companys_log(postgres_store: PostgresStore) -> None:
    ledger = Ledger(postgres_store)
    company, party = register(ledger), uuid4()
    application = CompanyApplication(postgres_store.database, company)
    group = create(ledger, company, "party_group", name="Friends")
    mapper = EventMapper()
    facts = [PARTY.Created(name="A", number=1), PARTY.Changed(phone="1"), PARTY.Deleted()]
    events = [LedgerEvent(originator_id=party, originator_version=n, fact=fact) for n, fact in enumerate(facts, 1)]
    application.recorder.insert_events([mapper.to_stored_event(event) for event in events[:1]])
    application.recorder.insert_events([mapper.to_stored_event(event) for event in events[1:]])
    with pytest.raises(IntegrityError):
        application.recorder.insert_events([mapper.to_stored_event(events[1])])
    create(ledger, company, "party", name="B")
    log = audit(postgres_store, company)
    assert [event.topic for event in log if event.record_id == party] == [
        "party.created.v1",
        "party.changed.v1",
        "party.deleted.v1",
    ]
    notifications = list(NotificationLogReader(application.notification_log, section_size=2).read(start=1))
    assert [(n.id, n.topic, n.originator_id, n.state) for n in notifications] == [
        (event.seq, event.topic, event.record_id, event.data) for event in log
    ]
    assert application.recorder.max_notification_id() == BEGUN + 5
    read = [mapper.to_domain_event(stored) for stored in application.recorder.select_events(party)]
    assert [(event.originator_id, event.originator_version) for event in read] == [(party, 1), (party, 2), (party, 3)]
    assert [JSON.encode(event.fact) for event in read] == [JSON.encode(event.fact) for event in events]
    assert application.recorder.select_events(group, gt=1) == []
    with pytest.raises(ProgrammingError):
        mapper.to_stored_event(LedgerEvent(originator_id=party, originator_version=4, fact=Event()))


class Seen(TrackingRecorder):
    """A read model: the topics of a company's events, by seq."""


class SeenInMemory(Seen, POPOTrackingRecorder):
    def __init__(self) -> None:
        super().__init__()
        self.topics: list[str] = []


class Witness(Projection[SeenInMemory]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.topics.append(type(domain_event.fact).__name__)
        self.view.insert_tracking(tracking)


def test_the_librarys_projection_runner_follows_a_company(postgres_store: PostgresStore) -> None:
    ledger = Ledger(postgres_store)
    company = register(ledger)
    create(ledger, company, "party", name="A")

    class OurCompany(CompanyApplication):
        def __init__(self, env: Any = None) -> None:
            super().__init__(postgres_store.database, company)

    with ProjectionRunner(application_class=OurCompany, projection_class=Witness, view_class=SeenInMemory) as runner:
        runner.wait(BEGUN + 1, timeout=5)
        ledger.execute(company, [wish("party.update", {"phone": "1"}, number=1), wish("party.delete", number=1)], Actor())
        runner.wait(BEGUN + 3, timeout=5)
        begun = ["CompanyRegistered"] + ["AccountOpened"] * (BEGUN - 1)
        assert runner.view.topics == [*begun, "PartyCreated", "PartyChanged", "PartyDeleted"]
        assert runner.view.max_tracking_id(runner.app_name) == BEGUN + 3
