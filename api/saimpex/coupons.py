"""Coupons: what one takes off a cart, and its use by a sale."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from api.saimpex import tags, values
from api.saimpex.access import Till
from api.saimpex.carts import LINE, sum_of
from api.saimpex.forms import Field, Form, field, ref, rows
from api.saimpex.known import fill_prices
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.command import Command
from domain.errors import CouponRefused, InvalidField, LedgerError
from domain.kinds.coupon import discount_of, taken_off
from domain.money import ZERO
from domain.needs import Needs
from domain.record import Record

COUPON: tuple[Field, ...] = (
    field("coupon_code", values.name, also=("coupon", "code")),
    field("coupon_discount", values.amount, type_=float),
)
APPLY = Form(
    "CouponUse",
    field("coupon_code", values.name, required=True, also=("code", "coupon")),
    field("total_amount", values.amount, type_=float, also=("total", "amount", "cart_total", "subtotal")),
    rows("items", LINE, "lines", also=("products", "cart_items", "cart")),
    ref("customer_id", "party_id"),
)


def find_coupon(till: Till, code: str) -> Record:
    """The coupon with this code, in whatever case it is written. Raises CouponRefused."""
    needs = Needs(holders={("coupon", "code", code.strip().casefold())})
    for record in till.services.store.read_records(till.principal.company_id, needs).records:
        if not record.deleted:
            return record
    raise CouponRefused(f"There is no coupon {code!r}.", path="coupon_code", reason="unknown")


def use_coupon(asked: Asked, invoice_id: UUID) -> tuple[Decimal, list[Command]]:
    """All that is taken off a sale (its common discount, and what its coupon takes off), and the coupon's use.

    What was sold offline stays sold, whether the coupon holds or not; where it is gone, if the till says what it took off. Raises
    CouponRefused.
    """
    read = asked.values
    common: Decimal = read.get("discount") or ZERO
    code = read.get("coupon_code")
    if code is None:
        return common, []
    taken = read.get("coupon_discount")
    try:
        coupon = find_coupon(asked.till, code)
    except CouponRefused:
        if not asked.offline or taken is None:
            raise
        return common + taken, []
    total = sum_of(fill_prices(asked.till, read["lines"], offline=asked.offline), asked.till.currency) - common
    if taken is None:
        taken = taken_off(coupon.data, total) if asked.offline else _discount(coupon, total, asked, path="coupon_code")
    data = {
        "total_amount": max(total, ZERO),
        "date": asked.day,
        "discount": taken,
        "invoice_id": invoice_id,
        "require_valid": not asked.offline,
    }
    return common + taken, [asked.command("coupon", "apply", data, coupon.id)]


def _discount(coupon: Record, total: Decimal, asked: Asked, path: str) -> Decimal:
    try:
        return discount_of(coupon.data, total, asked.day)
    except LedgerError as error:
        error.path = path
        raise


@writes(
    "pos/applyCoupon",
    id="saimpexApplyCoupon",
    tag=tags.POS,
    summary="What a coupon takes off a cart",
    description="Nothing is used up: the sale that names the coupon uses it.",
    form=APPLY,
    body_example={"coupon_code": "EID10", "total_amount": 100},
    answer=Row,
    example={"coupon": {"id": 1, "code": "EID10"}, "discount": 10, "total_amount": 100, "payable_amount": 90},
    message="Coupon applied",
)
def apply_coupon(asked: Asked) -> Plan:
    """A question: there is no command in it."""
    read = asked.values
    coupon = find_coupon(asked.till, read["coupon_code"])
    total = read.get("total_amount")
    if total is None:
        if "lines" not in read:
            raise InvalidField("The total amount field is required.", path="total_amount")
        total = sum_of(fill_prices(asked.till, read["lines"], offline=asked.offline), asked.till.currency)
    taken = _discount(coupon, total, asked, path="coupon_code")

    def say(_: Made) -> Row:
        data = coupon.data
        kind = "percent" if data.get("percent") is not None else "amount"
        return {
            "coupon": {"id": coupon.number, "code": data["code"], "type": kind, "value": values.number(data[kind])},
            "discount": taken,
            "total_amount": total,
            "payable_amount": total - taken,
        }

    return Plan([], say)


HANDLERS = [*apply_coupon]
