"""The store in memory, for unit tests: the same contract, over the `eventsourcing` library's in-memory recorder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from uuid import UUID

import msgspec
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from domain.books import ClientKey, StockKey, UniqueKey
from domain.decision import Credential
from domain.errors import CompanyNotFound, RecordExists, ValueTaken
from domain.event import RecordedEvent
from domain.kinds.drawer import COUNTED
from domain.needs import Needs
from domain.personal import redacted
from domain.record import Record
from infra.store.interface import Answer, Append, Head, Loaded, SequenceConflict


class MemoryLog(POPOApplicationRecorder):
    """The library's recorder, with the columns of ours beside each event."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[RecordedEvent] = []

    def record(self, events: list[RecordedEvent]) -> None:
        """Append events; raises SequenceConflict where a version of a stream is taken or the seq does not follow."""
        if any(event.seq != len(self.rows) + place for place, event in enumerate(events, 1)):
            raise SequenceConflict("the log has moved")
        try:
            self.insert_events([StoredEvent(e.record_id, e.version, e.topic, e.sealed or e.data) for e in events])
        except IntegrityError as error:
            raise SequenceConflict(str(error)) from error
        self.rows.extend(events)


@dataclass(slots=True)
class _Company:
    head: Head
    log: MemoryLog = field(default_factory=MemoryLog)
    records: dict[UUID, Record] = field(default_factory=dict)
    parents: dict[UUID, UUID] = field(default_factory=dict)
    unique: dict[UniqueKey, UUID] = field(default_factory=dict)
    clients: dict[ClientKey, UUID] = field(default_factory=dict)
    stock: dict[StockKey, Decimal] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    credentials: dict[UUID, Credential] = field(default_factory=dict)
    keys: dict[tuple[UUID, int], bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class MemoryStore:
    """Logs in memory. Nothing outlives the process."""

    def __init__(self) -> None:
        self._companies: dict[UUID, _Company] = {}
        self._codenames: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def write(self, company_id: UUID, needs: Needs, keys: list[str]) -> Iterator[MemoryTransaction]:
        """Hold the company's lock, as Postgres holds its head row."""
        company = self._company(company_id)
        with company.lock:
            transaction = MemoryTransaction(company)
            transaction.loaded = transaction.load(needs)
            transaction.loaded.answers = {key: company.answers[key] for key in keys if key in company.answers}
            yield transaction

    def register(self, company_id: UUID, codename: str, database_id: int | None, write: Append) -> int:
        """Begin a company's log."""
        with self._lock:
            if company_id in self._companies:
                raise RecordExists(f"There is a company with the id {company_id} already.", path="id")
            if codename in self._codenames:
                raise ValueTaken("Another company already has this codename.", path="data.codename", field="codename")
            if database_id in self._codenames.values():
                raise ValueTaken("Another company already has this database_id.", path="data.database_id", field="database_id")
            chosen = max(self._codenames.values(), default=1000) + 1 if database_id is None else database_id
            company = _Company(write.head)
            _store(company, write)
            self._codenames[codename] = chosen
            self._companies[company_id] = company
            return chosen

    def head(self, company_id: UUID) -> Head:
        """Where the log ends now."""
        return self._company(company_id).head

    def read_events(
        self, company_id: UUID, after: int, limit: int, *, until: int | None = None, kinds: list[str] | None = None
    ) -> list[RecordedEvent]:
        """Events with `after` < seq (≤ `until`), in order."""
        rows = self._company(company_id).log.rows[max(after, 0) : until]
        return [row for row in rows if kinds is None or row.kind in kinds][:limit]

    def read_stream(self, company_id: UUID, record_id: UUID, *, until: int | None = None) -> list[RecordedEvent]:
        """The events of one record, in order."""
        return [row for row in self._company(company_id).log.rows[:until] if row.record_id == record_id]

    def read_records(self, company_id: UUID, needs: Needs, keys: Sequence[str] = ()) -> Loaded:
        """Records by id, number, client id or parent, and stored answers by key, without the head."""
        company = self._company(company_id)
        loaded = MemoryTransaction(company).load(needs)
        loaded.answers = {key: company.answers[key] for key in keys if key in company.answers}
        return loaded

    def _company(self, company_id: UUID) -> _Company:
        found = self._companies.get(company_id)
        if found is None:
            raise CompanyNotFound
        return found


class MemoryTransaction:
    """A transaction that holds a company's lock."""

    def __init__(self, company: _Company) -> None:
        self._stored = company
        self.loaded = Loaded()

    @property
    def head(self) -> Head:
        """The head, with the clock now."""
        head = self._stored.head
        return Head(head.seq, head.recorded_at, head.hash, dict(head.numbers), datetime.now(timezone.utc))

    @head.setter
    def head(self, head: Head) -> None:
        self._stored.head = head

    def load(self, needs: Needs) -> Loaded:
        """Load what is needed."""
        stored, loaded = self._stored, Loaded()
        ids = set(needs.ids)
        for key in needs.clients & stored.clients.keys():
            loaded.clients[key] = stored.clients[key]
            ids.add(stored.clients[key])
        for key in needs.holders & stored.unique.keys():
            loaded.unique[key] = stored.unique[key]
            ids.add(stored.unique[key])
        for record in stored.records.values():
            wanted = record.id in ids or (record.kind, record.number) in needs.numbers
            family = stored.parents.get(record.id) in needs.parents or _in_shift(record, needs.shifts)
            if wanted or (family and not record.deleted):
                loaded.records.append(record)
        loaded.unique.update({key: stored.unique[key] for key in needs.unique & stored.unique.keys()})
        loaded.stock = {key: stored.stock[key] for key in needs.stock & stored.stock.keys()}
        loaded.histories = {
            record_id: [row for row in stored.log.rows if row.record_id == record_id] for record_id in needs.histories
        }
        for person_id in needs.traces:
            traced = {stored.log.rows[seq - 1].record_id for owner, seq in stored.keys if owner == person_id} | {person_id}
            loaded.traces[person_id] = [row for row in stored.log.rows if row.record_id in traced]
            loaded.records += [stored.records[record_id] for record_id in traced if record_id in stored.records]
        return loaded

    def append(self, append: Append, meanwhile: Callable[[], None] | None = None) -> None:
        """Write everything."""
        try:
            if meanwhile is not None:
                meanwhile()
        finally:
            _store(self._stored, append)


def _in_shift(record: Record, shifts: set[UUID]) -> bool:
    shift = record.data.get("shift_id") if shifts and record.kind in COUNTED else None
    return shift is not None and UUID(shift) in shifts


def _store(company: _Company, append: Append) -> None:
    taken = append.claimed.keys() & (company.unique.keys() - set(append.released))
    if taken:
        raise SequenceConflict(f"unique_values: {sorted(taken)}")
    company.log.record(
        [msgspec.structs.replace(event, hash=hash_) for event, hash_ in zip(append.events, append.hashes, strict=True)]
    )
    for record in (*append.created, *append.updated):
        company.records[record.id] = record
        company.parents.pop(record.id, None)
    company.parents.update(append.parents)
    for key in append.released:
        company.unique.pop(key, None)
    company.unique.update(append.claimed)
    company.clients.update(append.clients)
    for place, delta in append.stock.items():
        company.stock[place] = company.stock.get(place, Decimal(0)) + delta
    company.answers.update({answer.key: answer for answer in append.answers})
    company.credentials.update({credential.user_id: credential for credential in append.credentials})
    company.keys.update({(key.person_id, key.seq): key.key for key in append.keys})
    for person_id in append.erased:
        _erase(company, person_id)
    company.head = append.head


def _erase(company: _Company, person_id: UUID) -> None:
    for owner, seq in [key for key in company.keys if key[0] == person_id]:
        del company.keys[owner, seq]
        company.log.rows[seq - 1] = redacted(company.log.rows[seq - 1])
    company.credentials.pop(person_id, None)
