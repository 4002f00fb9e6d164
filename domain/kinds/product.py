"""Product: goods or a service; its categories; and its details, the sellable variants that Mahak keeps prices on."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import InvalidField
from domain.kind import ChildrenOf, Kind, Unique, Wish
from domain.money import HUNDRED
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, CurrencyCode, Fields, Line, Name, Reference, Text, always


class ProductCategory(Fields, frozen=True, kw_only=True):
    """A category; categories may be nested."""

    name: Name
    parent_id: Reference | None = None
    color: Line | None = None
    icon: Line | None = None
    code: Line | None = None
    extra: dict[str, Any] = {}


PRODUCT_CATEGORY = Kind(
    name="product_category", fields=ProductCategory, policy=Policy.MERGE, references={"parent_id": "product_category"}
)


class Product(Fields, frozen=True, kw_only=True):
    """What is sold and bought. `price` is net of VAT; `vat_rate` and `levy_rate` are percents; `min_stock` warns.

    `tax_code` is the tax office's number of the goods; that of the unit (Mahak's unitTIN) is in `extra`.
    """

    name: Name
    sku: Line | None = None
    type: Literal["product", "service"] = always("product")
    price: Decimal | None = None
    cost: Decimal | None = None
    currency: CurrencyCode | None = None
    vat_rate: Decimal | None = None
    levy_rate: Decimal | None = None
    category_id: Reference | None = None
    barcode: Line | None = None
    code: Line | None = None
    description: Text | None = None
    notes: Text | None = None
    name_en: Line | None = None
    name_fr: Line | None = None
    name_ar: Line | None = None
    image_url: Line | None = None
    tags: Line | None = None
    unit: Line | None = None
    unit_id: Reference | None = None
    unit2: Line | None = None
    unit_ratio: Decimal | None = None
    unit_code: Count | None = None
    unit2_code: Count | None = None
    min_stock: Decimal | None = None
    opening_quantity: Decimal | None = None
    width: Decimal | None = None
    height: Decimal | None = None
    length: Decimal | None = None
    weight: Decimal | None = None
    tax_code: Line | None = None
    is_tracked: bool = always(True)
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


class ProductKind(Kind):
    """Prices are not negative, rates are percents; a product goes with its details."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """A deletion takes the details along."""
        if command.action == "delete" and record is not None:
            yield ChildrenOf(record.id)

    def decide_create(self, decision: Decision, record_id: UUID, data: Product) -> None:
        """Put a product into the catalogue."""
        check_product(msgspec.to_builtins(data))
        decision.create(self, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a product; what was sold before keeps its price."""
        check_product(changes)
        decision.change(self, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Take a product out of the catalogue, and what is sold as a variant of it."""
        for detail in decision.books.living_children(record.id, "product_detail"):
            decision.delete(PRODUCT_DETAIL, detail)
        decision.delete(self, record)


def check_product(fields: dict[str, Any]) -> None:
    """Raise unless prices and rates are in their ranges."""
    for name in ("price", "cost"):
        if fields.get(name) is not None and Decimal(fields[name]) < 0:
            raise InvalidField("A price must not be negative.", path=f"data.{name}")
    for name in ("vat_rate", "levy_rate"):
        if fields.get(name) is not None and not 0 <= Decimal(fields[name]) <= HUNDRED:
            raise InvalidField("A percentage lies between 0 and 100.", path=f"data.{name}")


PRODUCT = ProductKind(
    name="product",
    fields=Product,
    policy=Policy.MERGE,
    references={"category_id": "product_category", "unit_id": "unit"},
    unique=(Unique("sku", ("sku",)),),
)


class ProductDetail(Fields, frozen=True, kw_only=True):
    """A sellable variant of a product, with its own barcode and up to ten price levels."""

    product_id: Reference
    barcode: Line | None = None
    code: Line | None = None
    properties: Text | None = None
    properties2: Text | None = None
    serials: Text | None = None
    prices: Annotated[list[Decimal], Meta(max_length=10)] | None = None
    discounts: Annotated[list[Decimal], Meta(max_length=10)] | None = None
    discount: Decimal | None = None
    discount_type: Literal["amount", "percent"] | None = None
    default_price_level: Count | None = None
    default_discount_level: Count | None = None
    consumer_price: Decimal | None = None
    extra: dict[str, Any] = {}


PRODUCT_DETAIL = Kind(
    name="product_detail",
    fields=ProductDetail,
    policy=Policy.MERGE,
    references={"product_id": "product"},
    parent="product_id",
    fixed=frozenset({"product_id"}),
)
