"""Stock as a client counted it: a row of the assets says what there is, and a movement brings the level there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from api.mahak.assets import COLLECTION, asset_id
from api.mahak.saving.batch import Item
from api.mahak.saving.translation import Planned, Translation
from api.mahak.values import read_decimal
from domain.command import Command
from domain.errors import InvalidField, LedgerError
from infra.database import Database
from infra.ids import new_id
from infra.reading.referenced import stock_of_products, stores_in_order


class Counts:
    """The counted rows of one batch."""

    def __init__(self, database: Database, company_id: UUID) -> None:
        self.database = database
        self.company_id = company_id
        self._places: dict[int, tuple[UUID, UUID | None]] = {}
        """By `id()` of the item: which product, in which store."""

    def commands(self, translation: Translation) -> list[Planned]:
        """A movement for every count that differs from the level. What is wrong with a row is noted on it."""
        items = [item for item in translation.batch.lists.get(COLLECTION, ()) if item.error is None]
        counted: list[tuple[Item, Any, Decimal]] = []
        for item in items:
            try:
                counted.append((item, *self._read(item, translation)))
            except LedgerError as error:
                item.error = error
        levels = self._levels()
        planned: list[Planned] = []
        for item, detail, count in counted:
            place = self._places[id(item)]
            change = count - levels.get(place, Decimal(0))
            if change:
                levels[place] = count
                item.record_id = new_id()
                data = {
                    "product_id": str(place[0]),
                    "product_detail_id": detail,
                    "store_id": place[1],
                    "quantity": str(change),
                    "reason": "adjustment",
                }
                planned.append(Planned(item, Command(kind="stock_movement", action="create", id=item.record_id, data=data)))
        return planned

    def _read(self, item: Item, translation: Translation) -> tuple[Any, Decimal]:
        """Which detail, where it is one of the ledger's, and how much of it there is."""
        named = item.links.get("product_detail_id")
        if named is None:
            raise InvalidField("A row of the stock names its detail.", path=f"{item.path}.productDetailId")
        if item.deleted or item.row.get("count1") is None:
            raise InvalidField("Say what there is; where there is nothing, 0.", path=f"{item.path}.count1")
        count = read_decimal(item.row["count1"], f"{item.path}.count1")
        kind, reference = translation.resolve(named, item)
        product = translation.product_of(named, item) if kind == "product_detail" else reference
        store = item.links.get("store_id")
        store_id = translation.resolve(store, item)[1] if store is not None else None
        if not isinstance(product, str) or not isinstance(store_id, str | None):
            raise InvalidField("There is no such detail or store.", path=named.path)
        self._places[id(item)] = (UUID(product), UUID(store_id) if store_id else None)
        return (reference if kind == "product_detail" else None), count

    def _levels(self) -> dict[tuple[UUID, UUID | None], Decimal]:
        products = sorted({product for product, _ in self._places.values()})
        if not products:
            return {}
        return {(product, store): level for product, store, level in stock_of_products(self.database, self.company_id, products)}

    def ids(self, items: Sequence[Item], numbers: dict[UUID, tuple[int, int]]) -> dict[int, int]:
        """The ids on the wire of counted rows, by `id()` of the item. `numbers` has the products'."""
        has_stores = any(store is not None for _, store in self._places.values())
        stores = stores_in_order(self.database, self.company_id) if has_stores else {}
        found: dict[int, int] = {}
        for item in items:
            product, store = self._places[id(item)]
            place = stores.get(store, (0, 0))[0] if store is not None else 0
            found[id(item)] = asset_id(numbers[product][0], place)
        return found

    def products(self) -> list[UUID]:
        """The products that were counted."""
        return sorted({product for product, _ in self._places.values()})
