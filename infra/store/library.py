"""One company's log as the `eventsourcing` library sees it: its mapper, its recorder, its application.

Whoever knows the library can point its notification log, its subscriptions and its projection runners at a company. Events keep
their permanent topics and their bytes; the library's aggregate sequence is our record, its application sequence our seq.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.utils import Environment

from domain.books import Books
from domain.catalogue import CATALOGUE, event_of, fields_of
from domain.decision import MICROSECOND
from domain.event import JSON, Event, RecordedEvent
from domain.needs import Needs
from infra.database import Database
from infra.store.append import append_of, books_of, fill, now_after
from infra.store.interface import SequenceConflict
from infra.store.postgres import PostgresStore

SWEEP_SECONDS = 0.05
NOWHERE = UUID(int=0)
NEVER = datetime.fromtimestamp(0, timezone.utc)


class LedgerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A domain event in the library's shape: which record, which version, and the fact."""

    originator_id: UUID
    originator_version: int
    fact: Event


class EventMapper(Mapper[UUID]):
    """Facts to stored events by their permanent topics, and back, upcast to today's."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The fact's JSON under its topic."""
        for kind in CATALOGUE.values():
            topic = kind.topic_of.get(type(domain_event.fact))
            if topic is not None:
                return StoredEvent(
                    domain_event.originator_id, domain_event.originator_version, topic, JSON.encode(domain_event.fact)
                )
        raise ProgrammingError(f"{type(domain_event.fact).__name__} has no topic")

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The fact in a stored event."""
        fact = event_of(_recorded(stored_event, NOWHERE, 0, NEVER))
        return LedgerEvent(
            originator_id=_uuid(stored_event.originator_id),
            originator_version=stored_event.originator_version,
            fact=fact,
        )


class CompanyRecorder(ApplicationRecorder):
    """A company's log as the library's recorder. With `fold`, appended events are folded into the inline read models."""

    def __init__(self, store: PostgresStore, company_id: UUID, *, fold: bool = True) -> None:
        self.store = store
        self.company_id = company_id
        self.fold = fold

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append events and return their seqs. Raises IntegrityError where a version is taken."""
        if not stored_events:
            return []
        needs = Needs(ids={_uuid(event.originator_id) for event in stored_events}) if self.fold else Needs()
        with self.store.write(self.company_id, needs, []) as transaction:
            books = books_of(self.company_id, transaction.head, undoable=False, indexed=False)
            fill(books, transaction.loaded)
            now = now_after(transaction.head)
            events = [
                _recorded(event, self.company_id, transaction.head.seq + place, now + MICROSECOND * place)
                for place, event in enumerate(stored_events, 1)
            ]
            events = [self._apply(books, event) for event in events]
            books.seq = events[-1].seq
            try:
                transaction.append(append_of(books, events, transaction.head))
            except SequenceConflict as error:
                raise IntegrityError(str(error)) from error
        return [event.seq for event in events]

    def _apply(self, books: Books, event: RecordedEvent) -> RecordedEvent:
        """Fold the event into the books; returned with the person whose data it holds, so that it will be sealed."""
        if not self.fold:
            return event
        before = books.record(event.record_id)
        if event.version != (before.version + 1 if before else 1):
            raise IntegrityError(f"version {event.version} of {event.record_id} does not follow")
        kind, fields = CATALOGUE[event.kind], fields_of(event)
        if kind.personal and kind.topics[event.topic] is kind.Redacted:
            raise ProgrammingError("a person is erased by the ledger's command, which destroys the keys too")
        after = books.apply(event, kind, fields)
        if kind.personal.isdisjoint(fields):
            return event
        return msgspec.structs.replace(event, person_id=kind.person_of(after.id, after.data))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one record."""
        stream = self.store.read_stream(self.company_id, _uuid(originator_id))
        rows = [e for e in stream if (gt is None or e.version > gt) and (lte is None or e.version <= lte)]
        ordered = rows[::-1] if desc else rows
        return [StoredEvent(e.record_id, e.version, e.topic, e.data) for e in ordered[:limit]]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """A page of the company's log, as the library's notifications: their ids are seqs."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        found: list[Notification] = []
        while len(found) < limit:
            page = self.store.read_events(self.company_id, after, limit, until=stop)
            found += [_notification(e) for e in page if not topics or e.topic in topics]
            if len(page) < limit:
                break
            after = page[-1].seq
        return found[:limit]

    def max_notification_id(self) -> int | None:
        """The last seq, or None in an empty log."""
        return self.store.head(self.company_id).seq or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Every event after `gt`, then each new one as it is committed."""
        return CompanySubscription(self, gt, topics)


class CompanySubscription(Subscription[ApplicationRecorder]):
    """Follows a company's log; nothing can be missed, because seq has no gaps and commits in order."""

    def __init__(self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._page: list[Notification] = []

    def __next__(self) -> Notification:
        """The next event; waits for it."""
        while not self._has_been_stopped:
            if self._page:
                notification = self._page.pop()
                self._last_notification_id = notification.id
                return notification
            page = self._recorder.select_notifications(
                self._last_notification_id or 0, 500, topics=self._topics, inclusive_of_start=False
            )
            self._page = list(page)[::-1]
            if not self._page:
                time.sleep(SWEEP_SECONDS)
        raise StopIteration


class CompanyApplication(Application[UUID]):
    """A company's log as the library's application, for its notification log and its projection runners."""

    def __init__(self, database: Database, company_id: UUID) -> None:
        self._recorder = CompanyRecorder(PostgresStore(database), company_id)
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """The library's in-memory factory: it makes nothing here, the recorder is ours."""
        return InfrastructureFactory.construct(Environment(self.name, {"PERSISTENCE_MODULE": "eventsourcing.popo"}))

    def construct_mapper(self) -> Mapper[UUID]:
        """Permanent topics, msgspec JSON."""
        return EventMapper()

    def construct_recorder(self) -> ApplicationRecorder:
        """The company's log."""
        return self._recorder


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _recorded(event: StoredEvent, company_id: UUID, seq: int, now: datetime) -> RecordedEvent:
    """A stored event in our columns; topics are named after their kind."""
    return RecordedEvent(
        company_id=company_id,
        seq=seq,
        kind=event.topic.partition(".")[0],
        record_id=_uuid(event.originator_id),
        version=event.originator_version,
        topic=event.topic,
        data=event.state,
        recorded_at=now,
        occurred_at=now,
    )


def _notification(event: RecordedEvent) -> Notification:
    return Notification(
        originator_id=event.record_id,
        originator_version=event.version,
        topic=event.topic,
        state=event.data,
        id=event.seq,
    )
