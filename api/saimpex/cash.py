"""Cash that is put into a till or taken out of it."""

from __future__ import annotations

from api.saimpex import tags, values
from api.saimpex.forms import Form, field, ref
from api.saimpex.rows import times
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.record import Record

TYPES = {1: "in", 2: "out"}
_COMMON = (
    field("reason", values.text()),
    field("category", values.text()),
    field("notes", values.text(20_000)),
    field("date", values.day),
)
_TYPE = values.choice({**TYPES, "in": "in", "out": "out"})
NEW = Form(
    "NewCashTransaction",
    field("amount", values.positive, type_=float, required=True),
    field("type", _TYPE, "direction", type_=int, required=True),
    *_COMMON,
    ref("shift_id", by_client="open_shift_client_id"),
)
CHANGED = Form(
    "ChangedCashTransaction",
    ref("id", required=True, by_client="cash_transaction_client_id", also=("cash_transaction_id",)),
    field("amount", values.positive, type_=float),
    field("type", _TYPE, "direction", type_=int),
    *_COMMON,
)
EXAMPLE: Row = {"id": 6, "amount": 50, "type": 1, "reason": "Petty cash", "category": "misc", "date": "2026-05-28"}


@writes(
    "pos/createCashTransaction",
    id="saimpexCreateCashTransaction",
    tag=tags.POS,
    summary="Put cash into the till, or take it out",
    description="`type`: 1 in, 2 out. It is in the drawer of the shift that is named, else of the open one of whoever does it.",
    form=NEW,
    body_example={"amount": 50, "type": 1, "reason": "Petty cash", "category": "misc", "notes": None, "date": "2026-05-28"},
    answer=Row,
    example=EXAMPLE,
    synced=True,
    created=201,
    message="Cash transaction created successfully",
)
def create_cash_transaction(asked: Asked) -> Plan:
    """Cash in or out."""
    read = asked.values
    data = {
        **read,
        "date": read.get("date") or asked.day,
        "shift_id": read.get("shift_id") or asked.till.open_shift_id(asked.sync.created_at),
    }
    return Plan([asked.create("cash_transaction", data)], _say)


@writes(
    "pos/updateCashTransaction",
    id="saimpexUpdateCashTransaction",
    tag=tags.POS,
    summary="Correct a cash transaction",
    form=CHANGED,
    body_example={"id": 6, "amount": 55, "type": 1},
    answer=Row,
    example=EXAMPLE,
    synced=True,
    message="Cash transaction updated successfully",
)
def update_cash_transaction(asked: Asked) -> Plan:
    """The fields that were sent."""
    data = dict(asked.values)
    return Plan([asked.command("cash_transaction", "update", data, data.pop("id"))], _say)


def _say(made: Made) -> Row:
    record = made.record()
    return cash_row(record, made.number(record.data.get("shift_id")))


def cash_row(record: Record, shift: int | None) -> Row:
    """A cash transaction."""
    data = record.data
    return {
        "id": record.number,
        "amount": values.number(data["amount"]),
        "type": 1 if data["direction"] == "in" else 2,
        "reason": data.get("reason"),
        "category": data.get("category"),
        "notes": data.get("notes"),
        "date": data["date"],
        "shift_id": shift,
        **times(record),
    }


HANDLERS = [*create_cash_transaction, *update_cash_transaction]
