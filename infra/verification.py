"""The proof of a company's log: every event's hash follows from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.event import GENESIS, chain_hash
from infra.database import Database
from infra.store.postgres import PostgresStore

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How many events were checked, the hash of the last good one, and the first event that is not what was recorded."""

    checked: int
    hash: bytes
    first_bad_seq: int | None


def verify_chain(database: Database, company_id: UUID, until: int | None = None) -> VerifyReport:
    """Check a company's log up to `until` (default: its head), a page at a time. Raises CompanyNotFound."""
    store = PostgresStore(database)
    head = store.head(company_id)
    end = head.seq if until is None else min(until, head.seq)
    previous, checked = GENESIS, 0
    while checked < end:
        events = store.read_events(company_id, checked, PAGE, until=end)
        for event in events:
            expected = chain_hash(previous, event)
            if event.seq != checked + 1 or event.hash != expected:
                return VerifyReport(checked, previous, checked + 1)
            previous, checked = expected, event.seq
        if not events:
            return VerifyReport(checked, previous, checked + 1)
    if end == head.seq and previous != head.hash:
        return VerifyReport(checked, previous, end)
    return VerifyReport(checked, previous, None)
