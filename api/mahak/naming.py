"""Which record a request outside the batches names: the collection by any of its names, the record by its id there."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from api.documents import document_of
from api.mahak.collections import ALL
from api.mahak.collections.collection import Collection
from domain.errors import InvalidField, ReferenceMissing
from domain.needs import Needs
from domain.record import Record
from domain.values import LARGEST_NUMBER
from infra.store.interface import Store

_CODES: Mapping[str, str] = {"people": "101", "products": "102", "orders": "401"}
"""What galleries call the collections whose rows have pictures."""
BY_ENTITY: Mapping[str, Collection] = {
    name.lower(): collection
    for collection in ALL
    for name in (
        collection.name,
        collection.entity,
        collection.asked,
        collection.also,
        *collection.guide,
        _CODES.get(collection.name, ""),
    )
    if name
}
"""Every name of an entity, in lower case: `Bank`, `banks`, `customers`."""


def collection_named(named: str, path: str) -> Collection:
    """The collection of any of its names, or of its code in galleries. Raises InvalidField."""
    found = BY_ENTITY.get(named.strip().lower())
    if found is None:
        raise InvalidField(f"`{path}` must be one of the collections, as `people` or `person`.", path=path)
    return found


def living_record(store: Store, company_id: UUID, collection: Collection, row_id: int, path: str) -> Record:
    """The living record behind an id of a collection. Raises ReferenceMissing."""
    if collection.plans:
        plan, number = collection.plan_of_id(row_id)
        needs = Needs(numbers={(plan.kind, number)} if 1 <= number <= LARGEST_NUMBER else set())
        for record in store.read_records(company_id, needs).records:
            if (record.kind, record.number) == (plan.kind, number) and not record.deleted and plan.view.shows(document_of(record)):
                return record
    raise ReferenceMissing(f"There is no {collection.entity} {row_id}.", path=path)
