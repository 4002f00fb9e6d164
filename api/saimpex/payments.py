"""How a sale is paid: in cash, by card, in parts of both, or later; and what the till said about change."""

from __future__ import annotations

from typing import Any

from api.saimpex import values
from api.saimpex.carts import plain
from api.saimpex.forms import Field, Form, field
from api.saimpex.values import Row
from domain.errors import InvalidField
from domain.money import ZERO

METHODS = {1: "cash", 2: "card"}
CREDIT = frozenset({"credit", "due", "on_account", "pay_later", "unpaid"})
"""Methods by which nothing is paid now: the customer owes it."""
MOST_PARTS = 20


def method(value: Any, path: str) -> str:
    """How it is paid, in words; 1 is cash, 2 is card."""
    if str(value) in ("1", "2"):
        return METHODS[int(value)]
    return values.name(value, path).strip().casefold()


PART = Form(
    "PaymentPart",
    field("method", method, also=("payment_method", "type", "payment_type")),
    field("amount", values.amount, type_=float),
    field("paid_amount", values.amount, "tendered", type_=float, also=("tendered", "received_amount", "amount_paid")),
    field("change", values.amount, "stated_change", type_=float, also=("change_amount", "change_due")),
    field("reference", values.text(), also=("transaction_id",)),
)


def parts(value: Any, path: str) -> Any:
    """The parts of a payment: a method, an object, or a list of objects."""
    if isinstance(value, str | int):
        return [{"method": method(value, path)}]
    if isinstance(value, dict) and isinstance(value.get("payments") or value.get("splits"), list):
        value = value.get("payments") or value.get("splits")
        path = f"{path}.payments"
    if isinstance(value, dict):
        return [PART.read(value, f"{path}.")]
    if not isinstance(value, list) or len(value) > MOST_PARTS or not all(isinstance(one, dict) for one in value):
        raise InvalidField(f"The {values.words(path)} must be a method, an object, or at most {MOST_PARTS} objects.", path=path)
    return [PART.read(one, f"{path}.{index}.") for index, one in enumerate(value)]


PAYMENT: tuple[Field, ...] = (
    Field("payment", "payments", parts, dict[str, Any], also=("payments", "split_payments", "payment_details")),
    field("payment_method", method, "method", also=("payment_type",)),
    field("paid_amount", values.amount, "tendered", type_=float, also=("amount_paid", "received_amount", "cash_received")),
    field("change_amount", values.amount, "stated_change", type_=float, also=("change",)),
)


def payments_of(read: Row) -> tuple[list[Row], bool]:
    """The payments that a sale's form means, and whether the rest may be owed.

    Cash comes last and covers what is left: what was handed over beyond that is the change.
    """
    given = read.get("payments")
    if not given or (len(given) == 1 and "amount" not in given[0] and "tendered" not in given[0]):
        one = {
            **(given[0] if given else {}),
            **{name: read[name] for name in ("tendered", "stated_change") if read.get(name) is not None},
        }
        one.setdefault("method", read.get("method") or "cash")
        given = [one]
    made: list[Row] = []
    owes = False
    for part in sorted(given, key=lambda one: one.get("method", "cash") == "cash"):
        how = part.get("method", "cash")
        if how in CREDIT:
            owes = True
            continue
        payment: Row = {"method": how, "reference": part.get("reference")}
        handed, amount = part.get("tendered"), part.get("amount")
        if how == "cash":
            payment["tendered"] = handed if handed is not None else amount
        else:
            payment["amount"] = amount if amount is not None else handed
        if payment.get("tendered") == ZERO or payment.get("amount") == ZERO:
            continue
        made.append({name: value for name, value in payment.items() if value is not None})
    return made, owes


def stated_change(read: Row) -> Any:
    """The change that the till said it gave back; None where it did not say."""
    stated = [part["stated_change"] for part in read.get("payments") or [] if "stated_change" in part]
    return sum(stated, ZERO) if stated else read.get("stated_change")


def check_paid(total: Any, paid: Any, *, may_owe: bool) -> None:
    """Raise InvalidField where what was paid is more than the sale comes to, or less with nobody who would owe it."""
    if paid > total:
        raise InvalidField(f"The payments come to {plain(paid)}, the sale to {plain(total)}.", path="payments")
    if paid < total and not may_owe:
        message = f"The payments come to {plain(paid)}, the sale to {plain(total)}; name the customer who owes the rest."
        raise InvalidField(message, path="payments")
