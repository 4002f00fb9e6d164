"""The working set of one company: the records, numbers, client ids, unique values and stock that a decision sees.

`apply` is the one fold of inline read models: the write path, the rebuild and the verification all call it. Everything here is
pure and in memory; whoever uses it loads it first and stores what it says has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain.event import RecordedEvent
from domain.kind import Kind
from domain.money import EXACT, ZERO
from domain.record import Record, assign
from domain.upcasting import topic_today

UniqueKey = tuple[str, str, str]  # kind, name of the unique value, the value
ClientKey = tuple[str, str, str]  # kind, source, client id
StockKey = tuple[UUID, UUID | None]  # product, store

_missing: Any = object()
_uuid = lru_cache(maxsize=8192)(UUID)
"""The same parents and products come again and again, and parsing a UUID costs more than the rest of a fold."""


def stock_key(product_id: UUID, store_id: UUID | None) -> StockKey:
    """Whose level this is; the nil UUID names the company's only store, as None does."""
    return product_id, store_id if store_id is not None and store_id.int else None


@dataclass(slots=True)
class Books:
    """What is known of one company's books. `records` holds tombstones too; `None` marks a unique value known to be free.

    With `undoable=False` nothing can be rolled back, and `apply` keeps no notes for it: that is how logs are replayed. With
    `indexed=False` it also keeps no look-ups by number, client id, family and unique value: replay wants the changes only.
    """

    company_id: UUID
    seq: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    records: dict[UUID, Record] = field(default_factory=dict)
    by_number: dict[tuple[str, int], UUID] = field(default_factory=dict)
    by_client: dict[ClientKey, UUID] = field(default_factory=dict)
    unique: dict[UniqueKey, UUID | None] = field(default_factory=dict)
    stock: dict[StockKey, Decimal] = field(default_factory=dict)
    children: dict[UUID, dict[UUID, None]] = field(default_factory=dict)
    histories: dict[UUID, list[RecordedEvent]] = field(default_factory=dict)
    traces: dict[UUID, list[RecordedEvent]] = field(default_factory=dict)
    """Per person, the histories of all records that hold personal data of theirs."""

    # What was changed since the load, in the order of the tables that keep it
    touched: dict[UUID, None] = field(default_factory=dict)
    new_clients: dict[ClientKey, UUID] = field(default_factory=dict)
    claims: dict[UniqueKey, UUID | None] = field(default_factory=dict)
    released: dict[UniqueKey, None] = field(default_factory=dict)
    moved_stock: dict[StockKey, Decimal] = field(default_factory=dict)
    undoable: bool = True
    indexed: bool = True
    _undo: list[tuple[dict[Any, Any] | None, Any, Any]] = field(default_factory=list)

    def record(self, record_id: UUID) -> Record | None:
        """The record, deleted or not, or None."""
        return self.records.get(record_id)

    def living_children(self, parent_id: UUID, kind: str) -> list[Record]:
        """The loaded, living records of `kind` whose parent is `parent_id`, in order of their numbers."""
        found = (self.records[child] for child in self.children.get(parent_id, ()))
        return sorted((r for r in found if r.kind == kind and not r.deleted), key=lambda r: r.number)

    def add(self, record: Record, kind: Kind) -> None:
        """Put a loaded record into the working set."""
        self.records[record.id] = record
        self.by_number[record.kind, record.number] = record.id
        if kind.parent and (parent := record.data.get(kind.parent)):
            self.children.setdefault(UUID(parent), {})[record.id] = None

    def replace(self, record: Record) -> None:
        """Put a record in the place of what it was: the same version, with the past told otherwise."""
        self._set(self.records, record.id, record)

    # Undo: an item that is refused leaves no trace, the items before it stand ---------------------

    def mark(self) -> int:
        """A point to roll back to."""
        return len(self._undo)

    def rollback(self, mark: int) -> None:
        """Undo everything since `mark`."""
        while len(self._undo) > mark:
            mapping, key, before = self._undo.pop()
            if mapping is None:
                self.seq = before
            elif before is _missing:
                mapping.pop(key, None)
            else:
                mapping[key] = before

    def _set(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        if self.undoable:
            self._undo.append((mapping, key, mapping.get(key, _missing)))
        mapping[key] = value

    def _drop(self, mapping: dict[Any, Any], key: Any) -> None:
        if key in mapping:
            if self.undoable:
                self._undo.append((mapping, key, mapping[key]))
            del mapping[key]

    # The fold -------------------------------------------------------------------------------------

    def apply(self, event: RecordedEvent, kind: Kind, fields: dict[str, Any]) -> Record:
        """Fold one event whose JSON object is `fields` (already upcast) and return the record as it stands then."""
        if self.undoable:
            self._undo.append((None, None, self.seq))
        self.seq = event.seq
        before = self.records.get(event.record_id)
        after = evolve(before, event, kind, fields)
        if not self.undoable:
            self.records[event.record_id] = after
            self.touched[event.record_id] = None
        else:
            self._set(self.records, event.record_id, after)
            if event.record_id not in self.touched:
                self._set(self.touched, event.record_id, None)
        if before is None:
            self._created(after)
        if kind.parent and self.indexed:
            self._parent(kind.parent, before, after)
        if kind.unique:
            self._unique(kind, before, after)
        if kind.name == "stock_movement":
            self._stock(before, after)
        return after

    def _created(self, record: Record) -> None:
        if record.number > self.numbers.get(record.kind, 0):
            self._set(self.numbers, record.kind, record.number)
        if self.indexed:
            self._set(self.by_number, (record.kind, record.number), record.id)
        if record.client_id is not None and record.source is not None:
            key = (record.kind, record.source, record.client_id)
            if self.indexed:
                self._set(self.by_client, key, record.id)
            self._set(self.new_clients, key, record.id)

    def _parent(self, name: str, before: Record | None, after: Record) -> None:
        old = before.data.get(name) if before else None
        new = after.data.get(name)
        if old == new:
            return
        if old is not None and (family := self.children.get(_uuid(old))) is not None:
            self._drop(family, after.id)
        if new is not None:
            parent = _uuid(new)
            if parent in self.children:
                self._set(self.children[parent], after.id, None)
            else:
                self._set(self.children, parent, {after.id: None})

    def _unique(self, kind: Kind, before: Record | None, after: Record) -> None:
        for unique in kind.unique:
            old = unique.value(before.data) if before and (unique.kept or not before.deleted) else None
            new = unique.value(after.data) if unique.kept or not after.deleted else None
            if old == new:
                continue
            if old is not None:
                key = (kind.name, unique.name, old)
                self._set(self.claims, key, None)
                self._set(self.released, key, None)
                if self.indexed:
                    self._set(self.unique, key, None)
            if new is not None:
                key = (kind.name, unique.name, new)
                self._set(self.claims, key, after.id)
                if self.indexed:
                    self._set(self.unique, key, after.id)

    def _stock(self, before: Record | None, after: Record) -> None:
        for record, taken_back in ((before, True), (after, False)):
            if record is None or record.deleted or "product_id" not in record.data:
                continue
            store = record.data.get("store_id")
            key = stock_key(_uuid(record.data["product_id"]), _uuid(store) if store else None)
            quantity = Decimal(record.data["quantity"])
            delta = EXACT.minus(quantity) if taken_back else quantity
            self._set(self.moved_stock, key, EXACT.add(self.moved_stock.get(key, ZERO), delta))
            self._set(self.stock, key, EXACT.add(self.stock.get(key, ZERO), delta))


def evolve(record: Record | None, event: RecordedEvent, kind: Kind, fields: dict[str, Any]) -> Record:
    """The record after the event: created events make it, deleted events bury it, every other one assigns its fields."""
    if record is None:
        known = dict(fields)
        return Record(
            kind=event.kind,
            id=event.record_id,
            number=known.pop("number"),
            client_id=known.pop("client_id", None),
            source=known.pop("source", None),
            seq=event.seq,
            version=event.version,
            created_at=event.recorded_at,
            updated_at=event.recorded_at,
            created_by=event.actor_id,
            updated_by=event.actor_id,
            data=known,
        )
    struct = kind.topics.get(event.topic) or kind.topics.get(topic_today(event.topic))
    return Record(
        kind=record.kind,
        id=record.id,
        number=record.number,
        client_id=record.client_id,
        source=record.source,
        seq=event.seq,
        version=event.version,
        created_at=record.created_at,
        updated_at=event.recorded_at,
        created_by=record.created_by,
        updated_by=event.actor_id,
        deleted=record.deleted or struct is kind.Deleted,
        data=assign(record.data, fields) if fields else record.data,
    )
