"""Which products' stock has moved since a point of the log, and how much of each there is: what a delta pull of products needs.

A level moves with nothing but a stock movement, and every movement's record is in the index of kinds by the seq of its last event.
So nothing more is written for this when goods move, and asking when nothing has moved is one look into that index.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from infra.database import Connection

_MOVED = b"""
SELECT moved.product_id, moved.seq, coalesce(level.quantity, 0) FROM (
    SELECT (document::jsonb #>> '{data,product_id}')::uuid AS product_id, max(seq) AS seq FROM records
    WHERE company_id = %b AND kind = 'stock_movement' AND seq > %b AND seq <= %b GROUP BY 1
) AS moved LEFT JOIN LATERAL (
    SELECT sum(quantity) AS quantity FROM stock_levels WHERE company_id = %b AND product_id = moved.product_id
) AS level ON true ORDER BY moved.seq
"""
_LEVELS = b"""
SELECT product_id, sum(quantity) FROM stock_levels WHERE company_id = %b AND product_id = ANY(%b) GROUP BY product_id
"""
_ALL_LEVELS = b"SELECT product_id, sum(quantity) FROM stock_levels WHERE company_id = %b GROUP BY product_id"


class Moved(NamedTuple):
    """A product whose stock moved: the seq of its last movement, and what there is now, in all stores together."""

    product_id: UUID
    seq: int
    quantity: Decimal


def products_moved(connection: Connection, company_id: UUID, after: int, until: int) -> list[Moved]:
    """The products whose stock moved in `after` < seq ≤ `until`, the last to move last."""
    rows = connection.execute(_MOVED, (company_id, after, until, company_id), binary=True).fetchall()
    return [Moved(*row) for row in rows]


def stock_of(connection: Connection, company_id: UUID, products: Collection[UUID] | None = None) -> dict[UUID, Decimal]:
    """How much of these products (without any named, of all) there is in all stores together; what never moved is left out."""
    if products is None:
        rows = connection.execute(_ALL_LEVELS, (company_id,), binary=True).fetchall()
    else:
        rows = connection.execute(_LEVELS, (company_id, list(products)), binary=True).fetchall()
    return dict(rows)
