"""The last steps of every write: number, chain, and gather what one transaction has to store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.books import Books
from domain.catalogue import CATALOGUE
from domain.decision import MICROSECOND, Credential
from domain.event import RecordedEvent, chain_hash
from domain.record import Record
from infra.store.interface import Answer, Append, Head, Loaded
from infra.store.sealing import seal


def now_after(head: Head) -> datetime:
    """The store's clock, never at or before the last event: recorded_at strictly increases, whatever the clocks do."""
    return max(head.now, head.recorded_at + MICROSECOND)


def books_of(company_id: UUID, head: Head, *, undoable: bool = True, indexed: bool = True) -> Books:
    """Empty books that continue from `head`."""
    return Books(company_id, seq=head.seq, numbers=dict(head.numbers), undoable=undoable, indexed=indexed)


def fill(books: Books, loaded: Loaded) -> None:
    """Put what was loaded into the books."""
    for record in loaded.records:
        if record.id not in books.records:
            books.add(record, CATALOGUE[record.kind])
    books.by_client.update(loaded.clients)
    books.unique.update(loaded.unique)
    books.stock.update(loaded.stock)
    books.histories.update(loaded.histories)
    books.traces.update(loaded.traces)


def parent_of(record: Record) -> UUID | None:
    """The record's owner, by which its family is found."""
    parent = CATALOGUE[record.kind].parent
    value = record.data.get(parent) if parent else None
    return UUID(value) if value else None


def chain(events: Sequence[RecordedEvent], previous: bytes) -> list[bytes]:
    """The hash of each event, each over the one before."""
    hashes: list[bytes] = []
    for event in events:
        previous = chain_hash(previous, event)
        hashes.append(previous)
    return hashes


def append_of(
    books: Books,
    events: Sequence[RecordedEvent],
    head: Head,
    answers: Sequence[Answer] = (),
    credentials: Sequence[Credential] = (),
    erased: Sequence[UUID] = (),
) -> Append:
    """Everything that storing `events`, already folded into `books`, has to write after `head`."""
    events, keys = seal(events)
    hashes = chain(events, head.hash)
    firsts = {event.record_id for event in events if event.version == 1}
    created = [books.records[record_id] for record_id in books.touched if record_id in firsts]
    updated = [books.records[record_id] for record_id in books.touched if record_id not in firsts]
    return Append(
        events=events,
        hashes=hashes,
        head=Head(
            books.seq,
            events[-1].recorded_at if events else head.recorded_at,
            hashes[-1] if hashes else head.hash,
            books.numbers,
            head.now,
        ),
        created=created,
        updated=updated,
        parents={r.id: parent for r in (*created, *updated) if (parent := parent_of(r)) is not None},
        claimed={key: holder for key, holder in books.claims.items() if holder is not None},
        released=list(books.released),
        clients=books.new_clients,
        stock={key: delta for key, delta in books.moved_stock.items() if delta},
        answers=list(answers),
        credentials=list(credentials),
        keys=keys,
        erased=list(erased),
    )
