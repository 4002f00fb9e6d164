"""The inline read models: current documents, unique values, client ids and stock levels.

Live, the write path keeps them with `Books.apply`; here the same `Books.apply` folds them from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.event import RecordedEvent
from domain.money import EXACT, ZERO
from domain.record import Record, decode_record
from projections.projection import Changes, Index, Row, Table, View

NO_STORE = UUID(int=0)
"""How the company's only store is kept in a key column, which cannot be NULL."""

RECORDS = Table(
    name="records",
    columns={
        "id": "uuid",
        "kind": "text",
        "number": "bigint",
        "seq": "bigint",
        "parent_id": "uuid",
        "deleted": "boolean",
        "document": "text",
    },
    key=("id",),
    nullable=frozenset({"parent_id"}),
    indexes=(
        Index("records_company_id_kind_number_key", "company_id, kind, number", unique=True),
        Index("records_by_seq", "company_id, seq", unique=True),
        Index("records_by_kind", "company_id, kind, seq", unique=True),
        Index("records_by_parent", "company_id, parent_id", where="parent_id IS NOT NULL"),
        Index("attachments_by_id", "id", where="kind = 'attachment'"),
        Index(
            "sessions_by_device",
            "company_id, ((document::jsonb -> 'data' ->> 'device_id'))",
            where="kind = 'session' AND NOT deleted",
        ),
        Index(
            "credits_by_party",
            "company_id, ((document::jsonb -> 'data' ->> 'party_id'))",
            where="kind = 'payment' AND parent_id IS NULL AND NOT deleted",
        ),
        Index(
            "records_by_shift",
            "company_id, ((document::jsonb -> 'data' ->> 'shift_id'))",
            where="kind = ANY (ARRAY['cash_transaction', 'expense', 'invoice', 'payment'])"
            """ AND strpos(document, '"shift_id":"') > 0""",
        ),
        Index(
            "sessions_by_user",
            "company_id, ((document::jsonb -> 'data' ->> 'user_id'))",
            where="kind = 'session' AND NOT deleted",
        ),
        Index(
            "users_archived",
            "((document::jsonb -> 'data' ->> 'archived_at'))",
            where="kind = 'user' AND NOT deleted AND document::jsonb -> 'data' ->> 'archived_at' IS NOT NULL",
        ),
    ),
    privileges="SELECT, INSERT, UPDATE",
)
UNIQUE_VALUES = Table(
    name="unique_values",
    columns={"kind": "text", "name": "text", "value": "text", "record_id": "uuid"},
    key=("kind", "name", "value"),
    indexes=(
        Index("users_by_email", "value", where="kind = 'user' AND name = 'email'"),
        Index("users_by_username", "value", where="kind = 'user' AND name = 'username'"),
    ),
    privileges="SELECT, INSERT, UPDATE, DELETE",
)
CLIENT_IDS = Table(
    name="client_ids",
    columns={"kind": "text", "source": "text", "client_id": "text", "record_id": "uuid"},
    key=("kind", "source", "client_id"),
    privileges="SELECT, INSERT",
    append_only=True,
)
STOCK_LEVELS = Table(
    name="stock_levels",
    columns={"product_id": "uuid", "store_id": "uuid", "quantity": "numeric"},
    key=("product_id", "store_id"),
    privileges="SELECT, INSERT, UPDATE",
    immaterial="quantity = 0",
)


class RecordsProjection:
    """What `Books.apply` keeps."""

    name = "records"
    version = 2
    kinds: frozenset[str] | None = None
    tables = (RECORDS, UNIQUE_VALUES, CLIENT_IDS, STOCK_LEVELS)
    inline = True

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Load the records that these events continue, apply the events, and write what the books say has changed."""
        books = Books(company_id, undoable=False, indexed=False)
        created = {event.record_id for event in events if event.version == 1}
        continued = {event.record_id for event in events if event.version > 1 and event.record_id not in created}
        if continued:
            for (document,) in view.find(RECORDS, ("id",), [(key,) for key in continued], ("document",)):
                record = decode_record(document)
                books.records[record.id] = record
        for event in events:
            books.apply(event, CATALOGUE[event.kind], fields_of(event))
        changes = Changes()
        inserts, puts = changes.inserts.setdefault(RECORDS, []), changes.puts.setdefault(RECORDS, [])
        for record_id, record in books.records.items():  # no other records than those of the events are in these books
            (inserts if record_id in created else puts).append(record_row(record))
        changes.inserts[CLIENT_IDS] = [(*key, record_id) for key, record_id in books.new_clients.items()]
        changes.deletes[UNIQUE_VALUES] = list(books.released)
        changes.puts[UNIQUE_VALUES] = [(*key, holder) for key, holder in books.claims.items() if holder is not None]
        changes.puts[STOCK_LEVELS] = self._levels(books, view)
        return changes

    def _levels(self, books: Books, view: View) -> list[Row]:
        moved = {(product, store or NO_STORE): delta for (product, store), delta in books.moved_stock.items() if delta}
        if not moved:
            return []
        found = view.find(STOCK_LEVELS, STOCK_LEVELS.key, list(moved), ("product_id", "store_id", "quantity"))
        before: dict[Row, Decimal] = {(product, store): quantity for product, store, quantity in found}
        return [(*key, EXACT.add(before.get(key, ZERO), delta)) for key, delta in moved.items()]


def record_row(record: Record) -> Row:
    """The row of a record: what is looked up, and its document ready to send."""
    parent = CATALOGUE[record.kind].parent
    owner: str | None = record.data.get(parent) if parent else None
    return (
        record.id,
        record.kind,
        record.number,
        record.seq,
        owner,
        record.deleted,
        record.encode(),
    )
