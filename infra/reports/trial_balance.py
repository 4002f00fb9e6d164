"""Trial balance: opening, debits, credits and closing of every account.

Costs what the company has accounts (and, between dates, months), not lines: look-ups by key. As of a seq and between dates, also
the lines after that seq.
"""

from __future__ import annotations

from infra.reports.asking import Question, Report
from infra.reports.fragments import CHART, ORDER, balances, money, named, rows, totals

_AMOUNTS = ("opening", "debit", "credit", "closing")


def trial_balance(question: Question) -> Report:
    """`accounts`, and `totals` per currency: debits equal credits, and opening and closing are nothing in all."""
    amounts = ", ".join(f"{money(name)} AS {name}" for name in _AMOUNTS)
    return Report(
        "balances",
        f"{balances(question)},{CHART}",
        {
            "accounts": rows(f"SELECT account, name, type, currency, {amounts} FROM ({named('moved')}) AS named {ORDER}"),
            "totals": totals("moved", {name: name for name in _AMOUNTS}),
        },
    )
