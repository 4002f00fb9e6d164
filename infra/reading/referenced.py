"""What dialects with integer ids look up beside the records they render: other records, and stock by store."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from infra.database import CompanyConnections
from infra.store.arrays import uuids
from infra.store.pipeline import run

_WITH_IDS = b"SELECT string_agg(document, ',') FROM records WHERE company_id = %b AND id = ANY(%b)"
_OF_PARENTS = b"SELECT string_agg(document, ',') FROM records WHERE company_id = %b AND kind = %b AND parent_id = ANY(%b)"
_STOCK = b"SELECT product_id, store_id, quantity FROM stock_levels WHERE company_id = %b AND product_id = ANY(%b)"
_STORES = b"""
SELECT id, number FROM records
WHERE company_id = %b AND kind = 'custom_record' AND document::jsonb -> 'data' ->> 'type' = 'stores' ORDER BY number
"""
_ROWS = b"""
SELECT record_id, collection FROM sync_rows
WHERE company_id = %b AND record_id = ANY(%b) AND dialect = %b AND layout = %b AND part = 0 AND starts_with(collection, %b)
"""


def documents_with_ids(connections: CompanyConnections, company_id: UUID, record_ids: Sequence[UUID]) -> bytes:
    """The documents of these records, as the inside of a JSON list."""
    with connections.company(company_id) as connection:
        return run(connection, _WITH_IDS, (company_id, uuids(record_ids))).get_value(0, 0) or b""


def documents_of_parents(connections: CompanyConnections, company_id: UUID, kind: str, parents: Sequence[UUID]) -> bytes:
    """The documents of the records of a kind that these records own, as the inside of a JSON list."""
    with connections.company(company_id) as connection:
        return run(connection, _OF_PARENTS, (company_id, kind, uuids(parents))).get_value(0, 0) or b""


def stock_of_products(
    connections: CompanyConnections, company_id: UUID, products: Sequence[UUID]
) -> list[tuple[UUID, UUID | None, Decimal]]:
    """How much of these products is in each store: (product, store, quantity); the company's only store is None."""
    with connections.company(company_id) as connection:
        rows = connection.execute(_STOCK, (company_id, list(products)), binary=True).fetchall()
    return [(product_id, store_id if store_id.int else None, quantity) for product_id, store_id, quantity in rows]


def stores_in_order(connections: CompanyConnections, company_id: UUID) -> dict[UUID, tuple[int, int]]:
    """Of each store that a client's collection of stores has: its place in the order of their numbers, from 1, and its number."""
    with connections.company(company_id) as connection:
        rows = connection.execute(_STORES, (company_id,), binary=True).fetchall()
    return {record_id: (place, number) for place, (record_id, number) in enumerate(rows, start=1)}


def rows_of_records(
    connections: CompanyConnections, own: tuple[UUID, str, int], record_ids: Sequence[UUID], prefix: str
) -> list[tuple[UUID, str]]:
    """Which of these records have rows (infra/sync/rows.py) in which collections that begin so; `own` is the layout's key."""
    company_id, dialect, version = own
    with connections.company(company_id) as connection:
        parameters = (company_id, list(record_ids), dialect, version, prefix)
        return connection.execute(_ROWS, parameters, binary=True).fetchall()
