"""Coupon: a code that takes a percent or an amount off a sale, for a time and for so many uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from domain.command import Command
from domain.decision import Decision
from domain.errors import AmountNotPositive, CouponRefused, InvalidField
from domain.event import Changed
from domain.kind import Action, Kind, Unique, Wish
from domain.money import HUNDRED, ZERO, require_exact, round_to
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import Count, CurrencyCode, Day, Fields, Line, Name, Number, Text, always

Weekday = Annotated[int, Meta(ge=1, le=7)]


class Coupon(Fields, frozen=True, kw_only=True):
    """Either `percent` or `amount` is taken off, the percent of no more than `maximum_discount`. `currency` is the company's.

    It holds from the day `valid_from` to the day `valid_until`, both inclusive, on the `weekdays` (1 is Monday; without any, on
    all), for a sale of `minimum_amount` at least, `max_uses` times.
    """

    code: Name
    name: Line | None = None
    description: Text | None = None
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: CurrencyCode | None = None
    minimum_amount: Decimal | None = None
    maximum_discount: Decimal | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    weekdays: Annotated[list[Weekday], Meta(max_length=7)] = []
    max_uses: Number | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


class CouponUses(Fields, frozen=True, kw_only=True):
    """How often it was used; the last sale and what was taken off it."""

    uses: Count
    last_invoice_id: UUID | None = None
    last_discount: Decimal | None = None


class ApplyCoupon(Fields, frozen=True, kw_only=True):
    """A sale of `total_amount` on the day `date` (today without one) uses the coupon; the invoice may be made by the same request.

    `discount` is what the till took off, where it has done so already. With `require_valid` false the use is counted in any case:
    what was sold offline stays sold.
    """

    total_amount: Decimal
    date: Day | None = None
    discount: Decimal | None = None
    invoice_id: UUID | None = None
    require_valid: bool = True


class ReleaseCoupon(Fields, frozen=True, kw_only=True):
    """The sale that used the coupon was taken back."""

    invoice_id: UUID | None = None


class CouponApplied(Changed, frozen=True, kw_only=True):
    """A sale used the coupon."""

    uses: Count
    last_discount: Decimal
    last_invoice_id: UUID | None


class CouponReleased(Changed, frozen=True, kw_only=True):
    """A use was taken back; the coupon may be used once more."""

    uses: Count


def discount_of(coupon: Mapping[str, Any], total: Decimal, day: date) -> Decimal:
    """What a coupon with this data takes off a sale of `total` on a day, in the coupon's currency. Raises CouponRefused."""
    code = coupon["code"]
    if not coupon["is_active"]:
        raise _refused(code, "inactive", "is not active")
    if (start := coupon.get("valid_from")) and day < date.fromisoformat(start):
        raise _refused(code, "not_yet_valid", f"holds from {start}")
    if (end := coupon.get("valid_until")) and day > date.fromisoformat(end):
        raise _refused(code, "expired", f"held until {end}")
    if (days := coupon.get("weekdays")) and day.isoweekday() not in days:
        raise _refused(code, "not_today", "does not hold on this day of the week")
    if (most := coupon.get("max_uses")) is not None and coupon["uses"] >= most:
        raise _refused(code, "used_up", f"was used {coupon['uses']} time(s), which is all it is for")
    if total < Decimal(coupon.get("minimum_amount") or ZERO) or total <= ZERO:
        least = coupon.get("minimum_amount", "more than 0")
        raise _refused(code, "below_minimum", f"is for sales of {least} {coupon['currency']} and more, this one is of {total:f}")
    return taken_off(coupon, total)


def taken_off(coupon: Mapping[str, Any], total: Decimal) -> Decimal:
    """What it takes off a sale of `total` by its terms, whether it holds or not."""
    if coupon.get("amount"):
        taken = Decimal(coupon["amount"])
    else:
        taken = total * Decimal(coupon["percent"]) / HUNDRED
        if coupon.get("maximum_discount"):
            taken = min(taken, Decimal(coupon["maximum_discount"]))
    return round_to(min(taken, max(total, ZERO)), coupon["currency"])


