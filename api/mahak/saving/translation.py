"""From the rows of a batch to commands: what is there already is changed, the rest is made, and what others name comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.mahak.collections import COLLECTIONS
from api.mahak.collections.files import PHOTO_GALLERIES
from api.mahak.collections.implied import LINKED
from api.mahak.collections.plan import Named
from api.mahak.documents import Row
from api.mahak.pictures import UNBOUND
from api.mahak.saving.batch import Batch, Item
from api.mahak.saving.known import PLAIN_IDS, Known, client_key_of
from api.roles import check_may_manage
from domain.catalogue import CATALOGUE
from domain.command import Actor, Command
from domain.errors import InvalidField, LedgerError, NotAllowed, RecordNotFound, ReferenceMissing
from domain.kinds.payment import direction_of
from domain.policy import Policy
from domain.record import Record
from infra.ids import new_id

OWNERS = {"orderDetails": "orders", "invoiceDetails": "invoices", "journalEntryLines": "journalEntries"}
"""Lines, and the collection of what they stand on."""
OWNER_FIELDS = ("invoice_id", "order_id", "entry_id")
MADE_AS = {"pictures": "custom_record", "photoGalleries": "custom_record"}
"""A picture is announced first; it becomes an attachment when its file comes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A command, and the row that it carries out; None for one that only helps."""

    item: Item | None
    command: Command


@dataclass(slots=True)
class Translated:
    """The commands in the order in which they are executed, and the rows that came before: they are answered as they were then."""

    commands: list[Planned] = field(default_factory=list)
    repeated: list[Item] = field(default_factory=list)


class Translation:
    """The translation of one batch of one login."""

    def __init__(
        self,
        batch: Batch,
        known: Known,
        zone: ZoneInfo,
        actor: Actor,
        *,
        repeats_change: bool,
        brings_another: Callable[[Item], bool],
    ) -> None:
        """`repeats_change`: a row that came before, and names no id of ours, changes its record (V1); else it is just answered.

        `brings_another`: whether such a row has to be looked at all the same, because its file is another one.
        """
        self.batch = batch
        self.known = known
        self.zone = zone
        self.actor = actor
        self.repeats_change = repeats_change
        self.brings_another = brings_another
        self.made: dict[str, Item] = {}
        """Rows of the batch by the ids that their client gave them."""
        self.by_code: dict[tuple[str, int], Item] = {}
        self.new_ids: set[UUID] = set()
        """Those of the rows that are new: they were made just now, and name nothing yet."""

    def translate(self, complete: Callable[[list[Item]], None] | None = None) -> Translated:
        """The commands. What is wrong with a row is noted on it; `complete` sees the readable rows before they become commands."""
        for item in self.batch.items:
            if item.error is None:
                self._guard(item, self._find)
        ordered = sorted((item for item in self.batch.items if item.error is None), key=lambda item: item.phase)
        for item in ordered:
            self._guard(item, self._choose)
        translated = Translated()
        readable: list[Item] = []
        for item in ordered:
            if item.error is not None:
                continue
            if self._is_repeated(item):
                translated.repeated.append(item)
                continue
            self._guard(item, self._read)
            if item.error is None:
                readable.append(item)
        if complete is not None:
            complete(readable)
        gone: list[Planned] = []
        for item in readable:
            if item.error is None and item.plan is not None:
                translated.commands.append(Planned(item, self._command(item)))
                if item.deleted and item.is_new:  # made and deleted before it was ever sent: it gets its id, and is gone
                    gone.append(Planned(None, Command(kind=item.kind, action="delete", id=item.record_id)))
        translated.commands += reversed(gone)
        return translated

    @staticmethod
    def _guard(item: Item, step: Callable[[Item], None]) -> None:
        try:
            step(item)
        except LedgerError as error:
            item.error = error

    # Who is who -----------------------------------------------------------------------------------

    def _find(self, item: Item) -> None:
        """The record that a row is, where there is one; and what others may name the row by."""
        collection = item.collection
        if not collection.plans:
            return
        if item.id:
            item.plan, number = collection.plan_of_id(item.id)
            item.record = self.known.by_number.get((item.plan.kind, number))
            if item.record is None:
                raise RecordNotFound(
                    f"There is no {collection.entity} with the id {item.id}.", path=f"{item.path}.{collection.id_wire}"
                )
        elif item.client_key:
            for kind, plan in collection.plans.items():
                if (record := self.known.by_client.get((kind, item.client_key))) is not None:
                    item.record, item.plan = record, plan
        if item.record is not None:
            item.record_id = item.record.id
            self._check_shown(item)
        else:
            item.record_id = new_id()
            self.new_ids.add(item.record_id)
        if item.client_key:
            first = self.made.setdefault(item.client_key, item)
            if first is not item and not item.id:
                raise InvalidField(
                    f"Two rows have the {collection.client_wire} {item.client_id}; every record has its own.",
                    path=f"{item.path}.{collection.client_wire}",
                )
        if item.record is None and collection.code_wire and isinstance(code := item.row.get(collection.code_wire.lower()), int):
            self.by_code.setdefault((collection.name, code), item)

    def _check_shown(self, item: Item) -> None:
        """A record of the kind that is a row of another collection does not exist in this one."""
        assert item.plan is not None and item.record is not None  # noqa: PT018 - found together
        path = f"{item.path}.{item.collection.id_wire}"
        if item.plan.kind == "custom_record" and item.record.data.get("type") != item.collection.name:
            raise RecordNotFound(f"There is no {item.collection.entity} with the id {item.id}.", path=path)
        direction = {"receipts": "in", "cheques": "in", "payments": "out", "paymentCheques": "out"}.get(item.collection.name)
        if direction is not None and item.record.data.get("direction") != direction:
            raise RecordNotFound(f"There is no {item.collection.entity} with the id {item.id}.", path=path)

    def _choose(self, item: Item) -> None:
        """Which kind a new row is: it may say so itself, or what it stands on does."""
        collection = item.collection
        if item.plan is not None or not collection.plans:
            return
        if collection is PHOTO_GALLERIES and (named := item.links.get("owner_id")) is not None:
            kind, reference = self.resolve(named, item)
            if not isinstance(reference, str):
                raise ReferenceMissing(f"There is no picture {named.id}.", path=named.path)
            if kind == "attachment":  # the file's own record says what it shows
                item.plan, item.record_id = collection.plans[kind], UUID(reference)
                item.record = self.known.by_number[kind, named.id]
                return
        if collection.name in MADE_AS:
            item.plan = collection.plans[MADE_AS[collection.name]]
            return
        if collection.name == "orderDetails":
            kind, _ = self._owner(item)
            item.plan = collection.plans["invoice_line" if kind == "invoice" else "order_line"]
            return
        item.plan = collection.plan_of_row(item.row)

    def _owner(self, item: Item) -> tuple[str, Row]:
        """What a line stands on: its kind, and a reference to it. Raises ReferenceMissing."""
        for name in OWNER_FIELDS:
            if (named := item.links.get(name)) is not None:
                return self.resolve(named, item)
        owner = COLLECTIONS[OWNERS[item.collection.name]]
        raise ReferenceMissing(
            f"The row names no {owner.entity}: give its {owner.id_wire}, or the {owner.client_wire} under which it was sent.",
            path=f"{item.path}.{owner.id_wire}",
        )

    def _is_repeated(self, item: Item) -> bool:
        if item.record is None or item.id or item.deleted or self.repeats_change or item.version:
            return False
        return item.kind != "attachment" and not self.brings_another(item)

    def resolve(self, named: Named, item: Item) -> tuple[str, Any]:
        """The kind of the record that is named, and our reference to it. Raises ReferenceMissing."""
        target = COLLECTIONS[named.link.collection]
        if named.id > 0:
            plan, number = target.plan_of_id(named.id)
            record = self.known.by_number.get((plan.kind, number))
            return plan.kind, {"number": number} if record is None else str(record.id)
        if named.client_id:
            key = client_key_of(named)
            made = self.made.get(key)
            if made is not None and made.error is None:
                self._choose(made)
                return made.kind, str(made.record_id)
            for kind in target.plans:
                if (record := self.known.by_client.get((kind, key))) is not None:
                    return kind, str(record.id)
        elif named.code:
            made = self.by_code.get((target.name, named.code))
            if made is not None and made.error is None:
                self._choose(made)
                return made.kind, str(made.record_id)
            for kind in target.plans:
                if (record := self.known.by_code.get((kind, named.code))) is not None:
                    return kind, str(record.id)
        shown = f"{named.path.rpartition('.')[2]} {named.id or named.client_id or named.code}"
        raise ReferenceMissing(f"There is no {target.entity} with the {shown}, neither here nor in this request.", path=named.path)

    # What rows say --------------------------------------------------------------------------------

    def _read(self, item: Item) -> None:
        """Our fields of the row, with references."""
        if item.plan is None:
            return
        if item.deleted and item.record is not None:
            self._check_role(item)
            if item.kind == "product" and item.collection.name == "productDetails":
                raise InvalidField(
                    "This is the product's own detail, which goes with its product: delete that, or make another detail.",
                    path=f"{item.path}.deleted",
                )
            return
        self._check_role(item)
        if item.kind == "attachment" and item.collection is PHOTO_GALLERIES:
            item.data = self._bound(item)
            return
        before = item.record.data if item.record is not None else None
        data = item.plan.data(item.row, self.zone, item.path, before=before)
        for named in item.links.values():
            if item.collection is PHOTO_GALLERIES or named.link.prefix in item.plan.written:
                self._refer(item, named, data)
        if item.kind == "custom_record" and item.record is None:
            data["type"] = item.collection.name
            if item.collection.name in LINKED and not data.get("user_id"):
                data["user_id"] = str(self.actor.user_id)  # a link that names no visitor is of the visitor who makes it
        if item.kind == "invoice" and item.record is None:
            data["moves_stock"] = True
        if item.kind in ("invoice_line", "order_line"):
            self._check_line(item, data)
        item.data = data

    def _bound(self, item: Item) -> Row:
        """What a file's gallery binds it to."""
        for kind, field_name in (("party", "party_id"), ("product", "product_id")):
            if (named := item.links.get(field_name)) is not None:
                return {"record_kind": kind, "record_id": self._shown(named, item)}
        if item.id:
            return {}  # nothing about it is said
        raise InvalidField("A file is shown for a person (101) or a product (102).", path=f"{item.path}.entityType")

    def _shown(self, named: Named, item: Item) -> str:
        reference = self.resolve(named, item)[1]
        if not isinstance(reference, str):
            raise ReferenceMissing(f"There is no {COLLECTIONS[named.link.collection].entity} {named.id}.", path=named.path)
        return reference

    def _refer(self, item: Item, named: Named, data: Row) -> None:
        if item.collection is PHOTO_GALLERIES:
            data[named.link.ours[0]] = self._shown(named, item)
            return
        kind, reference = self.resolve(named, item)
        if kind == "invoice" and item.kind == "payment":
            self._check_direction(item, named)
        name = named.link.ours[0]
        if len(named.link.ours) > 1 or name in OWNER_FIELDS:  # a line was read before it was known what it stands on
            name = _FIELDS.get(kind, name)
        if not isinstance(reference, str) and not PLAIN_IDS.isdisjoint(named.link.ours):
            raise ReferenceMissing(f"There is no {COLLECTIONS[named.link.collection].entity} {named.id}.", path=named.path)
        data[name] = reference
        if kind == "product_detail" and item.kind != "custom_record":
            data["product_id"] = self.product_of(named, item)

    def _check_direction(self, item: Item, named: Named) -> None:
        """A receipt is of what brings money in, a payment of what takes it out: the ledger goes by the invoice."""
        key = client_key_of(named) if named.client_id and named.id <= 0 else ""
        number = COLLECTIONS[named.link.collection].plan_of_id(named.id)[1] if named.id > 0 else 0
        made = self.made.get(key) if key else self.by_code.get((named.link.collection, named.code)) if not number else None
        if made is not None and made.record is None:
            type_ = made.data.get("type")
        else:
            known, own = self.known, made.record if made is not None else None
            record = own or known.by_number.get(("invoice", number)) or known.by_client.get(("invoice", key))
            record = record or known.by_code.get(("invoice", named.code))
            type_ = record.data["type"] if record is not None else None
        pays_in = item.collection.name == "receipts"
        if type_ is not None and (direction_of(type_) == "in") != pays_in:
            right = "payments" if pays_in else "receipts"
            raise InvalidField(
                f"Invoices of the type {type_} are settled by {right}, not by {item.collection.name}.", path=named.path
            )

    def product_of(self, named: Named, item: Item) -> Any:
        """The product that a detail is one of."""
        target = COLLECTIONS["productDetails"]
        record: Record | None = None
        if named.id > 0:
            plan, number = target.plan_of_id(named.id)
            record = self.known.by_number.get((plan.kind, number))
            if record is None:
                raise ReferenceMissing(f"There is no productDetail with the id {named.id}.", path=named.path)
        else:
            key = client_key_of(named) if named.client_id else ""
            made = self.made.get(key) if key else self.by_code.get((target.name, named.code))
            if made is not None and made.record is None:
                return self.resolve(made.links["product_id"], made)[1]
            if made is not None:
                record = made.record
            else:
                found = self.known.by_client.get(("product_detail", key))
                record = found or self.known.by_code.get(("product_detail", named.code))
        assert record is not None, "what was resolved is known"
        return record.data["product_id"]

    def _check_role(self, item: Item) -> None:
        """Nobody manages, or makes, a user above himself; a company is changed by who manages it."""
        if item.kind == "user":
            check_may_manage(self.actor.role, item.path, str(item.record.data.get("role", "")) if item.record is not None else "")
        elif item.kind == "company":
            if item.record is None or item.deleted:
                raise NotAllowed("A company is neither made nor deleted by a batch.", path=item.path)
            check_may_manage(self.actor.role, item.path)

    @staticmethod
    def _check_line(item: Item, data: Row) -> None:
        """A line sells a product, an income or an expense."""
        if item.record is not None or data.get("product_id") or data.get("description"):
            return
        named = next((name for name in ("incomeId", "expenseId") if item.row.get(name.lower()) not in (None, 0, "0", "")), None)
        if named is None:
            raise InvalidField(
                "A line names a productDetailId, an incomeId or an expenseId, or says in its description what it is.",
                path=f"{item.path}.productDetailId",
                properties="IncomeId,ExpenseId,ProductDetailId",
            )
        data["description"] = f"{named.removesuffix('Id')} {item.row[named.lower()]}"

    # Commands -------------------------------------------------------------------------------------

    @staticmethod
    def _command(item: Item) -> Command:
        if item.record is None:
            client_id = item.client_key or None
            return Command(kind=item.kind, action="create", id=item.record_id, client_id=client_id, data=item.data)
        base: dict[str, Any] = {}
        if item.version:
            refuses = CATALOGUE[item.kind].policy is Policy.SERVER_WINS
            base = {"base_seq": item.version, "on_conflict": "refuse" if refuses else "policy"}
        if item.deleted and item.kind == "attachment" and item.collection is PHOTO_GALLERIES:
            return Command(kind=item.kind, action="update", id=item.record.id, data=UNBOUND, **base)
        if item.deleted:
            return Command(kind=item.kind, action="delete", id=item.record.id, **base)
        return Command(kind=item.kind, action="update", id=item.record.id, data=item.data, **base)


_FIELDS = {
    "invoice": "invoice_id",
    "order": "order_id",
    "product": "product_id",
    "product_detail": "product_detail_id",
}
"""Which of the fields that may hold a reference does, by the kind of the record."""
