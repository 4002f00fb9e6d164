"""Discounts in percent: the ledger keeps amounts, so each is made anew whenever the percent or the lines that it is of change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from api.mahak.saving.batch import Item
from api.mahak.saving.translation import Planned
from domain.books import Books
from domain.command import Command
from domain.kinds.lines import Sums
from domain.money import HUNDRED, ZERO, round_to
from domain.needs import Needs
from domain.record import Record
from infra.store.interface import Store

OWNER_OF_LINE: Mapping[str, str] = {"invoice_line": "invoice_id", "order_line": "order_id"}
_OWNERS = frozenset({"invoice", "order"})


@dataclass(slots=True)
class _Order:
    """An order whose discount is made here: its row where the batch has one, the record where there is one.

    `said` is the discount where it is an amount; else it is a percent of `nets`, of each line by its id.
    """

    item: Item | None = None
    record: Record | None = None
    said: str | None = None
    nets: dict[str, Decimal] = field(default_factory=dict)


class Discounts:
    """The discounts of the orders and invoices that a batch touches.

    One of an order that is there already is set after the batch's lines: what it may be is seen from these.
    """

    def __init__(self, store: Store, company_id: UUID, currency: str) -> None:
        """`currency` is the company's."""
        self.store = store
        self.company_id = company_id
        self.currency = currency
        self._orders: dict[str, _Order] = {}
        self._late: set[str] = set()
        """The orders whose discount is set after their lines."""
        self._ids: dict[tuple[str, int], str] = {}
        """The ids of orders that lines name by their numbers."""
        self._rows: dict[str, Item] = {}
        """The batch's products: a line that says no price is sold at its product's."""
        self._prices: dict[str | tuple[str, int], Any] = {}
        """The same of the products that are there already, by their ids and their numbers."""
        self._changed_orders: dict[str, Item] = {}
        """The orders that are there and lines of which change, each with the row that says so."""

    def complete(self, items: Sequence[Item]) -> None:
        """Make the amounts of the batch's own orders; `items` are the readable rows."""
        self._rows = {str(item.record_id): item for item in items if item.kind == "product"}
        headers = {str(item.record_id): item for item in items if item.kind in _OWNERS and not item.deleted}
        lines = [item for item in items if item.kind in OWNER_OF_LINE]
        for record_id, item in headers.items():
            is_percent = _percent(_after(item)) is not None
            if is_percent or (item.record is not None and item.data.get("discount") is not None):
                self._orders[record_id] = _Order(item, item.record, None if is_percent else item.data["discount"])
        self._read(headers, lines)
        for line in lines:
            owner = self._owner_of(line)
            if owner and ((header := headers.get(owner)) is None or header.record is not None):
                self._changed_orders[owner] = header or line
        if not self._orders:
            return
        counted = [line for line in lines if self._owner_of(line) in self._orders]
        self._read_prices(counted)
        for line in counted:
            self._count(line)
        for record_id, own in self._orders.items():
            if own.item is None:
                continue
            if record_id in self._late:
                own.item.data.pop("discount", None)
            else:
                own.item.data["discount"] = self._amount(own)

    def late(self) -> list[Planned]:
        """The discounts that are set after the lines; none of an order that was refused."""
        return [
            planned
            for record_id in sorted(self._late)
            if (own := self._orders[record_id]).item is None or own.item.error is None
            if (planned := self._changed(record_id, own)) is not None
        ]

    def too_large(self, books: Books) -> Item | None:
        """The row by which an order came to less than nothing, because there is too little left to take its discount off."""
        for record_id, item in self._changed_orders.items():
            order = books.records.get(UUID(record_id))
            if order is None or order.deleted or Decimal(order.data["total"]) >= ZERO:
                continue
            if Sums.of_record(order.data) - Sums.of_costs(order.data, order.data["currency"]):
                return item
        return None

    def without(self, refused: Iterable[Item]) -> None:
        """Count no change of these lines, which were refused: the percent is of those that stand."""
        for line in refused:
            owner = self._owner_of(line)
            if (own := self._orders.get(owner)) is not None:
                self._late.add(owner)
                own.nets.pop(str(line.record_id), None)
                if line.record is not None and not line.record.deleted:
                    own.nets[str(line.record_id)] = self._net(line.record.data)

    # Reading --------------------------------------------------------------------------------------

    def _read(self, headers: Mapping[str, Item], lines: Iterable[Item]) -> None:
        """The orders that only lines name, where theirs is a percent; and the lines that are there already."""
        needs = Needs()
        for line in lines:
            owner = _named_by(line)
            if isinstance(owner, tuple):
                needs.numbers.add(owner)
            elif owner and owner not in headers:
                needs.ids.add(UUID(owner))
        for record in self.store.read_records(self.company_id, needs).records if needs else ():
            self._ids[record.kind, record.number] = record_id = str(record.id)
            if record_id not in headers and not record.deleted and _percent(record.data) is not None:
                self._orders[record_id] = _Order(record=record)
        for record_id, item in headers.items():
            if item.record is not None:
                self._ids[item.record.kind, item.record.number] = record_id
        there = {UUID(record_id) for record_id, own in self._orders.items() if own.record is not None}
        for record in self.store.read_records(self.company_id, Needs(parents=there)).records if there else ():
            own = self._orders.get(str(record.data.get(OWNER_OF_LINE.get(record.kind, ""))))
            if own is not None and not record.deleted:
                own.nets[str(record.id)] = self._net(record.data)

    def _read_prices(self, lines: Iterable[Item]) -> None:
        """The prices of the products of lines that say none, where the batch does not say them either."""
        needs = Needs()
        for data in (_after(line) for line in lines if not line.deleted):
            product = data.get("product_id") if data.get("unit_price") is None else None
            if isinstance(product, Mapping):
                needs.numbers.add(("product", product["number"]))
            elif product is not None and product not in self._rows:
                needs.ids.add(UUID(product))
        for record in self.store.read_records(self.company_id, needs).records if needs else ():
            self._prices[str(record.id)] = self._prices["product", record.number] = record.data.get("price")

    def _owner_of(self, line: Item) -> str:
        owner = _named_by(line)
        return self._ids.get(owner, "") if isinstance(owner, tuple) else owner

    def _count(self, line: Item) -> None:
        own = self._orders[self._owner_of(line)]
        if own.record is not None:
            self._late.add(self._owner_of(line))
        if line.deleted:
            own.nets.pop(str(line.record_id), None)
        else:
            data = dict(_after(line))
            if data.get("unit_price") is None and (product := data.get("product_id")) is not None:
                data["unit_price"] = self._price(product)
            own.nets[str(line.record_id)] = self._net(data)

    def _price(self, product: Any) -> Any:
        """The price of a product, by its id or its number."""
        if isinstance(product, str) and (item := self._rows.get(product)) is not None:
            return _after(item).get("price")
        return self._prices.get(("product", product["number"]) if isinstance(product, Mapping) else product)

    # Amounts --------------------------------------------------------------------------------------

    def _net(self, line: Mapping[str, Any]) -> Decimal:
        return _net_of(line, self.currency)

    def _amount(self, own: _Order) -> str:
        if own.said is not None:
            return own.said
        data = _after(own.item) if own.item is not None else own.record.data if own.record is not None else {}
        return _part_of(own.nets.values(), _percent(data) or ZERO, data.get("currency") or self.currency)

    def _changed(self, record_id: str, own: _Order) -> Planned | None:
        """The change of an order's discount; None where it is that already."""
        amount, before = self._amount(own), own.record
        if before is not None and Decimal(amount) == Decimal(before.data.get("discount") or 0):
            return None
        kind = own.item.kind if own.item is not None else before.kind if before is not None else ""
        return Planned(own.item, Command(kind=kind, action="update", id=UUID(record_id), data={"discount": amount}))


