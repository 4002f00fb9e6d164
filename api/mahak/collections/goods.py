"""Products, their categories, units and details: what is sold is a detail, and every product has at least one.

A product for which the ledger has no detail is its own: that detail's id is the product's with a base added, its price the same.
Once the product has details, that one is answered as deleted, and lines of the product name its first detail.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.view import Column, Known, Link, View
from api.mahak.documents import Row
from api.mahak.values import read_amount, read_decimal, read_int, write_number
from domain.errors import InvalidField

PRODUCT_CATEGORIES = Collection(
    name="productCategories",
    entity="productCategory",
    fields="productCategoryId:i, productCategoryClientId:l, productCategoryCode:i, name:s, color:s, icon:s, deleted:b,"
    " rowVersion:l",
    views=(View("product_category", names={"name": "name", "color": "color", "icon": "icon"}),),
    guide=("productCategories",),
)

UNITS = Collection(
    name="units",
    entity="unit",
    fields="unitId:i, unitCode:i, unitClientId:l, name:s, comment:s, unitTIN:s, deleted:b, rowVersion:l",
    views=(View("unit", names={"name": "name"}, code="extra.unitCode"),),
    guide=("units",),
)


def _complete_product(row: Row, data: Row, before: Row) -> Row:
    """The guide's products have a price, and codes that are words; ours have that too."""
    if row.get("price") is not None:
        price = read_amount(row["price"], ZoneInfo("UTC"), "price")
        if price != "0" or not before or before.get("price") is not None:
            data["price"] = price
    return data


def _guide_product(document: Document, _: Row, __: Known) -> Row:
    price = document.data.get("price")
    return {"price": write_number(price) if price is not None else 0}


PRODUCTS = Collection(
    name="products",
    entity="product",
    fields="productId:i, productClientId:l, productCode:i, productCategoryId:i, name:s, unitName:s, unitName2:s, unitCode:i,"
    " unitCode2:i, tags:s, unitRatio:d, min:d, taxPercent:d, chargePercent:d, width:d, height:d, length:d, weight:d, type:i,"
    " description:s, productTIN:s, unitTIN:s, deleted:b, rowVersion:l, productCategoryClientId:l, productCategoryCode:i",
    views=(
        View(
            "product",
            names={
                "name": "name",
                "unitName": "unit",
                "unitName2": "unit2",
                "unitCode": "unit_code",
                "unitCode2": "unit2_code",
                "tags": "tags",
                "unitRatio": "unit_ratio",
                "min": "min_stock",
                "taxPercent": "vat_rate",
                "chargePercent": "levy_rate",
                "width": "width",
                "height": "height",
                "length": "length",
                "weight": "weight",
                "description": "description",
                "productTIN": "tax_code",
            },
            links=(Link("productCategory", ("category_id",), "productCategories"),),
            complete=_complete_product,
            guide=_guide_product,
        ),
    ),
    guide=("products",),
    said="price:d",
)


# Details ------------------------------------------------------------------------------------------

PRICES, DISCOUNTS = 10, 4


def _item(wire: str, name: str, index: int) -> Column:
    """One of a list of amounts; it is read with the whole list."""

    def derive(document: Document, _: Known) -> Any:
        items = document.data.get(name) or ()
        return write_number(items[index]) if index < len(items) else None

    return Column(wire, derive=derive)


_ITEMS = (
    *(_item(f"price{index + 1}", "prices", index) for index in range(PRICES)),
    *(_item(f"discount{index + 1}", "discounts", index) for index in range(DISCOUNTS)),
)


def _complete_detail(row: Row, data: Row, before: Row) -> Row:
    """Prices and discounts by level, as the lists that they are here."""
    if before and before.get("discount_type") is None and data.get("discount_type") == "amount":
        del data["discount_type"]  # what is answered where nobody said
    for name, wire, count in (("prices", "price", PRICES), ("discounts", "discount", DISCOUNTS)):
        given = {index: row[f"{wire}{index + 1}"] for index in range(count) if row.get(f"{wire}{index + 1}") is not None}
        if not given:
            continue
        items = [Decimal(item) for item in before.get(name) or ()]
        items += [Decimal(0)] * (max(given) + 1 - len(items))
        for index, value in given.items():
            items[index] = read_decimal(value, f"{wire}{index + 1}")
        while items and not items[-1]:
            items.pop()
        data[name] = [str(item) for item in items]
    return data


