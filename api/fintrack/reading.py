"""Reading objects: one, and lists that are filtered, sorted and cut into pages, with the objects that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from litestar.response.base import ASGIResponse

from api.documents import Document, document_of, documents_of
from api.fintrack.answering import AskedList
from api.fintrack.asking import Asker
from api.fintrack.envelope import Rows, flag_of, page_of, respond
from api.fintrack.filters import Filters
from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import Api, Join, Object, Row, Seen
from api.fintrack.values import read_id
from domain.errors import RecordNotFound
from domain.event import JSON
from domain.needs import Needs
from domain.record import Record
from infra.lists.listing import Beside, Found, Listing, Test
from infra.reading.customer_balances import customer_balances


def find(asker: Asker, object_: Object, record_id: UUID, *, with_children: bool = False) -> tuple[Record, list[Record]]:
    """The record of an object and, if asked for, its children. Raises RecordNotFound, also for another business's."""
    needs = Needs(ids={record_id}, parents={record_id} if with_children else set())
    loaded = asker.services.store.read_records(asker.company_id, needs).records
    found = next((one for one in loaded if one.id == record_id), None)
    return _living(object_, record_id, found), [one for one in loaded if one.id != record_id and not one.deleted]


def find_all(asker: Asker, object_: Object, ids: Sequence[UUID]) -> list[Record]:
    """The records of objects, in this order, read at once. Raises RecordNotFound for the first that there is not."""
    loaded = asker.services.store.read_records(asker.company_id, Needs(ids=set(ids))).records
    by_id = {one.id: one for one in loaded}
    return [_living(object_, one, by_id.get(one)) for one in ids]


def _living(object_: Object, record_id: UUID, found: Record | None) -> Record:
    if found is None or found.kind != object_.kind or found.deleted or not object_.shows(found):
        raise not_found(object_, record_id)
    return found


def not_found(object_: Object, record_id: UUID) -> RecordNotFound:
    """That there is no such object."""
    return RecordNotFound(f"There is no {object_.name} {record_id}.", path=object_.id_name)


def path_id(asker: Asker, object_: Object) -> UUID:
    """The id in the path. Raises InvalidId."""
    return read_id(asker.request.path_params[object_.id_name], object_.id_name)


def seen_by(asker: Asker) -> Seen:
    """What showing records of the asker's business needs."""
    return Seen(str(asker.company_id), asker.today, asker.company.data["currency"])


def shown(asker: Asker, object_: Object, record: Record, *, active: bool | None = None) -> Row:
    """The plain object, as writing answers it."""
    document = document_of(record)
    return object_.row(document, with_balances(asker, object_, [document], seen_by(asker)), active=active)


def with_balances(asker: Asker, object_: Object, documents: Sequence[Document], seen: Seen) -> Seen:
    """`seen` with what the parties among these documents owe."""
    if not object_.has_balances:
        return seen
    ids = [UUID(document.id) for document in documents]
    balances = customer_balances(asker.services.database, asker.company_id, ids, seen.currency)
    return replace(seen, balances={str(party_id): found for party_id, found in balances.items()})


# One object -----------------------------------------------------------------------------------------


def get_one(asker: Asker, object_: Object) -> ASGIResponse:
    """`get…`: one object with its joins."""
    object_.read_gate.check(asker.role)
    joins = _joins(asker, object_, "get")
    record_id = path_id(asker, object_)
    record, family = find(asker, object_, record_id, with_children=any(not join.link for join in joins))
    document = document_of(record)
    linked = {UUID(found) for join in joins if join.link and (found := document.data.get(join.link))}
    others = asker.services.store.read_records(asker.company_id, Needs(ids=linked)).records if linked else []
    seen = _beside(seen_by(asker), [document_of(one) for one in (*family, *others)])
    row = object_.row(document, with_balances(asker, object_, [document], seen), object_.selected.get("get"))
    for join in joins:
        found = joined(join, object_, seen)(document)
        row[join.name] = found if not join.link else next(iter(found), None)
    return respond(asker, "get", object_.name, row)


