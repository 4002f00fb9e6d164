"""Products: pulled with their stock; made and changed, perhaps with a picture."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from litestar.handlers import HTTPRouteHandler

from api.saimpex import tags, values
from api.saimpex.access import keepers
from api.saimpex.deltas import Cache, Pull
from api.saimpex.files import pictures_of, shown_as
from api.saimpex.forms import Form, field, ref
from api.saimpex.known import find_all, key_of
from api.saimpex.rows import product_row, times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.books import stock_key
from domain.record import Record
from infra.ids import new_id
from infra.sync.change_reader import ChangeReader
from infra.sync.deltas import Item

PRODUCT = (
    field("sku", values.text()),
    field("barcode", values.text()),
    field("code", values.text()),
    field("description", values.text(20_000)),
    field("name_en", values.text()),
    field("name_fr", values.text()),
    field("name_ar", values.text()),
    field("price", values.amount, type_=float, also=("unit_price", "selling_price")),
    field("cost_price", values.amount, "cost", type_=float, also=("cost", "purchase_price")),
    field("tax_rate", values.percent, "vat_rate", type_=float),
    field("unit", values.text()),
    field("min_stock", values.amount, type_=float, also=("low_stock_alert",)),
    field("track_stock", values.flag, "is_tracked", type_=bool),
    field("status", values.flag, "is_active", type_=bool, also=("is_active",)),
    ref("category_id"),
)
NEW_PRODUCT = Form(
    "NewProduct",
    field("name", values.name, required=True),
    *PRODUCT,
    field("stock", values.amount, "stock", type_=float, also=("opening_stock", "quantity")),
)
CHANGED_PRODUCT = Form("ChangedProduct", ref("product_id", "id", required=True, also=("id",)), field("name", values.name), *PRODUCT)
EXAMPLE: Row = {"id": 42, "name": "Thé vert", "price": 12.5, "tax_rate": 16, "stock": 15, "status": 1}


# Pulling --------------------------------------------------------------------------------------------


def _put_categories(pull: Pull, records: Sequence[Record], rows: list[Row]) -> None:
    ids = {UUID(record.data["category_id"]) for record in records if record.data.get("category_id")}
    if not ids:
        return
    found = ChangeReader(pull.services.database).numbers(pull.claims.cid, ids)
    for record, row in zip(records, rows, strict=True):
        if record.data.get("category_id"):
            row["category_id"] = found.get(UUID(record.data["category_id"]))


PRODUCTS = Cache("products", "product", product_row, finish=_put_categories)


def _pull(path: str, id_: str, tag: str) -> HTTPRouteHandler:
    summary = "Products with their stock, or those of which anything changed since a cursor, their stock too"
    return PRODUCTS.handler(path, id_=id_, summary=summary, tag=tag, title="Products", example=EXAMPLE, gone=(101,))


# Writing --------------------------------------------------------------------------------------------


def _say(made: Made) -> Row:
    record = made.record()
    level = made.books.stock.get(stock_key(record.id, None))
    row = product_row(Item(record, str(level or 0)))
    row["category_id"] = made.number(record.data.get("category_id"))
    if level is None and record.version > 1:  # what an update does not move, it does not know
        del row["stock"]
    return {"product": row, **row}


@writes(
    "pos/addProduct",
    id="saimpexAddProduct",
    tag=tags.POS,
    summary="Make a product, perhaps with a picture and an opening stock",
    form=NEW_PRODUCT,
    body_example={"name": "Thé vert", "price": 12.5, "tax_rate": 16, "stock": 15},
    answer=Row,
    example=EXAMPLE,
    created=201,
    message="Product added successfully",
    files="image",
)
def add_product(asked: Asked) -> Plan:
    """The product, its opening stock, and its picture."""
    data = dict(asked.values)
    opening, product_id = data.pop("stock", None), new_id()
    pictures = pictures_of(asked.stored, "product", product_id, "products")
    commands = [asked.create("product", {**data, **shown_as("image_url", pictures)}, product_id)]
    if opening:
        movement = {
            "product_id": product_id,
            "quantity": opening,
            "reason": "opening",
            "date": asked.day,
            "unit_cost": data.get("cost"),
        }
        commands.append(asked.command("stock_movement", "create", movement))
    return Plan([*commands, *pictures], _say)


@writes(
    "pos/updateProduct",
    id="saimpexUpdateProduct",
    tag=tags.POS,
    summary="Change a product, perhaps with a new picture",
    form=CHANGED_PRODUCT,
    body_example={"product_id": 42, "price": 13},
    answer=Row,
    example=EXAMPLE,
    message="Product updated successfully",
    files="image",
)
def update_product(asked: Asked) -> Plan:
    """The fields that were sent."""
    data = dict(asked.values)
    named = data.pop("id")
    product = find_all(asked.till, "product", [named]).get(key_of(named)) if asked.stored else None
    pictures = pictures_of(asked.stored, "product", product.id, "products") if product is not None else []
    return Plan([asked.command("product", "update", {**data, **shown_as("image_url", pictures)}, named), *pictures], _say)


@writes(
    "pos/deleteProduct",
    id="saimpexDeleteProduct",
    tag=tags.POS,
    summary="Take a product out of the catalogue",
    form=Form("NamedProduct", ref("product_id", "id", required=True, also=("id",))),
    body_example={"product_id": 42},
    answer=Row,
    example={"id": 42},
    gate=keepers,
    message="Product deleted successfully",
    methods=("POST", "DELETE"),
)
def delete_product(asked: Asked) -> Plan:
    """It stays where it was sold; caches learn that it is gone."""
    return Plan([asked.command("product", "delete", target=asked.values["id"])], lambda made: {"id": made.record().number})


# Stock ----------------------------------------------------------------------------------------------

STOCK = Form(
    "StockUpdate",
    ref("product_id", required=True),
    field("stock_type", values.choice({1: 1, 2: -1, "in": 1, "out": -1}), "way", type_=int, required=True),
    field("quantity", values.positive, type_=float, required=True),
    field("unit_cost", values.amount, type_=float, also=("cost_price",)),
    field("notes", values.text(20_000)),
)


@writes(
    "pos/updateStock",
    id="saimpexUpdateStock",
    tag=tags.POS,
    summary="Put goods into the stock, or take them out",
    description="`stock_type`: 1 in, 2 out. With a `client_id` the stock may become negative; without, there has to be enough.",
    form=STOCK,
    body_example={"product_id": 42, "stock_type": 1, "quantity": 10, "notes": "Stock in"},
    answer=Row,
    example={"id": 7, "product_id": 42, "stock_type": 1, "quantity": 10, "stock": 25},
    synced=True,
    created=201,
    message="Stock updated successfully",
)
def update_stock(asked: Asked) -> Plan:
    """A movement."""
    data = dict(asked.values)
    way = data.pop("way")
    movement = {**data, "quantity": way * data["quantity"], "reason": "adjustment", "date": asked.day}
    command = asked.create("stock_movement", {**movement, "require_stock": not asked.offline and way < 0})
    return Plan([command], lambda made: _say_stock(made, way))


def _say_stock(made: Made, way: int) -> Row:
    record = made.record()
    product = made.find(record.data["product_id"])
    assert product is not None, "a movement is of a product that was loaded"
    return {
        "id": record.number,
        "product_id": product.number,
        "stock_type": 1 if way > 0 else 2,
        "quantity": values.quantity(record.data["quantity"]).copy_abs(),
        "notes": record.data.get("notes"),
        "stock": values.quantity(made.books.stock.get(stock_key(product.id, None), 0)),
        "product": {"id": product.number, "name": product.data["name"]},
        **times(record),
    }


HANDLERS = [
    _pull("pos/fetchProducts", "saimpexFetchProducts", tags.POS),
    _pull("erp/getProducts", "saimpexGetProducts", tags.ERP),
    *add_product,
    *update_product,
    *delete_product,
    *update_stock,
]