def _refused(code: str, reason: str, message: str) -> CouponRefused:
    return CouponRefused(f"The coupon {code!r} {message}.", path="data.code", reason=reason)


def _apply(decision: Decision, coupon: Record, data: ApplyCoupon) -> None:
    if data.total_amount < ZERO:
        raise AmountNotPositive("A sale does not come to less than nothing.", path="data.total_amount")
    if data.invoice_id is not None:
        decision.living(data.invoice_id, "invoice", "data.invoice_id")
    taken = taken_off(coupon.data, data.total_amount)
    if data.require_valid:
        taken = discount_of(coupon.data, data.total_amount, data.date or decision.today)
        if data.discount is not None and data.discount > taken:
            message = f"The coupon {coupon.data['code']!r} takes {taken:f} off, not {data.discount:f}."
            raise CouponRefused(message, path="data.discount", reason="discount", discount=str(taken))
    if data.discount is not None:
        if data.discount < ZERO:
            raise AmountNotPositive("A discount is not less than nothing.", path="data.discount")
        taken = require_exact(data.discount, coupon.data["currency"], "data.discount")
    event = CouponApplied(uses=coupon.data["uses"] + 1, last_discount=taken, last_invoice_id=data.invoice_id)
    decision.emit(COUPON, coupon.id, event)


def _release(decision: Decision, coupon: Record, _: ReleaseCoupon) -> None:
    if coupon.data["uses"] > 0:
        decision.emit(COUPON, coupon.id, CouponReleased(uses=coupon.data["uses"] - 1))


class CouponKind(Kind):
    """A coupon's code is its own while it lives, in whatever case it is written."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The sale that uses it."""
        if isinstance(command.data, ApplyCoupon) and command.data.invoice_id is not None:
            yield command.data.invoice_id

    def decide_create(self, decision: Decision, record_id: UUID, data: Coupon) -> None:
        """Issue a coupon."""
        complete = msgspec.structs.replace(data, currency=data.currency or decision.currency)
        check_coupon(msgspec.to_builtins(complete))
        decision.create(self, record_id, complete, uses=0)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change a coupon; what it took off before stays taken off."""
        check_coupon(assign(record.data, changes))
        decision.change(self, record, changes)


def check_coupon(data: Mapping[str, Any]) -> None:
    """Raise unless the coupon takes something sensible off, in a time that is one."""
    amounts = {name: Decimal(data[name]) for name in ("amount", "minimum_amount", "maximum_discount") if data.get(name) is not None}
    if (data.get("percent") is None) == ("amount" not in amounts):
        raise InvalidField("A coupon takes either a `percent` or an `amount` off.", path="data.percent")
    if data.get("percent") is not None and not 0 < Decimal(data["percent"]) <= HUNDRED:
        raise InvalidField("A percentage lies between 0 and 100.", path="data.percent")
    for name, amount in amounts.items():
        if amount < ZERO or (amount == ZERO and name == "amount"):
            raise AmountNotPositive(path=f"data.{name}")
        require_exact(amount, data["currency"], f"data.{name}")
    if data.get("valid_from") and data.get("valid_until") and data["valid_from"] > data["valid_until"]:
        raise InvalidField(f"{data['valid_from']} is after {data['valid_until']}.", path="data.valid_until")


COUPON = CouponKind(
    name="coupon",
    fields=Coupon,
    derived=CouponUses,
    policy=Policy.MERGE,
    unique=(Unique("code", ("code",), ignore_case=True),),
    fixed=frozenset({"currency"}),
    verbs=("issued", "changed", "deleted"),
    actions={"apply": Action(ApplyCoupon, _apply), "release": Action(ReleaseCoupon, _release)},
    extra_events={"coupon.applied.v1": CouponApplied, "coupon.released.v1": CouponReleased},
)
