"""The rows of pulls, ready to send (infra/sync/rows.py): one layout for each family, because their spelling differs.

The parts of a collection are the order types, so that clients can ask for some of them only; of the product details the second part
is the product's own.

Links of visitors are rendered as `api.mahak.visiting` reads them: those that were made are in a collection of their visitor's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from msgspec import structs

from api.documents import Document, documents_of
from api.mahak import assets
from api.mahak.collections import ALL, BY_KIND, COLLECTIONS, OF_VENDOR
from api.mahak.collections.collection import Collection
from api.mahak.collections.implied import IMPLIED, LINKED
from api.mahak.collections.plan import Plan
from api.mahak.collections.trade import INVOICE_TYPES, ORDER_TYPES
from api.mahak.collections.view import Known
from api.mahak.documents import Row
from api.mahak.known import find_details, known_to, look_up
from api.mahak.visiting import ASSIGNED, SELF_MADE, links_of
from domain.event import JSON
from infra.database import CompanyConnections
from infra.reading.referenced import rows_of_records
from infra.sync.layout import Layout, Render, SyncRow

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
_OWN_PLANS = (_OWN, *IMPLIED["product"])
"""A product as its own detail, and the link to it."""

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

    def __init__(
        self, dialect: str, collections: Iterable[Collection], encode: Encode, encode_asset: Callable[[Row], bytes]
    ) -> None:
        self.dialect = dialect
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
            found += self._links_left(connections, company_id, documents, known)
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

    def _links_left(
        self, connections: CompanyConnections, company_id: UUID, documents: Iterable[Document], known: Known
    ) -> list[SyncRow]:
        """Links that were another visitor's before: that one is told that they are gone."""
        changed = (one for one in documents if one.kind == "custom_record" and one.version > 1)
        moved = {one.id: one for one in changed if one.data["type"] in LINKED}
        if not moved:
            return []
        left: list[SyncRow] = []
        key = (company_id, self.dialect, VERSION)
        for record_id, collection in rows_of_records(connections, key, [UUID(one) for one in moved], "visitor"):
            link = structs.replace(moved[str(record_id)], deleted=True)
            name = link.data["type"]
            if collection not in (name, links_of(name, link.data.get("user_id") or "")):
                left.append(self._row(_CUSTOM[name], link, known)._replace(collection=collection, part=ASSIGNED))
        return left

    def _rows(self, documents: Sequence[Document], known: Known, found: list[SyncRow]) -> Iterator[SyncRow]:
        own: dict[str, list[SyncRow]] = {}
        here = {document.id for document in documents if document.kind == "product"}
        for document in documents:
            kind = document.kind
            if kind == "custom_record":
                yield from self._custom_rows(document, known)
                continue
            for plan in self.plans.get(kind, ()):
                if plan is _OWN:
                    own[document.id] = self._own_details(document, document, known)
                elif plan.view.shows(document):
                    yield self._row(plan, document, known)
                elif kind in MAY_LEAVE:
                    yield self._row(plan, structs.replace(document, deleted=True), known, if_known=True)
            if kind != "product":
                yield from self._implied(document, known)
            if kind == "product_detail" and _settles(document, known):
                product = known.records[document.data["product_id"]]
                own[product.id] = self._own_details(product, document, known)
        for rows in own.values():
            yield from (row if row.record_id in here else row._replace(if_known=False) for row in rows)
        yield from found

    def _row(self, plan: Plan, document: Document, known: Known, *, if_known: bool = False) -> SyncRow:
        part = ORDER_PARTS.get(plan.view.part(document, known), 0) if plan.view.part is not None else 0
        body = self.encode(plan, document, known)
        return SyncRow(document.id, plan.name, document.seq, body, document.deleted, part, if_known=if_known)

    def _custom_rows(self, document: Document, known: Known) -> Iterator[SyncRow]:
        """A custom record as a row of the collection that it says; a link, as its visitor's.

        A link that a visitor made (its app does so with each person that it adds) does not say that this is all that the visitor
        may see; where it is linked to everything anyway, the one that was made is deleted for it.
        """
        plan = _CUSTOM.get(document.data["type"])
        if plan is None:
            return
        yield from self._implied(document, known)
        if plan.name not in LINKED:
            yield self._row(plan, document, known)
        elif (visitor := document.data.get("user_id")) is not None:
            part = SELF_MADE if document.created_by == visitor else ASSIGNED
            row = self._row(plan, document, known)
            yield row._replace(collection=links_of(plan.name, visitor), part=part)
            if part == SELF_MADE:
                gone = self._row(plan, structs.replace(document, deleted=True), known)
                yield gone._replace(part=part)

    def _implied(self, document: Document, known: Known) -> Iterator[SyncRow]:
        """The rows that follow from a record, in other collections than its own."""
        for plan in IMPLIED.get(document.kind, ()):
            if plan.view.shows(document):
                yield self._row(plan, document, known)
            elif document.version > 1 and document.kind != "custom_record":  # one that is new never was such a row
                yield self._row(plan, structs.replace(document, deleted=True), known, if_known=True)

    def _own_details(self, product: Document, cause: Document, known: Known) -> list[SyncRow]:
        """The product as its own detail, and the link to it, as of the change `cause`: deleted, as soon as there is another.

        One that is gone is told of only where clients were told that it is there.
        """
        is_gone = product.deleted or product.id in known.details
        shown = structs.replace(product, seq=cause.seq, deleted=is_gone)
        return [
            SyncRow(product.id, plan.name, cause.seq, self.encode(plan, shown, known), is_gone, OWN_DETAIL, if_known=is_gone)
            for plan in _OWN_PLANS
        ]


def _settles(detail: Document, known: Known) -> bool:
    """Whether this detail decides that its product is no detail itself: being the first one, or the last that went."""
    product_id = detail.data["product_id"]
    first = known.details.get(product_id)
    return product_id in known.records and (first is None or first.id == detail.id)


VERSION = 3
"""Of both layouts."""
V1 = _Family("mahak.v1", OF_VENDOR, encoded_v1, _asset_v1)
V2 = _Family("mahak.v2", ALL, encoded_v2, JSON.encode)

LAYOUT_V1 = Layout(V1.dialect, version=VERSION, kinds=V1.kinds | {"stock_movement"}, renderer=V1.make_renderer)
LAYOUT_V2 = Layout(V2.dialect, version=VERSION, kinds=V2.kinds | {"stock_movement"}, renderer=V2.make_renderer)
