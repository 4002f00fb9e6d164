"""What customers owe, or suppliers are owed: of every party, before and between days, from its lines in the journal.

Costs the lines of two accounts.
"""

from __future__ import annotations

from domain.chart import CUSTOMER_CREDIT, PAYABLE, RECEIVABLE, SUPPLIER_CREDIT
from infra.reports.aged import Side
from infra.reports.asking import Question, Report
from infra.reports.fragments import AFTER_END, BEGIN, money, rows, totals

_SIDES = {
    "receivables": ((RECEIVABLE, CUSTOMER_CREDIT), "debit", "credit"),
    "payables": ((PAYABLE, SUPPLIER_CREDIT), "credit", "debit"),
}
_AMOUNTS = ("opening", "billed", "paid", "balance")


def balances_of_parties(question: Question, side: Side) -> Report:
    """`parties` by name with `opening`, `billed`, `paid` and the `balance` at the end, and `totals` per currency.

    Above zero the customer owes us, or we the supplier. What was taken back, because a fact was changed or deleted, is no payment
    of what was billed: it counts against what it reverses. Parties on which nothing was posted by the end are left out.
    """
    accounts, plus, minus = _SIDES[side]
    counts = f"company_id = %(company) AND account IN ({', '.join(repr(one) for one in accounts)}) AND party_id IS NOT NULL"
    counts += " AND seq <= %(at_seq)" if question.at_seq is not None else ""
    counts += f" AND {question.by} < {AFTER_END}" if question.end else ""
    before = f"{question.by} < {BEGIN}" if question.begin else "false"
    billed = f"CASE WHEN reverses IS NULL THEN {plus} ELSE -{minus} END"
    paid = f"CASE WHEN reverses IS NULL THEN {minus} ELSE -{plus} END"
    shown = ", ".join(f"{money(name)} AS {name}" for name in _AMOUNTS)
    return Report(
        "balances",
        f"""
parties AS MATERIALIZED (
    SELECT party_id, currency, coalesce(sum({plus} - {minus}) FILTER (WHERE {before}), 0) AS opening,
        coalesce(sum({billed}) FILTER (WHERE NOT {before}), 0) AS billed,
        coalesce(sum({paid}) FILTER (WHERE NOT {before}), 0) AS paid, sum({plus} - {minus}) AS balance
    FROM journal_lines WHERE {counts} GROUP BY party_id, currency)""",
        {
            "parties": rows(
                f"""SELECT p.party_id, r.name, p.currency, {shown} FROM parties p LEFT JOIN LATERAL (
                    SELECT document::jsonb -> 'data' ->> 'name' AS name FROM records
                    WHERE company_id = %(company) AND id = p.party_id
                ) AS r ON true ORDER BY r.name COLLATE "C", p.party_id, p.currency COLLATE "C" """
            ),
            "totals": totals("parties", {name: name for name in _AMOUNTS}),
        },
    )
