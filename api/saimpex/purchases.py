"""Buying: purchase orders. Offline they are drafts; online the goods are received at once, with their invoice and payment."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from api.saimpex import tags, values
from api.saimpex.carts import plain, sum_of
from api.saimpex.forms import Form, field, ref, rows
from api.saimpex.known import find_all, key_of
from api.saimpex.payments import CREDIT, method
from api.saimpex.rows import invoice_lines, times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import InvalidField, RecordNotFound
from domain.record import Record
from infra.ids import new_id

SERIES = "PO-"
STATUS = {"draft": 1, "open": 2, "received": 3, "cancelled": 4}
LINE = Form(
    "PurchasedProduct",
    ref("product_id", required=True, also=("id",)),
    field("quantity", values.positive, type_=float, required=True, also=("qty",)),
    field("unit_price", values.amount, type_=float, required=True, also=("price", "cost_price")),
    field("discount", values.amount, type_=float),
    field("tax_rate", values.percent, "vat_rate", type_=float),
)
ORDER = Form(
    "PurchaseOrder",
    ref("supplier_id", "party_id", required=True),
    field("order_date", values.day),
    field("delivery_date", values.day, also=("expected_delivery_date",)),
    rows("products", LINE, "lines", required=True, also=("items",)),
    field("discount", values.amount, type_=float),
    field("shipping", values.amount, type_=float, also=("shipping_cost",)),
    field("notes", values.text(20_000)),
    field("reference", values.text()),
    field("payment_method", method, "method"),
    field("paid_amount", values.amount, "paid", type_=float, also=("amount_paid", "payment_amount")),
    field("due_date", values.day),
)
EXAMPLE: Row = {"id": 3, "po_number": "PO-000003", "status": 1, "is_draft": True, "supplier_id": 1, "total_amount": 50}


@writes(
    "erp/createPurchaseOrder",
    id="saimpexCreatePurchaseOrder",
    tag=tags.ERP,
    summary="Order from a supplier",
    description="With a `client_id` it is a draft (`status` 1), without invoice or payment. Without one the goods are received at"
    " once: stock, purchase invoice, and the payment if one is given.",
    form=ORDER,
    body_example={
        "supplier_id": 1,
        "order_date": "2026-05-28",
        "delivery_date": "2026-05-30",
        "products": [{"product_id": 42, "quantity": 10, "unit_price": 5, "tax_rate": 0}],
    },
    answer=Row,
    example=EXAMPLE,
    synced=True,
    created=201,
    message="Purchase order created successfully",
)
def create_purchase_order(asked: Asked) -> Plan:
    """A draft; or an order that was received, its invoice, which moves the stock, and what was paid."""
    read = asked.values
    common = {name: read.get(name) for name in ("party_id", "discount", "shipping", "notes", "reference", "delivery_date")}
    lines = [{"vat_rate": Decimal(0), **line} for line in read["lines"]]
    order_id, invoice_id = new_id(), new_id()
    order = {
        **common,
        "type": "purchase",
        "status": "draft" if asked.offline else "open",
        "order_date": read.get("order_date") or asked.day,
        "number_series": SERIES,
        "lines": lines,
    }
    commands = [asked.create("order", order, order_id)]
    if not asked.offline:
        received = {
            "invoice_id": invoice_id,
            "date": read.get("order_date") or asked.day,
            "due_date": read.get("due_date"),
            **_paid(read, lines, asked.till.currency),
        }
        commands.append(asked.command("order", "receive", received, order_id))
    return Plan(commands, lambda made: _say(made, None if asked.offline else invoice_id))


def _paid(read: Row, lines: list[Row], currency: str) -> Row:
    """What was paid at once: what was sent; all of it where only a method was; nothing where there is neither."""
    how, paid = read.get("method"), read.get("paid")
    if how in CREDIT or paid == 0 or (how is None and paid is None):
        return {}
    if paid is None:
        paid = sum_of(lines, currency) - (read.get("discount") or 0) + (read.get("shipping") or 0)
    return {"method": how or "cash", "paid_amount": paid}


def _say(made: Made, invoice_id: UUID | None) -> Row:
    order, invoice = made.record(), made.find(invoice_id)
    if invoice is not None:
        _check_not_overpaid(invoice)
    return {**order_row(order, made), **(invoice_part(invoice, made) if invoice is not None else {})}


REPAYMENT = Form(
    "PurchaseOrderRepayment",
    ref("purchase_order_id", "id", required=True, also=("id", "po_id")),
    field("amount", values.positive, "paid", type_=float, required=True, also=("paid_amount",)),
    field("payment_method", method, "method"),
    field("payment_date", values.day, "date", also=("date",)),
    field("reference", values.text()),
    field("notes", values.text(20_000)),
)


@writes(
    "erp/purchaseOrderRepayment",
    id="saimpexPurchaseOrderRepayment",
    tag=tags.ERP,
    summary="Pay what is still owed for a purchase order",
    form=REPAYMENT,
    body_example={"purchase_order_id": 3, "amount": 20, "payment_method": "cash"},
    answer=Row,
    example={"purchase_order_id": 3, "invoice": {"id": 5, "due_amount": 0}},
    created=201,
    message="Payment recorded successfully",
)
def repay(asked: Asked) -> Plan:
    """A payment on the invoice with which the order was received."""
    read = asked.values
    found = find_all(asked.till, "order", [read["id"]])
    order = found.get(key_of(read["id"]))
    if order is None or order.data["type"] != "purchase":
        raise RecordNotFound("There is no such purchase order.", path="id")
    if not order.data.get("invoice_id"):
        raise InvalidField(f"The purchase order {order.number} was not received yet; there is nothing to pay.", path="id")
    payment = {
        "invoice_id": order.data["invoice_id"],
        "order_id": order.id,
        "amount": read["paid"],
        "method": read.get("method") or "cash",
        "date": read.get("date") or asked.day,
        **{name: read.get(name) for name in ("reference", "notes")},
    }

    def say(made: Made) -> Row:
        record, invoice = made.record(), made.find(order.data["invoice_id"])
        assert invoice is not None, "a payment is on an invoice that was loaded"
        _check_not_overpaid(invoice)
        return {"id": record.number, "purchase_order_id": order.number, **invoice_part(invoice, made)}

    return Plan([asked.create("payment", payment)], say)


def _check_not_overpaid(invoice: Record) -> None:
    total, paid = Decimal(invoice.data["total"]), Decimal(invoice.data["paid"])
    if paid > total:
        raise InvalidField(f"{plain(paid)} was paid, but the invoice comes to {plain(total)}.", path="paid")


def order_row(order: Record, made: Made) -> Row:
    """A purchase order with its products."""
    products = invoice_lines(made.children(order, "order_line"), made.number)
    return {**order_head(order, made), "products": products}


def order_head(order: Record, made: Made) -> Row:
    """A purchase order."""
    data = order.data
    return {
        "id": order.number,
        "po_number": data.get("order_number"),
        "status": STATUS[data["status"]],
        "is_draft": data["status"] == "draft",
        "supplier_id": made.number(data.get("party_id")),
        "order_date": data["order_date"],
        "delivery_date": data.get("delivery_date"),
        "subtotal": values.number(data["net"]),
        "tax_amount": values.number(data["vat"]),
        "total_amount": values.number(data["total"]),
        "notes": data.get("notes"),
        **times(order),
    }


def invoice_part(invoice: Record, made: Made) -> Row:
    """What was invoiced and paid of an order."""
    data = invoice.data
    return {
        "invoice": {
            "id": invoice.number,
            "total_amount": values.number(data["total"]),
            "paid_amount": values.number(data["paid"]),
            "due_amount": max(Decimal(data["total"]) - Decimal(data["paid"]), Decimal(0)),
            "payment_status": data["status"],
        },
        "payments": [
            {
                "id": one.number,
                "amount": values.number(one.data["amount"]),
                "method": one.data.get("method"),
                "date": one.data["date"],
            }
            for one in made.children(invoice, "payment")
        ],
    }


HANDLERS = [*create_purchase_order, *repay]
