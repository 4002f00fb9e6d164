"""The rows of a batch as items, in the order of the request; what is wrong with one is noted on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.mahak.collections import BY_ANY_NAME, name_as_sent
from api.mahak.collections.collection import Collection
from api.mahak.collections.files import PHOTO_GALLERIES, PICTURE
from api.mahak.collections.goods import DETAIL
from api.mahak.collections.plan import Named, Plan
from api.mahak.collections.view import Link, client_id_of
from api.mahak.documents import Row
from api.mahak.values import read_long
from domain.errors import BatchTooLarge, InvalidField, LedgerError
from domain.record import Record
from infra.ledger import MAX_COMMANDS

PHASES = (
    (
        "companies visitors currencies bankGroups personGroups productCategories units expenseGroups incomeGroups stores"
        " projects propertyDescriptions missions promotions regions costLevelNames returnReasons settings pictures"
    ),
    "banks cashes people products expenses incomes",
    "productDetails personAddresses",
    "orders invoices journalEntries transferStores",
    "orderDetails invoiceDetails journalEntryLines",
    "receipts payments",
    "cheques paymentCheques",
)
"""What others name comes first; collections that nothing names come last."""
_PHASE: Mapping[str, int] = {name: phase for phase, names in enumerate(PHASES) for name in names.split()}
LAST_PHASE = len(PHASES)


@dataclass(slots=True, eq=False)
class Item:
    """One row of the batch. `index` counts from 0 in the client's list; `record` is there already, `record_id` will be.

    `client_key` is the client's id in the words of the ledger; empty where the row has none. `error` is why it is refused.
    """

    collection: Collection
    index: int
    path: str
    row: Row
    id: int = 0
    client_id: int = 0
    client_key: str = ""
    deleted: bool = False
    version: int = 0
    links: dict[str, Named] = field(default_factory=dict)
    plan: Plan | None = None
    record: Record | None = None
    record_id: UUID | None = None
    data: Row = field(default_factory=dict)
    error: LedgerError | None = None

    @property
    def phase(self) -> int:
        """When it is saved; deletions of what is there come last, and what names others before it."""
        phase = _PHASE.get(self.collection.name, LAST_PHASE)
        return 2 * LAST_PHASE - phase + 1 if self.deleted and self.record is not None else phase

    @property
    def is_new(self) -> bool:
        """Whether its record is yet to be made."""
        return self.record is None

    @property
    def kind(self) -> str:
        """The kind of its record."""
        assert self.plan is not None, "the plan is found before anything is translated"
        return self.plan.kind


@dataclass(slots=True)
class Batch:
    """The items of a request. `lists` are those of each collection, in the order of the request; `names`, what it calls them."""

    items: list[Item] = field(default_factory=list)
    lists: dict[str, list[Item]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def read_batch(form: Mapping[str, Any], zone: ZoneInfo) -> Batch:
    """The items of a request, by whose names in lower case collections are known. Raises InvalidField, BatchTooLarge.

    Collections that nobody knows are passed over, as is one that is null. One that comes under two names is one.
    """
    batch = Batch()
    sent = [(key, BY_ANY_NAME[key], rows) for key, rows in form.items() if key in BY_ANY_NAME and rows is not None]
    for key, collection, _ in sent:
        name = name_as_sent(key)
        batch.names[collection.name] = name if batch.names.get(collection.name, name) == name else collection.name
    for _, collection, rows in sent:
        name = batch.names[collection.name]
        if not isinstance(rows, list):
            raise InvalidField(f"`{name}` must be a list of rows.", path=name)
        items = batch.lists.setdefault(collection.name, [])
        for index, row in enumerate(rows, len(items)):
            items.append(_item(collection, name, index, row, zone))
        batch.items += items[len(items) - len(rows) :]
    if len(batch.items) > MAX_COMMANDS:
        raise BatchTooLarge(f"A request holds at most {MAX_COMMANDS} rows; this one has {len(batch.items)}. Send it in parts.")
    return batch


def _item(collection: Collection, name: str, index: int, row: Any, zone: ZoneInfo) -> Item:
    path = f"{name}[{index}]"
    if not isinstance(row, dict):
        error = InvalidField("A row must be an object.", path=path)
        return Item(collection, index, path, {}, error=error)
    item = Item(collection, index, path, {name.lower(): value for name, value in row.items()})
    plan = next(iter(collection.plans.values()), None)
    try:
        if plan is None:
            item.links = links_of_asset(item.row, zone, path)
            return item
        said = plan.names(item.row, zone, path)
    except LedgerError as error:
        item.error = error
        return item
    item.id, item.client_id, item.deleted, item.version = said.id, said.client_id, bool(said.deleted), said.row_version
    item.links = said.links
    if collection is PHOTO_GALLERIES:
        try:
            item.links = links_of_gallery(item.row, zone, path)
        except LedgerError as error:
            item.error = error
    if item.client_id:
        item.client_key = client_id_of(collection.entity, item.client_id)
    if item.id < 0:
        item.error = InvalidField(f"There is no id {item.id}.", path=f"{path}.{collection.id_wire}")
    return item


_SHOWN: Mapping[int, Link] = {
    101: Link("item", ("party_id",), "people", entity="person"),
    102: Link("item", ("product_id",), "products", entity="product"),
}
"""What a gallery shows pictures of, by `entityType`; `itemCode` is its id."""


def links_of_gallery(row: Row, zone: ZoneInfo, path: str) -> dict[str, Named]:
    """What a row of the galleries is about: a picture, and the person or product that it shows. Raises InvalidField."""
    own, client, kind, code = (
        0 if (value := row.get(name)) is None else int(read_long(value, zone, f"{path}.{wire}"))
        for name, wire in (
            ("pictureid", "pictureId"),
            ("pictureclientid", "pictureClientId"),
            ("entitytype", "entityType"),
            ("itemcode", "itemCode"),
        )
    )
    links: dict[str, Named] = {}
    if own or client:
        links["owner_id"] = Named(PICTURE, f"{path}.{'pictureId' if own else 'pictureClientId'}", own, client)
    if code and (shown := _SHOWN.get(kind)) is not None:
        links[shown.ours[0]] = Named(shown, f"{path}.itemCode", code)
    return links


_STORE = Link("store", ("store_id",), "stores")


def links_of_asset(row: Row, zone: ZoneInfo, path: str) -> dict[str, Named]:
    """What a row of the stock is about: a detail, and the store that it lies in. Raises InvalidField."""
    links: dict[str, Named] = {}
    for link, name in ((DETAIL, "product_detail_id"), (_STORE, "store_id")):
        ids = [row.get(f"{link.prefix}{suffix}".lower()) for suffix in ("Id", "ClientId", "Code")]
        own, client, code = (0 if value is None else int(read_long(value, zone, f"{path}.{link.prefix}Id")) for value in ids)
        if own or client or code:
            links[name] = Named(link, f"{path}.{link.prefix}Id", own, client, code)
    return links