def read_discount_type(value: Any, zone: ZoneInfo, path: str) -> str:
    """0 an amount, 1 a percent. Raises InvalidField."""
    found = read_int(value, zone, path)
    if found not in (0, 1):
        raise InvalidField("The type of a discount is 0 (an amount) or 1 (a percent).", path=path)
    return "percent" if found else "amount"


def _discount_type(document: Document, _: Known) -> int:
    return int(document.data.get("discount_type") == "percent")


def _price(product: Document, _: Known) -> Any:
    price = product.data.get("price")
    return write_number(price) if price is not None else None


def _consumer_price(product: Document, known: Known) -> Any:
    """What a client said; else the price."""
    kept = (product.data.get("extra") or {}).get("customerPrice")
    return write_number(kept) if kept is not None else _price(product, known)


def _price_level(product: Document, _: Known) -> int:
    return int((product.data.get("extra") or {}).get("defaultSellPriceLevel") or 1)


def _complete_own(_: Row, data: Row, before: Row) -> Row:
    """What is answered where a client said nothing is not kept when it is sent back."""
    extra = data.get("extra")
    if extra is not None:
        was, price = before.get("extra") or {}, data.get("price", before.get("price"))
        if "customerPrice" not in was and Decimal(extra.get("customerPrice") or 0) in (Decimal(price or 0), Decimal(0)):
            extra.pop("customerPrice", None)
        if "defaultSellPriceLevel" not in was and extra.get("defaultSellPriceLevel") == 1:
            extra.pop("defaultSellPriceLevel")
        if not extra and not was:
            del data["extra"]
    return data


PRODUCT_DETAILS = Collection(
    name="productDetails",
    entity="productDetail",
    fields="productDetailId:i, productDetailClientId:l, productDetailCode:i, productId:i, properties:s, properties2:s, barcode:s,"
    " price1:d, price2:d, price3:d, price4:d, price5:d, price6:d, price7:d, price8:d, price9:d, price10:d, discount:d,"
    " discount1:d, discount2:d, discount3:d, discount4:d, defaultDiscountLevel:i, discountType:i, defaultSellPriceLevel:i,"
    " customerPrice:d, serials:s, count1:d, count2:d, deleted:b, rowVersion:l, productClientId:l, productCode:i",
    views=(
        View(
            "product_detail",
            names={
                "properties": "properties",
                "properties2": "properties2",
                "barcode": "barcode",
                "discount": "discount",
                "defaultDiscountLevel": "default_discount_level",
                "defaultSellPriceLevel": "default_price_level",
                "customerPrice": "consumer_price",
                "serials": "serials",
            },
            columns=(*_ITEMS, Column("discountType", "discount_type", read_discount_type, derive=_discount_type)),
            links=(Link("product", ("product_id",), "products"),),
            complete=_complete_detail,
        ),
        View(
            "product",
            names={"barcode": "barcode"},
            columns=(
                Column("price1", "price", read_amount, derive=_price),
                Column("customerPrice", "extra.customerPrice", read_amount, derive=_consumer_price),
                Column("defaultSellPriceLevel", "extra.defaultSellPriceLevel", read_int, derive=_price_level),
                Column("productDetailCode", derive=lambda _, __: None),
            ),
            links=(Link("product", (), "products", find=lambda product, _: product),),
            complete=_complete_own,
        ),
    ),
    guide=("productDetails",),
)
"""`count1` and `count2` are what a client says; the stock is in the assets."""


def find_detail(document: Document, known: Known) -> Document | None:
    """What a line sells: its detail, else its product's first one, else the product, which is its own."""
    if (detail_id := document.data.get("product_detail_id")) is not None:
        return known.records.get(detail_id)
    if (product_id := document.data.get("product_id")) is not None:
        return known.details.get(product_id) or known.records.get(product_id)
    return None


DETAIL = Link("productDetail", ("product_detail_id", "product_id"), "productDetails", find=find_detail)
"""A reference to a detail: the id tells whether it is one of the ledger's, or a product without one."""
