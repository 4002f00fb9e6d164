"""Orders and their lines: the vendor's orders are our invoices and our orders, by their type; and the guide's invoices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.goods import DETAIL, read_discount_type
from api.mahak.collections.view import Column, Known, Link, View, client_number, dated
from api.mahak.documents import Row
from api.mahak.values import Read, read_amount, read_int, read_long, read_text, write_code, write_number
from domain.errors import InvalidField

INVOICE_TYPES: Mapping[int, str] = {201: "sales", 202: "sales_return", 204: "purchase", 205: "purchase_return"}
"""The order types that are invoices of ours."""
ORDER_TYPES: Mapping[int, str] = {203: "sales", 299: "delivery"}
"""Those that are orders of ours."""
_NUMBERS: Mapping[str, Mapping[str, int]] = {
    "invoice": {ours: number for number, ours in INVOICE_TYPES.items()},
    "order": {**{ours: number for number, ours in ORDER_TYPES.items()}, "purchase": 203},
}
"""The vendor has no order to a supplier: it is answered as an order."""

_CUSTOMER = Link("customer", ("party_id",), "people", entity="person")
_PRODUCT = Link("product", ("product_id",), "products")
"""The guide's orders name their customer, its lines a product."""


def order_type(document: Document) -> int:
    """The vendor's type of an invoice or an order of ours."""
    return _NUMBERS[document.kind][document.data["type"]]


def _read_order_type(kinds: Mapping[int, str]) -> Callable[[Any, ZoneInfo, str], str]:
    def read(value: Any, zone: ZoneInfo, path: str) -> str:
        found = kinds.get(read_int(value, zone, path))
        if found is None:
            known = ", ".join(map(str, sorted({**INVOICE_TYPES, **ORDER_TYPES})))
            raise InvalidField(f"The type of an order is one of {known}, and does not change.", path=path)
        return found

    return read


def _choose(row: Row) -> str:
    """An order that names no type is the guide's, which knows orders only."""
    number = row.get("ordertype")
    return "invoice" if str(number).strip() in map(str, INVOICE_TYPES) else "order"


def _discount_of_all(document: Document, _: Known) -> Any:
    """The discount as the client said it, where it was a percent; else our amount."""
    extra = document.data.get("extra") or {}
    if extra.get("discountType") == 1 and extra.get("discount") is not None:
        return write_number(extra["discount"])
    amount = document.data.get("discount")
    return write_number(amount) if amount is not None else None


def _order_code(document: Document, _: Known) -> int:
    """The accounting program's number; where it gave none, ours, if that is a number."""
    data = document.data
    code = (data.get("extra") or {}).get("orderCode")
    return write_code(code or data.get("invoice_number") or data.get("order_number") or 0)


def _settled_by(entity: str, direction: str) -> tuple[Column, ...]:
    """The first receipt or payment of an invoice; where it has none, the one that the client named."""

    def column(suffix: str, read: Read, of: Callable[[Document], int]) -> Column:
        wire = f"{entity}{suffix}"

        def derive(document: Document, known: Known) -> Any:
            payment = known.payments.get(document.id)
            if payment is not None and payment.data["direction"] == direction and (found := of(payment)):
                return found
            return (document.data.get("extra") or {}).get(wire)

        return Column(wire, f"extra.{wire}", read, derive=derive)

    return (
        column("Id", read_int, lambda payment: payment.number),
        column("ClientId", read_long, lambda payment: client_number(payment, entity)),
        column("Code", read_int, lambda payment: write_code(payment.data.get("receipt_number") or 0)),
    )


_SETTLED = (*_settled_by("receipt", "in"), *_settled_by("payment", "out"))


def _without_answered(data: Row, before: Row) -> None:
    """What settles an invoice is the ledger's to say: that it comes back says nothing."""
    extra, was = data.get("extra"), before.get("extra") or {}
    if extra is None:
        return
    for column in _SETTLED:
        if not was.get(column.wire) and extra.pop(column.wire, None) is not None and column.wire in was:
            extra[column.wire] = was[column.wire]
    if extra == was:
        del data["extra"]


def _complete_order(row: Row, data: Row, before: Row) -> Row:
    """A discount that is an amount is ours; a percent is kept as it came, and whoever knows the lines makes the amount."""
    if before:
        _without_answered(data, before)
    extra = data.get("extra") or before.get("extra") or {}
    if row.get("discount") is not None and not extra.get("discountType"):
        amount = read_amount(row["discount"], ZoneInfo("UTC"), "discount")
        if amount != "0" or not before or before.get("discount") is not None:
            data["discount"] = amount
    if not before and "type" not in data:
        data["type"] = "sales"
    return data


