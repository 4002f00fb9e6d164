"""What there is already of what a batch names: its rows' records, and those that they refer to. One query for the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from api.documents import documents_of
from api.mahak.collections import COLLECTIONS
from api.mahak.collections.files import PHOTO_GALLERIES
from api.mahak.collections.plan import Named
from api.mahak.collections.view import client_id_of, code_of
from api.mahak.saving.batch import Batch, Item
from api.mahak.saving.unnamed import key_after
from domain.event import JSON
from domain.needs import Needs
from domain.record import Record, decode_record
from domain.values import LARGEST_NUMBER
from infra.database import Database
from infra.lists.listing import Condition, Source, list_from
from infra.store.interface import Loaded, Store

PLAIN_IDS = frozenset({"store_id", "project_id"})
"""Fields of ours that hold a record's id and are no reference: the id itself has to be known."""

MOST_WITH_CODES = 20_000
"""Records that one request's codes may name."""
READ = frozenset({"productDetails", "receipts", "payments", "pictures"})
"""Collections of which more than the number has to be known: a detail's product, a payment's cheques, a picture's file."""


PAID, SOLD = frozenset({"receipts", "payments"}), frozenset({"orders", "invoices"})
"""Which way the money of an invoice goes says whether a receipt or a payment may name it."""
CUSTOM = "custom_record"


@dataclass(slots=True)
class Known:
    """Records by their numbers and by the ids that clients gave them."""

    by_number: dict[tuple[str, int], Record] = field(default_factory=dict)
    by_client: dict[tuple[str, str], Record] = field(default_factory=dict)
    by_code: dict[tuple[str, int], Record] = field(default_factory=dict)
    needs: Needs = field(default_factory=Needs)
    """What was looked for to know this."""
    loaded: Loaded = field(default_factory=Loaded)
    """What was found."""

    def add(self, record: Record) -> None:
        """Remember a record by its number."""
        self.by_number[record.kind, record.number] = record


def read_known(store: Store, company_id: UUID, source: str, batch: Batch, earlier: Sequence[Item] = ()) -> Known:
    """Everything that is named by id or by client id, by the batch's items and by those of earlier requests."""
    needs = Needs()
    for item in (*batch.items, *earlier):
        if item.error is None:
            _note(needs, source, item)
    known = Known()
    while needs:
        loaded = store.read_records(company_id, needs)
        known.needs.include(needs)
        known.loaded.records += loaded.records
        known.loaded.clients |= loaded.clients
        records = {record.id: record for record in loaded.records}
        for record in loaded.records:
            known.add(record)
        for (kind, _, client_id), record_id in loaded.clients.items():
            known.by_client[kind, client_id] = records[record_id]
        needs = Needs(clients={(CUSTOM, source, key) for key in _renamed(batch, known)})
    return known


def _renamed(batch: Batch, known: Known) -> list[str]:
    """New names for the rows without client ids that say what a deleted row said: each is another row, which may be there too."""
    keys: list[str] = []
    for item in batch.items:
        if item.error is None and "#" in item.client_key and not item.id and not item.deleted:
            record = known.by_client.get((CUSTOM, item.client_key))
            if record is not None and record.deleted:
                item.client_key = key_after(item.client_key, record.seq)
                keys.append(item.client_key)
    return keys


def _note(needs: Needs, source: str, item: Item) -> None:
    collection = item.collection
    if item.id:
        plan, number = collection.plan_of_id(item.id) if collection.plans else (None, 0)
        if plan is not None and 1 <= number <= LARGEST_NUMBER:
            needs.numbers.add((plan.kind, number))
    elif item.client_key:
        needs.clients.update((kind, source, item.client_key) for kind in collection.plans)
    for named in item.links.values():
        target = COLLECTIONS[named.link.collection]
        if named.id > 0:
            plan, number = target.plan_of_id(named.id)
            is_paid = collection.name in PAID and target.name in SOLD
            has_to_be_read = (
                is_paid or target.name in READ or collection is PHOTO_GALLERIES or not PLAIN_IDS.isdisjoint(named.link.ours)
            )
            if has_to_be_read and 1 <= number <= LARGEST_NUMBER:
                needs.numbers.add((plan.kind, number))
        elif named.client_id:
            key = client_key_of(named)
            needs.clients.update((kind, source, key) for kind in target.plans)


def read_codes(database: Database, company_id: UUID, batch: Batch, known: Known) -> None:
    """The records that are named by nothing but a code, as the accounting program's side does. A query for each kind of them."""
    wanted: dict[tuple[str, str, str], set[int]] = {}
    for item in batch.items:
        for named in item.links.values():
            if named.id <= 0 and not named.client_id and named.code:
                target = COLLECTIONS[named.link.collection]
                for plan in target.plans.values():
                    wanted.setdefault((plan.kind, plan.view.code, target.code_wire), set()).add(named.code)
    for (kind, field_name, wire), codes in wanted.items():
        paths = (("data", *field_name.split(".")), ("data", "data" if kind == "custom_record" else "extra", wire))
        values = (*codes, *map(str, codes))
        found = list_from(database, company_id, [Source(kind, (Condition(paths, values),))], limit=MOST_WITH_CODES)
        for document in documents_of(found.items):
            record = decode_record(JSON.encode(document))
            if (code := code_of(document, wire.removesuffix("Code"))) in codes:
                known.by_code.setdefault((kind, code), record)


def client_key_of(named: Named) -> str:
    """The id that a client gave to the record that is named, in the words of the ledger."""
    return client_id_of(named.link.entity or named.link.prefix, named.client_id)
