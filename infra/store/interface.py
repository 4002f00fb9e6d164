"""What the ledger asks of a store. Two stores keep it: Postgres, and memory for tests; one contract proves both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.books import ClientKey, StockKey, UniqueKey
from domain.decision import Credential
from domain.event import RecordedEvent
from domain.needs import Needs
from domain.record import Record


class SequenceConflict(Exception):
    """Somebody else wrote this position of the log or of the stream: nothing was stored."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a company's log ends. `now` is the store's clock, `numbers` the last dense number per kind."""

    seq: int
    recorded_at: datetime
    hash: bytes
    numbers: dict[str, int]
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered under an idempotency key."""

    key: str
    fingerprint: bytes
    answer: bytes


@dataclass(slots=True)
class Loaded:
    """What the store found of what was needed; what is not here does not exist."""

    records: list[Record] = field(default_factory=list)
    clients: dict[ClientKey, UUID] = field(default_factory=dict)
    unique: dict[UniqueKey, UUID] = field(default_factory=dict)
    stock: dict[StockKey, Decimal] = field(default_factory=dict)
    histories: dict[UUID, list[RecordedEvent]] = field(default_factory=dict)
    traces: dict[UUID, list[RecordedEvent]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)


class PersonKey(NamedTuple):
    """The key of what is sealed in the event `seq`, of whom it tells."""

    person_id: UUID
    seq: int
    key: bytes


@dataclass(slots=True)
class Append:
    """Everything one transaction writes: numbered events, their hashes, and the records as they stand after them.

    `keys` are those of the sealed events. Of the persons in `erased` every key is destroyed, with the clear text of what was sealed
    under it, and the passwords.
    """

    events: Sequence[RecordedEvent]
    hashes: list[bytes]
    head: Head
    created: list[Record]
    updated: list[Record]
    parents: dict[UUID, UUID]
    claimed: dict[UniqueKey, UUID]
    released: list[UniqueKey]
    clients: dict[ClientKey, UUID]
    stock: dict[StockKey, Decimal]
    answers: list[Answer]
    credentials: list[Credential]
    keys: list[PersonKey] = field(default_factory=list)
    erased: list[UUID] = field(default_factory=list)


class WriteTransaction(Protocol):
    """A transaction that holds a company's head: nobody else writes to that company until it ends."""

    head: Head
    loaded: Loaded

    def load(self, needs: Needs) -> Loaded:
        """Load more."""

    def append(self, append: Append, meanwhile: Callable[[], None] | None = None) -> None:
        """Write it all and commit; `meanwhile` is called while it is being written. Raises SequenceConflict."""


class Store(Protocol):
    """A store of logs."""

    def write(self, company_id: UUID, needs: Needs, keys: list[str]) -> AbstractContextManager[WriteTransaction]:
        """Take the company's head and load what is needed. Leaving without an append stores nothing. Raises CompanyNotFound."""

    def register(self, company_id: UUID, codename: str, database_id: int | None, write: Append) -> int:
        """Begin a company's log; returns its database id. Raises ValueTaken where the codename or database id is taken."""

    def head(self, company_id: UUID) -> Head:
        """Where the log ends now. Raises CompanyNotFound."""

    def read_events(
        self, company_id: UUID, after: int, limit: int, *, until: int | None = None, kinds: list[str] | None = None
    ) -> list[RecordedEvent]:
        """Events with `after` < seq (≤ `until`), in order."""

    def read_stream(self, company_id: UUID, record_id: UUID, *, until: int | None = None) -> list[RecordedEvent]:
        """The events of one record, in order."""

    def read_records(self, company_id: UUID, needs: Needs, keys: Sequence[str] = ()) -> Loaded:
        """Records by id, number, client id or parent, and stored answers by key, without the head."""