def _guide_order(document: Document, row: Row, _: Known) -> Row:
    data = document.data
    return {
        "customerId": row["personId"],
        "customerClientId": row["personClientId"],
        "totalAmount": write_number(data.get("total", "0")),
        "currency": data.get("currency"),
        "status": data.get("status"),
        "isDisputed": bool(data.get("disputed")),
    }


def _header(kind: str, types: Mapping[int, str], day: str) -> View:
    return View(
        kind,
        names={
            "sendCost": "shipping",
            "otherCost": "other_cost",
            "description": "notes",
            "shippingAddress": "shipping_address",
        },
        columns=(
            Column("orderType", "type", _read_order_type(types), derive=lambda document, _: order_type(document)),
            Column("orderCode", "extra.orderCode", read_int, derive=_order_code),
            Column("discount", "extra.discount", read_amount, derive=_discount_of_all),
            dated("orderDate", day),
            dated("deliveryDate", "delivery_date"),
            *(_SETTLED if kind == "invoice" else ()),
        ),
        links=(
            Link("person", ("party_id",), "people"),
            _CUSTOMER,
            Link("visitor", ("seller_id",), "visitors"),
            Link("project", ("project_id",), "projects"),
            *((Link("referenceOrder", ("returns_id",), "orders"),) if kind == "invoice" else ()),
        ),
        complete=_complete_order,
        guide=_guide_order,
        part=lambda document, _: str(order_type(document)),
    )


ORDERS = Collection(
    name="orders",
    entity="order",
    fields="orderId:i, orderClientId:l, fiscalYear:i, orderCode:i, personId:i, visitorId:i, receiptId:i, paymentId:i, orderType:i,"
    " orderDate:t, deliveryDate:t, discount:d, discountType:i, sendCost:d, otherCost:d, settlementType:i, immediate:b,"
    " returnReasonId:i, description:s, expenseId:i, projectId:i, latitude:d, longitude:d, shippingAddress:s, carrierType:i,"
    " carrierID:l, driverCurrencyType:i, carryingAsExpense:b, deleted:b, extraItems:s, personClientId:l, personCode:i,"
    " receiptClientId:l, receiptCode:i, paymentClientId:l, paymentCode:i, rowVersion:l, visitorClientId:l, visitorCode:i,"
    " referenceOrderId:i, invoiceTemplate:i",
    views=(_header("invoice", INVOICE_TYPES, "issue_date"), _header("order", ORDER_TYPES, "order_date")),
    choose=_choose,
    guide=("orders",),
    said="customerId:i, customerClientId:l, totalAmount:d, currency:s, status:s, isDisputed:b",
)
"""Ours name their invoice: an order's receipt is the first that names it; else the one that its client said is answered."""

# Lines --------------------------------------------------------------------------------------------


def _line_discount(document: Document, _: Known) -> Any:
    value = document.data.get("discount_percent") or document.data.get("discount")
    return write_number(value) if value is not None else None


def _known_discount(before: Row) -> str:
    return before.get("discount_percent") or before.get("discount") or "0"


def _complete_line(row: Row, data: Row, before: Row) -> Row:
    """A discount by its type; and the guide's words for what is sold."""
    utc = ZoneInfo("UTC")
    if row.get("discount") is not None or row.get("discounttype") is not None:
        by_percent = before.get("discount_percent") is not None
        if row.get("discounttype") is not None:
            by_percent = read_discount_type(row["discounttype"], utc, "discountType") == "percent"
        given = row.get("discount")
        amount = (
            before.get("discount_percent") or before.get("discount") or "0"
            if given is None
            else read_amount(given, utc, "discount")
        )
        if amount != "0" or not before or _known_discount(before) != "0" or by_percent:
            data["discount_percent"], data["discount"] = (amount, None) if by_percent else (None, amount)
    for wire, name in (("quantity", "quantity"), ("unitPrice", "unit_price")):
        if (said := row.get(wire.lower())) is not None:
            data[name] = read_amount(said, utc, wire)
    return data


def _line_part(field: str) -> Callable[[Document, Known], str]:
    def part(line: Document, known: Known) -> str:
        owner = known.records.get(line.data[field])
        return str(order_type(owner)) if owner is not None else ""

    return part


def _guide_line(document: Document, _: Row, known: Known) -> Row:
    data = document.data
    product = known.records.get(data.get("product_id", ""))
    return {
        "productId": product.number if product is not None else 0,
        "quantity": write_number(data["quantity"]),
        "unitPrice": write_number(data.get("unit_price", "0")),
        "totalAmount": write_number(data.get("total", "0")),
    }


