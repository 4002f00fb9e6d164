"""Trial balances straight from the read model, for tests that ask whether it is right: reports put theirs together otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import psycopg


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's balance in one currency: debits less credits."""

    account: str
    currency: str
    balance: Decimal


def trial_balance(connection: psycopg.Connection, company_id: UUID) -> list[Balance]:
    """Every account's latest balance, by account and currency. They sum to zero per currency."""
    rows = connection.execute(
        b"SELECT account, currency, balance FROM account_balances WHERE company_id = %b ORDER BY account, currency",
        (company_id,),
    )
    return [Balance(*row) for row in rows]


def trial_balance_at(connection: psycopg.Connection, company_id: UUID, seq: int) -> list[Balance]:
    """Every account's balance after the event `seq`: one look-up per account, however long the journal."""
    rows = connection.execute(
        b"""SELECT a.account, a.currency, l.balance FROM account_balances a CROSS JOIN LATERAL (
                SELECT balance FROM journal_lines j WHERE j.company_id = a.company_id AND j.account = a.account
                    AND j.currency = a.currency AND j.seq <= %b ORDER BY j.seq DESC, j.line DESC LIMIT 1
            ) AS l WHERE a.company_id = %b ORDER BY a.account, a.currency""",
        (seq, company_id),
    )
    return [Balance(*row) for row in rows]
