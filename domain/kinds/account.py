"""Account: one line of the company's chart of accounts. Journal lines name accounts by their codes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta

from domain.kind import Kind, Unique
from domain.policy import Policy
from domain.values import CurrencyCode, Fields, Name, Reference, Text, always

AccountCode = Annotated[str, Meta(min_length=1, max_length=64)]


class Account(Fields, frozen=True, kw_only=True):
    """`is_system` accounts are made with the company; `opening_balance` is in `currency`, or the company's without one."""

    code: AccountCode
    name: Name
    type: Literal["asset", "liability", "equity", "revenue", "expense"]
    parent_id: Reference | None = None
    description: Text | None = None
    currency: CurrencyCode | None = None
    opening_balance: Decimal | None = None
    is_system: bool = always(False)
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


ACCOUNT = Kind(
    name="account",
    fields=Account,
    policy=Policy.MERGE,
    references={"parent_id": "account"},
    unique=(Unique("code", ("code",)),),
    fixed=frozenset({"code"}),
    verbs=("opened", "changed", "closed"),
)