_LINE_NAMES = {
    "price": "unit_price",
    "count1": "quantity",
    "count2": "quantity2",
    "description": "description",
    "gift": "gift",
    "taxPercent": "vat_rate",
    "chargePercent": "levy_rate",
    "rowId": "position",
}
_LINE_COLUMNS = (
    Column("discount", derive=_line_discount),
    Column("discountType", derive=lambda document, _: int(document.data.get("discount_percent") is not None)),
    Column("promotionCode", "promotion_code", read_text, write=write_code),
)


def _line(kind: str, owner: str) -> View:
    return View(
        kind,
        names=_LINE_NAMES,
        columns=_LINE_COLUMNS,
        links=(Link("order", (owner,), "orders"), DETAIL, _PRODUCT, Link("store", ("store_id",), "stores")),
        complete=_complete_line,
        guide=_guide_line,
        part=_line_part(owner),
    )


ORDER_DETAILS = Collection(
    name="orderDetails",
    entity="orderDetail",
    fields="orderDetailId:i, orderDetailClientId:l, itemType:i, orderId:i, productDetailId:i, incomeId:i, expenseId:i, price:d,"
    " count1:d, count2:d, promotionCode:i, gift:i, description:s, discount:d, discountType:i, taxPercent:d, chargePercent:d,"
    " storeId:i, width:d, height:d, itemCount:i, rowId:i, deleted:b, rowVersion:l, orderClientId:l, orderCode:i,"
    " productDetailClientId:l, productDetailCode:i",
    views=(_line("invoice_line", "invoice_id"), _line("order_line", "order_id")),
    guide=("orderDetails",),
    said="productId:i, productClientId:l, quantity:d, unitPrice:d, totalAmount:d",
)

# The guide's invoices -----------------------------------------------------------------------------


def _guide_invoice(document: Document, row: Row, known: Known) -> Row:
    return {
        **_guide_order(document, row, known),
        "invoiceNumber": document.data.get("invoice_number"),
        "type": document.data["type"],
    }


def _sum(wire: str, name: str) -> Column:
    return Column(wire, derive=lambda document, _: write_number(document.data.get(name, "0")))


def _complete_invoice(_: Row, data: Row, before: Row) -> Row:
    return data if before else {"type": "sales", **data}


INVOICES = Collection(
    name="invoices",
    entity="invoice",
    fields="invoiceId:i, invoiceClientId:l, invoiceCode:s, type:s, personId:i, personClientId:l, personCode:i, visitorId:i,"
    " invoiceDate:t, dueDate:t, deliveryDate:t, discount:d, sendCost:d, otherCost:d, netAmount:d, taxAmount:d, totalAmount:d,"
    " paidAmount:d, description:s, shippingAddress:s, deleted:b, rowVersion:l",
    views=(
        View(
            "invoice",
            names={
                "type": "type",
                "discount": "discount",
                "sendCost": "shipping",
                "otherCost": "other_cost",
                "description": "notes",
                "shippingAddress": "shipping_address",
            },
            columns=(
                dated("invoiceDate", "issue_date"),
                dated("dueDate", "due_date"),
                dated("deliveryDate", "delivery_date"),
                _sum("netAmount", "net"),
                _sum("taxAmount", "vat"),
                _sum("totalAmount", "total"),
                _sum("paidAmount", "paid"),
            ),
            links=(Link("person", ("party_id",), "people"), _CUSTOMER, Link("visitor", ("seller_id",), "visitors")),
            complete=_complete_invoice,
            guide=_guide_invoice,
            code="invoice_number",
        ),
    ),
    asked="Invoice",
    guide=("invoices",),
    said="customerId:i, customerClientId:l, invoiceNumber:s, currency:s, status:s, isDisputed:b",
    is_of_guide=True,
)

INVOICE_DETAILS = Collection(
    name="invoiceDetails",
    entity="invoiceDetail",
    fields="invoiceDetailId:i, invoiceDetailClientId:l, invoiceId:i, invoiceClientId:l, invoiceCode:i, productDetailId:i, price:d,"
    " count1:d, count2:d, description:s, discount:d, discountType:i, taxPercent:d, chargePercent:d, storeId:i, rowId:i,"
    " deleted:b, rowVersion:l, productDetailClientId:l, productDetailCode:i",
    views=(
        View(
            "invoice_line",
            names=_LINE_NAMES,
            columns=_LINE_COLUMNS[:2],
            links=(Link("invoice", ("invoice_id",), "invoices"), DETAIL, _PRODUCT, Link("store", ("store_id",), "stores")),
            complete=_complete_line,
            guide=_guide_line,
        ),
    ),
    asked="InvoiceDetail",
    guide=("invoiceDetails",),
    said="productId:i, productClientId:l, quantity:d, unitPrice:d, totalAmount:d",
    is_of_guide=True,
)
