"""Held sales: carts that are put aside, taken back, thrown away, or sold."""

from __future__ import annotations

from api.saimpex import tags, values
from api.saimpex.carts import CART, sum_of
from api.saimpex.forms import SYNC, Form, field, ref
from api.saimpex.known import fill_prices, number_beside
from api.saimpex.rows import times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.record import Record

HOLD = Form("HeldCart", *CART, field("label", values.text(), also=("name", "hold_name")))
NAMED = Form("NamedHold", ref("held_transaction_id", "id", required=True, also=("id", "hold_id", "held_sale_id")))
STATUS = {"held": 1, "resumed": 2, "consumed": 3}
EXAMPLE: Row = {"held_transaction": {"id": 12, "cart_data": {"items": [{"product_id": 42, "quantity": 2}]}, "total_amount": 100}}
_SYNC_NAMES = frozenset(one.name for one in SYNC)


@writes(
    "pos/holdSale",
    id="saimpexHoldSale",
    tag=tags.POS,
    summary="Put a cart aside",
    description="It reserves no stock. The cart comes back as it was sent.",
    form=HOLD,
    body_example={"items": [{"product_id": 42, "quantity": 2, "price": 50}], "total_amount": 100},
    answer=Row,
    example=EXAMPLE,
    synced=True,
    created=201,
    message="Sale held successfully",
)
def hold_sale(asked: Asked) -> Plan:
    """The cart, with what it comes to by its prices or the catalogue's."""
    read = asked.values
    lines = fill_prices(asked.till, read["lines"], offline=asked.offline)
    total = read.get("stated_total")
    cart = {name: values.document(value) for name, value in asked.row.items() if name not in _SYNC_NAMES}
    data = {
        "cart": cart,
        "total_amount": sum_of(lines, asked.till.currency) if total is None else total,
        **{name: read.get(name) for name in ("party_id", "notes", "label")},
        "shift_id": read.get("shift_id") or asked.till.open_shift_id(asked.sync.created_at),
    }

    def say(made: Made) -> Row:
        held = made.record()
        return {"held_transaction": held_row(held, made.number(held.data.get("party_id")))}

    return Plan([asked.create("held_sale", data)], say)


@writes(
    "pos/resumeHeldSale",
    id="saimpexResumeHeldSale",
    tag=tags.POS,
    summary="Take a cart back: no other till takes it too",
    form=NAMED,
    body_example={"held_transaction_id": 12},
    answer=Row,
    example=EXAMPLE,
    message="Held sale resumed",
)
def resume_held_sale(asked: Asked) -> Plan:
    """Once."""
    named = asked.values["id"]
    customer = number_beside(asked.till, "held_sale", named, "party_id")
    command = asked.command("held_sale", "resume", target=named)
    return Plan([command], lambda made: {"held_transaction": held_row(made.record(), customer)})


@writes(
    "pos/deleteHeldSale",
    id="saimpexDeleteHeldSale",
    tag=tags.POS,
    summary="Throw a held cart away",
    form=NAMED,
    body_example={"held_transaction_id": 12},
    answer=Row,
    example={"id": 12},
    message="Held sale deleted",
    methods=("POST", "DELETE"),
)
def delete_held_sale(asked: Asked) -> Plan:
    """Unless it was sold."""
    return Plan([asked.command("held_sale", "delete", target=asked.values["id"])], lambda made: {"id": made.record().number})


def held_row(held: Record, customer: int | None) -> Row:
    """A held cart."""
    data = held.data
    return {
        "id": held.number,
        "cart_data": data.get("cart", {}),
        "total_amount": values.number(data["total_amount"]),
        "customer_id": customer,
        "label": data.get("label"),
        "notes": data.get("notes"),
        "status": STATUS[data["status"]],
        **times(held),
    }


HANDLERS = [*hold_sale, *resume_held_sale, *delete_held_sale]
