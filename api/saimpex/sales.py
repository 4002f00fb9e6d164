"""Selling at the till: an invoice, what it moves in stock, and what was paid, in one transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from api.saimpex import tags, values
from api.saimpex.carts import CART, STATED, check_stated, lines_of, plain
from api.saimpex.coupons import COUPON, use_coupon
from api.saimpex.forms import Form, field, ref
from api.saimpex.payments import PAYMENT, check_paid, payments_of, stated_change
from api.saimpex.rows import invoice_lines, times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import InvalidField
from domain.money import ZERO
from domain.record import Record
from infra.ids import new_id

SERIES = "ORD-POS-"
"""The codes of sales at a till: dense per company."""
SALE = Form(
    "Sale",
    *CART,
    *STATED,
    *PAYMENT,
    field("common_discount", values.amount, "discount", type_=float, also=("discount_amount",)),
    ref("held_transaction_id", "held", by_client="held_transaction_client_id"),
    *COUPON,
)


@writes(
    "pos/createSale",
    id="saimpexCreateSale",
    tag=tags.POS,
    summary="Sell: the invoice, the stock, the payment",
    description="With a `client_id` the stock may become negative, and products may have been deleted since; without, there has to"
    " be enough of everything. Prices and tax rates that are not sent are the catalogue's. Sums that are sent have to be what the"
    " lines come to.",
    form=SALE,
    body_example={"items": [{"product_id": 42, "quantity": 2}], "payment": {"method": "cash", "paid_amount": 50}},
    answer=Row,
    example={"order": {"id": 9001, "order_code": "ORD-POS-000042", "total_amount": 29, "paid_amount": 29, "change": 21}},
    synced=True,
    created=201,
    message="Sale created successfully",
)
def create_sale(asked: Asked) -> Plan:
    """An invoice with its lines and payments; the cart that it was held as is used up by it."""
    read = asked.values
    payments, owes = payments_of(read)
    invoice_id = new_id()
    shift = read.get("shift_id") or asked.till.open_shift_id(asked.sync.created_at)
    discount, coupon = use_coupon(asked, invoice_id)
    data = {
        "type": "sales",
        "moves_stock": True,
        "require_stock": not asked.offline,
        "require_active": not asked.offline,
        "number_series": SERIES,
        "issue_date": asked.day,
        "seller_id": asked.till.principal.user_id,
        "lines": lines_of(read["lines"]),
        "payments": [{**payment, "shift_id": shift} for payment in payments],
        "shift_id": shift,
        "discount": discount or None,
        **{name: read.get(name) for name in ("party_id", "notes")},
    }
    commands = [asked.create("invoice", data, invoice_id)]
    if (held := read.get("held")) is not None:
        commands.append(asked.command("held_sale", "consume", {"invoice_id": invoice_id}, held))
    commands += coupon
    return Plan(commands, lambda made: _say(made, read, may_owe=owes or read.get("party_id") is not None))


def _say(made: Made, read: Row, *, may_owe: bool) -> Row:
    invoice = made.record()
    lines = made.children(invoice, "invoice_line")
    payments = made.children(invoice, "payment")
    _check(invoice, lines, payments, read, may_owe=may_owe)
    return {"order": order_row(invoice, lines, payments, made)}


def change_of(payments: list[Record]) -> Decimal:
    """What was given back."""
    return sum((Decimal(one.data["tendered"]) - Decimal(one.data["amount"]) for one in payments if one.data.get("tendered")), ZERO)


def _check(invoice: Record, lines: list[Record], payments: list[Record], read: Row, *, may_owe: bool) -> None:
    """Raise InvalidField where what the till worked out is not what the sale comes to."""
    data = invoice.data
    total, vat = Decimal(data["total"]), Decimal(data["vat"])
    for index, (line, given) in enumerate(zip(lines, read["lines"], strict=True)):
        allowed = (Decimal(line.data["total"]), Decimal(line.data["net"]))
        check_stated(given, {"stated_total": allowed}, place=f"lines[{index}].")
    if total < 0:
        raise InvalidField(f"The discount is more than the sale, which comes to {plain(total)} with it.", path="discount")
    net = sum((Decimal(line.data["net"]) for line in lines), ZERO)
    discounts = sum((Decimal(line.data.get("discount") or 0) for line in lines), ZERO)
    check_stated(read, {"stated_net": (net, net + discounts, net + vat), "stated_vat": (vat,), "stated_total": (total,)})
    check_paid(total, Decimal(data["paid"]), may_owe=may_owe)
    change = stated_change(read)
    if change is not None:
        check_stated({"stated_change": change}, {"stated_change": (change_of(payments),)})


def order_row(invoice: Record, lines: list[Record], payments: list[Record], made: Made) -> Row:
    """A sale."""
    data = invoice.data
    return {
        "id": invoice.number,
        "order_code": data.get("invoice_number"),
        "customer_id": made.number(data.get("party_id")),
        "shift_id": made.number(data.get("shift_id")),
        "subtotal": Decimal(data["net"]) + Decimal(data.get("discount") or 0),
        "discount": values.number(data.get("discount") or 0),
        "tax_amount": values.number(data["vat"]),
        "total_amount": values.number(data["total"]),
        "paid_amount": values.number(data["paid"]),
        "due_amount": max(Decimal(data["total"]) - Decimal(data["paid"]), ZERO),
        "change": change_of(payments),
        "payment_status": data["status"],
        "date": data["issue_date"],
        "items": invoice_lines(lines, made.number),
        "payments": [payment_row(one) for one in payments],
        **times(invoice),
    }


def payment_row(payment: Record) -> dict[str, Any]:
    """A part of what was paid."""
    data = payment.data
    return {
        "id": payment.number,
        "method": data.get("method"),
        "amount": values.number(data["amount"]),
        "tendered": values.number(data.get("tendered")),
        "reference": data.get("reference"),
    }


HANDLERS = [*create_sale]
