"""Held sale: a cart that a cashier puts aside. It reserves no stock and owes no money; the sale that comes of it does."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.command import Command
from domain.decision import Decision
from domain.errors import AlreadyResolved, AmountNotPositive, InvalidField
from domain.event import JSON, Changed
from domain.kind import Action, Kind, NoFields, Wish
from domain.money import ZERO, require_exact
from domain.policy import Policy
from domain.record import Record
from domain.values import CurrencyCode, Fields, Line, Reference, Text, always

LARGEST_CART = 256 * 1024
"""Bytes of a cart's JSON."""


class HeldSale(Fields, frozen=True, kw_only=True):
    """`cart` is the till's own document and is given back as it is; `total_amount` is what the till made it."""

    cart: dict[str, Any] = {}
    total_amount: Decimal = always(ZERO)
    currency: CurrencyCode | None = None
    party_id: Reference | None = None
    label: Line | None = None
    notes: Text | None = None
    shift_id: Reference | None = None
    extra: dict[str, Any] = {}


class HeldSaleState(Fields, frozen=True, kw_only=True):
    """`held` until a till takes it back (`resumed`) or a sale is made of it (`consumed`, with its invoice)."""

    status: Literal["held", "resumed", "consumed"]
    invoice_id: UUID | None = None


class ConsumeHeldSale(Fields, frozen=True, kw_only=True):
    """The invoice of the sale that was made of the cart; it may be made by the same request."""

    invoice_id: UUID | None = None


class HeldSaleResumed(Changed, frozen=True, kw_only=True):
    """A till took the cart back: no other takes it too."""

    status: Literal["resumed"] = always("resumed")


class HeldSaleConsumed(Changed, frozen=True, kw_only=True):
    """The cart was sold."""

    status: Literal["consumed"] = always("consumed")
    invoice_id: UUID | None = None


def _resume(decision: Decision, held: Record, _: NoFields) -> None:
    if held.data["status"] != "held":
        raise AlreadyResolved(f"The held sale {held.number} was {held.data['status']} already.", path="id")
    decision.emit(HELD_SALE, held.id, HeldSaleResumed())


def _consume(decision: Decision, held: Record, data: ConsumeHeldSale) -> None:
    _require_unsold(held)
    if data.invoice_id is not None:
        decision.living(data.invoice_id, "invoice", "data.invoice_id")
    decision.emit(HELD_SALE, held.id, HeldSaleConsumed(invoice_id=data.invoice_id))


def _require_unsold(held: Record) -> None:
    if held.data["status"] == "consumed":
        raise AlreadyResolved(f"The held sale {held.number} was sold already.", path="id")


class HeldSaleKind(Kind):
    """A cart is changed and thrown away freely, until it is sold."""

    def wants(self, decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
        """The invoice of the sale."""
        if isinstance(command.data, ConsumeHeldSale) and command.data.invoice_id is not None:
            yield command.data.invoice_id

    def decide_create(self, decision: Decision, record_id: UUID, data: HeldSale) -> None:
        """Put a cart aside."""
        currency = data.currency or decision.currency
        _check_cart(data.cart)
        amount = _amount(data.total_amount, currency)
        decision.create(self, record_id, msgspec.structs.replace(data, total_amount=amount, currency=currency), status="held")

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the cart."""
        _require_unsold(record)
        complete = dict(changes)
        if "cart" in changes:
            _check_cart(changes["cart"])
        if "total_amount" in changes:
            complete["total_amount"] = str(_amount(Decimal(changes["total_amount"]), record.data["currency"]))
        decision.change(self, record, complete)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Throw the cart away."""
        _require_unsold(record)
        decision.delete(self, record)


def _check_cart(cart: dict[str, Any]) -> None:
    if (size := len(JSON.encode(cart))) > LARGEST_CART:
        raise InvalidField(f"The cart has {size:,} bytes; at most {LARGEST_CART:,} are kept.", path="data.cart")


def _amount(amount: Decimal, currency: str) -> Decimal:
    if amount < 0:
        raise AmountNotPositive("A cart does not come to less than nothing.", path="data.total_amount")
    return require_exact(amount, currency, "data.total_amount")


HELD_SALE = HeldSaleKind(
    name="held_sale",
    fields=HeldSale,
    derived=HeldSaleState,
    policy=Policy.SERVER_WINS,
    references={"party_id": "party", "shift_id": "shift"},
    fixed=frozenset({"currency"}),
    verbs=("held", "changed", "discarded"),
    personal=frozenset({"cart", "label", "notes"}),
    person="party_id",
    actions={"resume": Action(NoFields, _resume), "consume": Action(ConsumeHeldSale, _consume)},
    extra_events={"held_sale.resumed.v1": HeldSaleResumed, "held_sale.consumed.v1": HeldSaleConsumed},
)