def discount_after(order: Record, data: Mapping[str, Any], lines: Iterable[Record], currency: str) -> str | None:
    """The amount of the discount of an order with these lines once `data` is saved; None where it is not a percent."""
    after = {**order.data, **data}
    if (percent := _percent(after)) is None:
        return None
    nets = (_net_of(line.data, currency) for line in lines if line.kind in OWNER_OF_LINE and not line.deleted)
    return _part_of(nets, percent, after.get("currency") or currency)


def _net_of(line: Mapping[str, Any], currency: str) -> Decimal:
    gross = Decimal(line.get("quantity") or 1) * Decimal(line.get("unit_price") or 0)
    percent = Decimal(line.get("discount_percent") or 0)
    return round_to(gross - Decimal(line.get("discount") or 0) - gross * percent / HUNDRED, currency)


def _part_of(nets: Iterable[Decimal], percent: Decimal, currency: str) -> str:
    return str(round_to(sum(nets, ZERO) * percent / HUNDRED, currency))


def _after(item: Item) -> Mapping[str, Any]:
    """The data of a record once its row is saved."""
    return {**(item.record.data if item.record is not None else {}), **item.data}


def _percent(data: Mapping[str, Any]) -> Decimal | None:
    """The percent that an order's discount is; None where it is an amount."""
    extra = data.get("extra") or {}
    return Decimal(extra["discount"]) if extra.get("discountType") == 1 and extra.get("discount") is not None else None


def _named_by(line: Item) -> str | tuple[str, int]:
    """What a line stands on: its id, or its kind and number."""
    name = OWNER_OF_LINE[line.kind]
    owner = line.data.get(name) or (line.record.data.get(name) if line.record is not None else "")
    return (name.removesuffix("_id"), owner["number"]) if isinstance(owner, Mapping) else str(owner)
