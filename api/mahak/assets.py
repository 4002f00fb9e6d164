"""Stock by product detail and store, from the ledger's stock levels: how much there is whenever something moved.

The ledger counts products, so the stock of a product is that of its first detail. What lies in stores that this dialect has no
collection for is counted together, in the store 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from api.documents import Document
from api.mahak.collections.view import Known, id_of
from api.mahak.documents import Row, server_time
from api.mahak.values import write_number
from infra.database import CompanyConnections
from infra.reading.referenced import stock_of_products, stores_in_order

COLLECTION = "productDetailStoreAssets"
PRODUCTS_MOST = 20_000_000
"""The id of an asset is the product's number, plus so much for each store before: stores beyond the 106th have no assets."""
STORES_MOST = 106
_NAMESPACE = UUID("8f0c7a54-6b0e-4d55-9c7e-3a1f4f0d9b21")


@dataclass(frozen=True, slots=True)
class Asset:
    """How much of a product is in a store, as of the change `seq`; `place` is the store's in the order of stores, 0 for none."""

    key: UUID
    seq: int
    place: int
    row: Row


def assets_of(connections: CompanyConnections, company_id: UUID, changed: Mapping[str, Document], known: Known) -> Sequence[Asset]:
    """The assets of products: `changed` has, of each product, the last document that changed its stock or its details."""
    levels = stock_of_products(connections, company_id, [UUID(one) for one in changed])
    if not levels:
        return ()
    has_stores = any(store_id is not None for _, store_id, _ in levels)
    stores = stores_in_order(connections, company_id) if has_stores else {}
    sums: dict[tuple[str, int], tuple[Decimal, int]] = {}
    for product_id, store_id, quantity in levels:
        place, number = stores.get(store_id, (0, 0)) if store_id is not None else (0, 0)
        key = (str(product_id), place)
        sums[key] = (sums.get(key, (Decimal(0), 0))[0] + quantity, number)
    return list(_assets(sums, changed, known))


def _assets(sums: Mapping[tuple[str, int], tuple[Decimal, int]], changed: Mapping[str, Document], known: Known) -> Iterable[Asset]:
    for (product_id, place), (quantity, store_number) in sums.items():
        product, cause = known.records.get(product_id), changed[product_id]
        if product is None or place > STORES_MOST or product.number >= PRODUCTS_MOST:
            continue
        detail = known.details.get(product_id) or product
        row: Row = {
            "productDetailStoreAssetId": asset_id(product.number, place),
            "productDetailId": id_of("productDetails", detail.kind, detail.number),
            "storeId": store_number,
            "count1": write_number(f"{quantity.normalize():f}"),
            "count2": 0,
            "deleted": product.deleted,
            "dataHash": None,
            "createDate": server_time(cause.created_at),
            "updateDate": server_time(cause.updated_at),
            "createSyncId": 0,
            "updateSyncId": 0,
            "rowVersion": cause.seq,
        }
        yield Asset(UUID(int=UUID(product_id).int ^ _NAMESPACE.int), cause.seq, place, row)


def asset_id(product_number: int, place: int) -> int:
    """The id of the asset of a product in the store at a place."""
    return place * PRODUCTS_MOST + product_number
