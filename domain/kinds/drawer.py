"""The drawer of a till: what a payment, an expense or a cash movement puts into it, and what becomes of a shift that was counted.

Cash is what the books post to the account of cash, so a shift's drawer and the journal always come to the same. A shift counts
when it is closed. What turns up later, because a till was offline, is never refused: the closed shift is recounted by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.books import Books
from domain.chart import BANK, CASH
from domain.command import Command
from domain.decision import Decision
from domain.event import Changed
from domain.kind import ChildrenOf, Wish
from domain.money import ZERO
from domain.record import Record

COUNTED = frozenset({"payment", "expense", "cash_transaction"})
"""The kinds whose records put cash into the drawer of the shift that they name, or take it out."""

_BANK_METHODS = frozenset({"bank", "bank_transfer", "transfer", "card", "credit_card", "debit_card", "cheque", "check", "pos"})

Find = Callable[[str], Mapping[str, Any] | None]
"""The fields of another record, by its id; None where there is none."""


class ShiftRecounted(Changed, frozen=True, kw_only=True):
    """Cash was recorded, changed or taken back in a closed shift: what was expected, and the variance, are now these.

    `late_cash` is the sum of what turned up since the shift was closed.
    """

    expected_cash: Decimal
    variance: Decimal
    late_cash: Decimal


def money_account(data: Mapping[str, Any], find: Find) -> str:
    """Where the money is: in the payment account that is named; else at the bank where a bank or such a method is, or in cash."""
    if data.get("payment_account_id"):
        named = find(data["payment_account_id"])
        return CASH if named is not None and named.get("type") == "cash" else BANK
    if data.get("bank_id") or (not data.get("cash_id") and (data.get("method") or "").casefold() in _BANK_METHODS):
        return BANK
    return CASH


def is_paid(expense: Mapping[str, Any]) -> bool:
    """Whether an expense was paid when it was made; else whoever supplied it is owed it."""
    named = any(expense.get(name) for name in ("method", "cash_id", "bank_id", "payment_account_id"))
    return named or not expense.get("supplier_id")


def cash_of(books: Books, record: Record) -> Decimal:
    """The cash that this record puts into the drawer; below zero it takes it out. In the record's currency."""
    if record.deleted:
        return ZERO
    data, find = record.data, finder(books)
    amount = Decimal(data["amount"])
    if record.kind == "cash_transaction":
        return amount if data["direction"] == "in" else -amount
    if record.kind == "expense":
        spent = data["status"] == "approved" and is_paid(data) and money_account(data, find) == CASH
        return -amount if spent else ZERO
    in_cash = Decimal(data.get("cash_amount") or ZERO)
    rest = amount - in_cash
    for cheque in books.living_children(record.id, "cheque"):
        rest -= Decimal(cheque.data["amount"])
    for part in books.living_children(record.id, "payment_split"):
        rest -= (by_part := Decimal(part.data["amount"]))
        if money_account(part.data, find) == CASH:
            in_cash += by_part
    if money_account(data, find) == CASH:
        in_cash += rest
    return in_cash if data["direction"] == "in" else -in_cash


def cash_in(books: Books, shift: Record) -> Decimal:
    """The cash that came in, less what went out, in the shift's currency; whatever names the shift has to be loaded (`CashOf`)."""
    named = str(shift.id)
    found = (one for one in books.records.values() if one.kind in COUNTED and one.data.get("shift_id") == named)
    return sum((cash_of(books, one) for one in found if one.data["currency"] == shift.data["currency"]), ZERO)


@dataclass(frozen=True, slots=True)
class Counted:
    """How much cash of a record is in the drawer of which shift."""

    shift_id: UUID | None = None
    currency: str = ""
    cash: Decimal = ZERO


NOTHING = Counted()


def counted(decision: Decision, record_id: UUID | str | None) -> Counted:
    """What is counted of this record as it stands; nothing where it names no shift."""
    record = decision.books.record(UUID(str(record_id))) if record_id else None
    if record is None or not record.data.get("shift_id"):
        return NOTHING
    return Counted(UUID(record.data["shift_id"]), record.data["currency"], cash_of(decision.books, record))


def recount(decision: Decision, before: Counted, after: Counted) -> None:
    """Tell the shifts that were closed already what has changed in their drawers; one event per shift, none where nothing did."""
    changes: dict[UUID, Decimal] = {}
    for one, sign in ((before, -1), (after, 1)):
        shift = decision.books.record(one.shift_id) if one.shift_id is not None else None
        if shift is not None and shift.data.get("status") == "closed" and shift.data["currency"] == one.currency:
            changes[shift.id] = changes.get(shift.id, ZERO) + sign * one.cash
    for shift_id, change in changes.items():
        if change == ZERO:
            continue
        data = decision.books.records[shift_id].data
        event = ShiftRecounted(
            expected_cash=Decimal(data["expected_cash"]) + change,
            variance=Decimal(data["variance"]) - change,
            late_cash=Decimal(data.get("late_cash", 0)) + change,
        )
        decision.emit(decision.catalogue["shift"], shift_id, event)


def drawer_wishes(decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
    """What says how much cash of a payment, an expense or a cash movement is in the drawer of which shift."""
    if record is None or not (record.data.get("shift_id") or getattr(command.data, "shift_id", None)):
        return
    if record.data.get("shift_id"):
        yield UUID(record.data["shift_id"])
    yield from places_of(decision.books, record)


def places_of(books: Books, record: Record) -> Iterable[Wish]:
    """The parts of a payment and the payment accounts that say what of it is cash."""
    if record.data.get("payment_account_id"):
        yield UUID(record.data["payment_account_id"])
    if record.kind == "payment":
        yield ChildrenOf(record.id)
        for part in books.living_children(record.id, "payment_split"):
            if part.data.get("payment_account_id"):
                yield UUID(part.data["payment_account_id"])


def wishes_of_part(decision: Decision, command: Command, record: Record | None) -> Iterable[Wish]:
    """The same for a cheque or another part of a payment, and for the payment that it is moved to."""
    given = getattr(command.data, "payment_id", None)
    ids = {UUID(record.data["payment_id"])} if record is not None and record.data.get("payment_id") else set()
    if given and (payment_id := decision.find("payment", given)) is not None:
        ids.add(payment_id)
    for payment_id in sorted(ids):
        yield payment_id
        yield from drawer_wishes(decision, command, decision.books.record(payment_id))


def finder(books: Books) -> Find:
    """How the fields of another record are found in these books; what money was put into stays what it was when it is closed."""

    def find(record_id: str) -> Mapping[str, Any] | None:
        found = books.record(UUID(record_id))
        return found.data if found is not None else None

    return find