# Lists ----------------------------------------------------------------------------------------------


def list_of(asker: Asker, object_: Object, api: Api, related: Sequence[Test] = ()) -> AskedList:
    """`list…` and `_fetchList…`: a page, with the joins of every row. Joins to one object are lists here, as documented.

    `related`: what has to be true beside the filters that are named like fields.
    """
    object_.read_gate.check(asker.role)
    page, joins = page_of(asker), _joins(asker, object_, api)
    seen = seen_by(asker)
    order = object_.order if api == "list" else "-createdAt"
    source, descending = Filters(asker.query, asker.zone, seen.today, seen.company_id).source(object_, order)
    listing = Listing(
        (replace(source, conditions=(*source.conditions, *related)),),
        descending=descending,
        limit=page.limit,
        offset=page.offset,
        beside=Beside(
            links=tuple({("data", join.link) for join in joins if join.link}),
            children=tuple(OBJECTS[join.of].kind for join in joins if not join.link),
        ),
    )
    rows = partial(_rows, asker, object_, api, joins, seen)
    return AskedList(object_.plural, listing, page, rows, asks_more=object_.has_balances)


def _rows(asker: Asker, object_: Object, api: Api, joins: tuple[Join, ...], seen: Seen, found: Found) -> Rows:
    """The rows of a page, as they were sent last time if all that they are made of is the same."""
    named = (object_.service, object_.name, api, *(join.name for join in joins))
    made_of = (named, seen.company_id, seen.today, seen.currency, found.items, found.beside)
    if not object_.has_balances and (known := asker.services.rendered.get(made_of)) is not None:
        return Rows(*known)
    documents = documents_of(found.items)
    seen = with_balances(asker, object_, documents, _beside(seen, documents_of(found.beside)))
    selected = object_.selected.get(api)
    rows = [object_.row(document, seen, selected) for document in documents]
    for join in joins:
        name, others_of = join.name, joined(join, object_, seen)
        for row, document in zip(rows, documents, strict=True):
            row[name] = others_of(document)
    encoded = JSON.encode(rows)
    if not object_.has_balances:  # which depend on more than these documents
        asker.services.rendered.put(made_of, (len(rows), encoded), len(found.items) + len(found.beside) + len(encoded))
    return Rows(len(rows), encoded)


# Joins ----------------------------------------------------------------------------------------------


def _joins(asker: Asker, object_: Object, api: Api) -> tuple[Join, ...]:
    """The joins that are asked for. Raises InvalidField."""
    wanted, without_others = flag_of(asker, "getJoins", default=True), flag_of(asker, "excludeCQRS", default=False)
    return tuple(join for join in object_.joins.get(api, ()) if wanted and (join.local or not without_others))


def _beside(seen: Seen, documents: Sequence[Document]) -> Seen:
    children: dict[str, list[Document]] = {}
    for document in documents:
        if document.kind == OBJECTS["invoiceItem"].kind:
            children.setdefault(document.data["invoice_id"], []).append(document)
    return replace(seen, beside={document.id: document for document in documents}, children=children)


def joined(join: Join, object_: Object, seen: Seen) -> Callable[[Document], list[Row]]:
    """What tells the objects that a join puts beside a record of an object.

    Deleted ones are shown as they were last: what was written with them stands.
    """
    other = OBJECTS[join.of]
    if not join.link:
        return lambda document: [other.row(child, seen, join.fields) for child in seen.children.get(document.id, ())]
    is_supplier = join.of == "supplier"
    is_trade = object_.kind == "invoice" and join.of in ("customer", "supplier")
    made: dict[str, Row] = {}

    def linked(document: Document) -> list[Row]:
        key = document.data.get(join.link)
        if key is None or (is_trade and (document.data["type"] == "purchase") != is_supplier):
            return []
        if (row := made.get(key)) is None:  # many rows of a page may have the same
            if (found := seen.beside.get(key)) is None:
                return []
            row = made[key] = other.row(found, seen, join.fields)
        return [row]

    return linked
