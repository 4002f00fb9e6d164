"""Where money is kept: banks and their groups, cash desks, and the payment accounts that a payment is booked to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from domain.kind import Kind
from domain.kinds.opening import OpeningKind
from domain.policy import Policy
from domain.values import CurrencyCode, Fields, Line, Name, Reference, Text, always


class BankGroup(Fields, frozen=True, kw_only=True):
    """A group of banks. `code` is the accounting program's."""

    name: Name
    code: Line | None = None
    notes: Text | None = None
    extra: dict[str, Any] = {}


BANK_GROUP = Kind(name="bank_group", fields=BankGroup, policy=Policy.MERGE)


class Bank(Fields, frozen=True, kw_only=True):
    """One of the company's bank accounts: `name` is the company's word for it, `iban` its international number (shaba)."""

    name: Name
    group_id: Reference | None = None
    code: Line | None = None
    bank_name: Line | None = None
    branch: Line | None = None
    account_number: Line | None = None
    card_number: Line | None = None
    iban: Line | None = None
    currency: CurrencyCode | None = None
    opening_balance: Decimal | None = None
    notes: Text | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


BANK = OpeningKind(name="bank", fields=Bank, policy=Policy.MERGE, references={"group_id": "bank_group"})


class Cash(Fields, frozen=True, kw_only=True):
    """A cash desk. The balance that Mahak's desktop reports, its rate and its voucher numbers are in `extra`."""

    name: Name
    code: Line | None = None
    currency: CurrencyCode | None = None
    opening_balance: Decimal | None = None
    notes: Text | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


CASH = OpeningKind(name="cash", fields=Cash, policy=Policy.MERGE)


class PaymentAccount(Fields, frozen=True, kw_only=True):
    """A till or a bank account that payments go to; `routing_code` is the branch's (IFSC, sort code, BLZ)."""

    type: Literal["cash", "bank"]
    name: Name
    bank_name: Line | None = None
    account_number: Line | None = None
    routing_code: Line | None = None
    icon: Line | None = None
    currency: CurrencyCode | None = None
    bank_id: Reference | None = None
    cash_id: Reference | None = None
    is_active: bool = always(True)
    is_default: bool = always(False)
    extra: dict[str, Any] = {}


PAYMENT_ACCOUNT = Kind(
    name="payment_account",
    fields=PaymentAccount,
    policy=Policy.MERGE,
    references={"bank_id": "bank", "cash_id": "cash"},
    verbs=("opened", "changed", "closed"),
)
