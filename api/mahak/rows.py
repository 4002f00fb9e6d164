"""The rows of pulls, ready to send (infra/sync_rows.py): one layout for each family, because their spelling differs.

The parts of a collection are the order types, so that clients can ask for some of them only; of the product details the second part
is the product's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from msgspec import structs

from api.mahak import assets
from api.mahak.collections import ALL, BY_KIND, COLLECTIONS, OF_VENDOR
from api.mahak.collections.collection import Collection
from api.mahak.collections.plan import Plan
from api.mahak.collections.trade import INVOICE_TYPES, ORDER_TYPES
from api.mahak.collections.view import Known
from api.mahak.documents import Document, Row, documents_of
from api.mahak.known import find_details, known_to, look_up
from domain.event import JSON
from infra.database import CompanyConnections
from infra.sync_layout import Layout, Render, SyncRow

ORDER_PARTS: Mapping[str, int] = {str(number): part for part, number in enumerate(sorted({*INVOICE_TYPES, *ORDER_TYPES}))}
"""The part of the collection that orders of a type, and their lines, are in."""
BY_PART = frozenset({"orders", "orderDetails"})
OWN_DETAIL = 1
"""The part of the product details that are products without one."""
MAY_LEAVE = frozenset({"payment", "cheque", "attachment"})
"""Kinds whose records may be a row of one collection now and of another later: the first one is told that it is gone."""
_PLANS: Mapping[str, tuple[Plan, ...]] = {kind: plans for kind, plans in BY_KIND.items() if kind != "custom_record"}
_CUSTOM: Mapping[str, Plan] = {
    collection.name: plan for collection in ALL if (plan := collection.plans.get("custom_record")) is not None
}
_OWN = COLLECTIONS["productDetails"].plans["product"]

Encode = Callable[[Plan, Document, Known], bytes]


def encoded_v1(plan: Plan, document: Document, known: Known) -> bytes:
    """A record's row in PascalCase."""
    return JSON.encode(plan.row_v1(document, known))


def encoded_v2(plan: Plan, document: Document, known: Known) -> bytes:
    """A record's row in camelCase, with the guide's fields."""
    return JSON.encode(plan.row(document, known))


def _asset_v1(row: Row) -> bytes:
    return JSON.encode({name[0].upper() + name[1:]: value for name, value in row.items()})


class _Family:
    """How the rows of one family are made."""

    def __init__(self, collections: Iterable[Collection], encode: Encode, encode_asset: Callable[[Row], bytes]) -> None:
        self.names = frozenset(collection.name for collection in collections)
        self.kinds = frozenset(kind for kind, plans in BY_KIND.items() if any(plan.name in self.names for plan in plans))
        self.plans = {kind: tuple(p for p in plans if p.name in self.names) for kind, plans in _PLANS.items()}
        self.encode = encode
        self.encode_asset = encode_asset

    def make_renderer(self, connections: CompanyConnections, company_id: UUID) -> Render:
        """Renders documents as rows of every collection that they are in."""

        def render(page: bytes) -> Iterable[SyncRow]:
            documents = documents_of(page)
            known = known_to(connections, company_id, documents)
            moved = {
                one.data["product_id"]: one for one in documents if one.kind in ("stock_movement", "product_detail")
            }  # in order of seq: of each product the last one stays
            moved |= {one.id: one for one in documents if one.kind == "product" and one.deleted}
            found = self._assets(connections, company_id, moved, known)
            return self._rows(documents, known, found)

        return render

    def _assets(
        self, connections: CompanyConnections, company_id: UUID, moved: Mapping[str, Document], known: Known
    ) -> list[SyncRow]:
        if not moved:
            return []
        look_up(connections, company_id, known, moved)
        find_details(connections, company_id, known, moved.keys() - known.details.keys())
        return [
            SyncRow(one.key, assets.COLLECTION, one.seq, self.encode_asset(one.row), bool(one.row["deleted"]), one.place)
            for one in assets.assets_of(connections, company_id, moved, known)
        ]

    def _rows(self, documents: Sequence[Document], known: Known, found: list[SyncRow]) -> Iterator[SyncRow]:
        own: dict[str, SyncRow] = {}
        here = {document.id for document in documents if document.kind == "product"}
        for document in documents:
            kind = document.kind
            if kind == "custom_record":
                plan = _CUSTOM.get(document.data["type"])
                if plan is not None:
                    yield self._row(plan, document, known)
                continue
            for plan in self.plans.get(kind, ()):
                if plan is _OWN:
                    own[document.id] = self._own_detail(document, document, known)
                elif plan.view.shows(document):
                    yield self._row(plan, document, known)
                elif kind in MAY_LEAVE:
                    yield self._row(plan, structs.replace(document, deleted=True), known, if_known=True)
            if kind == "product_detail" and _settles(document, known):
                product = known.records[document.data["product_id"]]
                own[product.id] = self._own_detail(product, document, known)
        yield from (row if row.record_id in here else row._replace(if_known=False) for row in own.values())
        yield from found

    def _row(self, plan: Plan, document: Document, known: Known, *, if_known: bool = False) -> SyncRow:
        part = ORDER_PARTS.get(plan.view.part(document, known), 0) if plan.view.part is not None else 0
        body = self.encode(plan, document, known)
        return SyncRow(document.id, plan.name, document.seq, body, document.deleted, part, if_known=if_known)

    def _own_detail(self, product: Document, cause: Document, known: Known) -> SyncRow:
        """The product as its own detail, as of the change `cause`: deleted, as soon as there is another.

        Where the product itself was changed too, it is known whether clients have ever been told of it.
        """
        is_gone = product.deleted or product.id in known.details
        shown = structs.replace(product, seq=cause.seq, deleted=is_gone)
        body = self.encode(_OWN, shown, known)
        return SyncRow(product.id, _OWN.name, cause.seq, body, is_gone, OWN_DETAIL, if_known=product.id in known.details)


def _settles(detail: Document, known: Known) -> bool:
    """Whether this detail decides that its product is no detail itself: being the first one, or the last that went."""
    product_id = detail.data["product_id"]
    first = known.details.get(product_id)
    return product_id in known.records and (first is None or first.id == detail.id)


V1 = _Family(OF_VENDOR, encoded_v1, _asset_v1)
V2 = _Family(ALL, encoded_v2, JSON.encode)

LAYOUT_V1 = Layout("mahak.v1", version=1, kinds=V1.kinds | {"stock_movement"}, renderer=V1.make_renderer)
LAYOUT_V2 = Layout("mahak.v2", version=1, kinds=V2.kinds | {"stock_movement"}, renderer=V2.make_renderer)
