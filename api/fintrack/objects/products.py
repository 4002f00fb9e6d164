"""The catalogue: products and services."""

from __future__ import annotations

from api.documents import Document
from api.fintrack.objects.object import Field, Object
from domain.record import Record
from infra.lists.listing import Condition

PRODUCT_TYPES = (("product", "product"), ("service", "service"))
SELECTED = ("id", "name", "type", "sku", "price", "currency", "vatRate", "description", "notes", "businessId", "isActive")


def _is_active(product: Record | Document) -> bool:
    return bool(product.data.get("is_active", True))


PRODUCT = Object(
    name="productOrService",
    plural="productOrServices",
    service="productcatalog-api",
    kind="product",
    fields=(
        Field("currency", "String", "currency", required=True, filterable=True),
        Field("description", "Text", "description"),
        Field("name", "String", "name", required=True, filterable=True),
        Field("notes", "Text", "notes"),
        Field("price", "Double", "price", required=True, filterable=True, absent="0"),
        Field("sku", "String", "sku", required=True, filterable=True),
        Field("type", "Enum", "type", required=True, filterable=True, options=PRODUCT_TYPES),
        Field("vatRate", "Double", "vat_rate", required=True, filterable=True, absent="0"),
    ),
    order="name",
    where=(Condition((("data", "is_active"),), (True,)),),
    shows=_is_active,
    selected={"get": SELECTED, "list": SELECTED},
)
