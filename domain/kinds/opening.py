"""Opening balances: what parties, accounts, banks and cash desks begin with is an amount of money, exact in its currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.decision import Decision
from domain.kind import Kind
from domain.money import require_exact
from domain.record import Record, assign


class OpeningKind(Kind):
    """A kind whose records have an `opening_balance` in their `currency`, or in the company's without one.

    A balance that has more decimals than its currency is refused with TooManyDecimals, also where it is the currency that changes.
    """

    def decide_create(self, decision: Decision, record_id: UUID, data: Any) -> None:
        """Make the record; its opening balance is posted with it."""
        if getattr(data, "opening_balance", None) is not None:
            _check(decision, msgspec.structs.asdict(data))
        super().decide_create(decision, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Change the record; what does not touch the balance leaves it as it is."""
        if {"opening_balance", "currency"} & changes.keys():
            _check(decision, assign(record.data, changes))
        super().decide_update(decision, record, changes)


def _check(decision: Decision, fields: Mapping[str, Any]) -> None:
    if fields.get("opening_balance") is not None:
        currency = fields.get("currency") or decision.currency
        require_exact(Decimal(fields["opening_balance"]), currency, "data.opening_balance")
