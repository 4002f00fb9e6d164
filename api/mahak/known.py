"""Looking up the records that rows name: their ids on the wire, and the first detail of each product."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from api.documents import Document, documents_of
from api.mahak.collections import BY_KIND
from api.mahak.collections.implied import IMPLIED
from api.mahak.collections.view import Known
from infra.database import CompanyConnections
from infra.reading.referenced import documents_of_parents, documents_with_ids

_FIELDS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(
        sorted(
            {name for plan in (*plans, *IMPLIED.get(kind, ())) for link in plan.view.links for name in link.ours}
            | {"product_id", "record_id", "cash_id"}
        )
    )
    for kind, plans in BY_KIND.items()
}
"""Our fields of each kind that name records which rows tell of."""


def known_to(connections: CompanyConnections, company_id: UUID, documents: Several[Document]) -> Known:
    """Everything that the rows of these documents name, in three queries at most."""
    known = Known({document.id: document for document in documents})
    wanted: set[str] = set()
    products: set[str] = set()
    paid: list[UUID] = []
    for document in documents:
        data = document.data
        for name in _FIELDS.get(document.kind, ()):
            if (value := data.get(name)) is not None:
                wanted.add(value)
        if (product_id := data.get("product_id")) is not None:
            products.add(product_id)
        if document.kind == "product":
            products.add(document.id)
        elif document.kind == "invoice" and Decimal(data["paid"]):
            paid.append(UUID(document.id))
    look_up(connections, company_id, known, wanted)
    find_details(connections, company_id, known, products)
    _find_payments(connections, company_id, known, paid)
    return known


def _find_payments(connections: CompanyConnections, company_id: UUID, known: Known, invoices: Sequence[UUID]) -> None:
    """Add the first payment of each of these invoices to what is known."""
    found = documents_of(documents_of_parents(connections, company_id, "payment", invoices)) if invoices else ()
    for payment in sorted((one for one in found if not one.deleted), key=lambda one: one.number):
        known.payments.setdefault(payment.data["invoice_id"], payment)


def look_up(connections: CompanyConnections, company_id: UUID, known: Known, ids: Iterable[str]) -> None:
    """Add the records with these ids to what is known."""
    missing = [UUID(one) for one in set(ids) - known.records.keys()]
    if missing:
        found = documents_of(documents_with_ids(connections, company_id, missing))
        known.records.update((document.id, document) for document in found)


def find_details(connections: CompanyConnections, company_id: UUID, known: Known, products: Several[str]) -> None:
    """Add the first living detail of each of these products to what is known; of one that is deleted, the first it had."""
    if not products:
        return
    parents = [UUID(one) for one in products]
    found = documents_of(documents_of_parents(connections, company_id, "product_detail", parents))
    for detail in sorted(found, key=lambda one: (one.deleted, one.number)):
        product = known.records.get(detail.data["product_id"])
        if not detail.deleted or (product is not None and product.deleted):
            known.details.setdefault(detail.data["product_id"], detail)
            known.records.setdefault(detail.id, detail)
