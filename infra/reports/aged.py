"""Aged receivables and payables: what is open per document, by how long it has been due, and credit that nothing took yet.

Costs the lines of the account: what is open as of any day and seq is their sum per document.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from domain.chart import CUSTOMER_CREDIT, PAYABLE, RECEIVABLE, SUPPLIER_CREDIT
from infra.reports.asking import Question, Report
from infra.reports.fragments import AFTER_END, money, rows, totals

BUCKETS = {
    "not_due": "days <= 0",
    "days_1_30": "days BETWEEN 1 AND 30",
    "days_31_60": "days BETWEEN 31 AND 60",
    "days_61_90": "days BETWEEN 61 AND 90",
    "days_over_90": "days > 90",
}
Side = Literal["receivables", "payables"]


def aged(question: Question, side: Side, *, party_id: UUID | None = None, document_id: UUID | None = None) -> Report:
    """`parties` and `documents` with what is open in each bucket, and `totals` per currency; `day` is the day of the ages.
    With a document, `known` is null where there is none.

    The day is the question's last, or today in the company's time zone. Above zero the party owes us (receivables), or we the
    party (payables). A line that names no document is its own record's.
    """
    account, credit, amount = RECEIVABLE, CUSTOMER_CREDIT, "debit - credit"
    if side == "payables":
        account, credit, amount = PAYABLE, SUPPLIER_CREDIT, "credit - debit"
    counts = "company_id = %(company)"
    counts += " AND seq <= %(at_seq)" if question.at_seq is not None else ""
    counts += f" AND {question.by} < {AFTER_END}" if question.end else ""
    counts += " AND party_id = %(party)" if party_id else ""
    of_document = " AND coalesce(document_id, record_id) = %(document)" if document_id else ""
    own = "FILTER (WHERE record_id = coalesce(document_id, record_id))"
    latest = f"ORDER BY seq DESC, reverses IS NOT NULL, line) {own})[1]"
    buckets = ", ".join(f"sum(open) FILTER (WHERE {condition}) AS {name}" for name, condition in BUCKETS.items())
    names = (*BUCKETS, "open", "credit", "net")
    amounts = ", ".join(f"{money(f'coalesce({name}, 0)')} AS {name}" for name in names)
    spread = ", ".join(f"{money(f'CASE WHEN {condition} THEN open ELSE 0 END')} AS {name}" for name, condition in BUCKETS.items())
    today = "(now() AT TIME ZONE coalesce(document::jsonb -> 'data' ->> 'time_zone', 'UTC'))::date"
    day = (
        "SELECT %(end)::date AS day"
        if question.end
        else f"""
        SELECT {today} AS day FROM records WHERE company_id = %(company) AND id = %(company)"""
    )
    unallocated = f"SELECT party_id, currency, -sum({amount}) AS credit FROM journal_lines WHERE {counts} AND account = '{credit}'"
    known = """SELECT 'true' WHERE EXISTS (SELECT FROM records WHERE company_id = %(company) AND id = %(document))"""
    return Report(
        "balances",
        f"""
day AS ({day}),
found AS MATERIALIZED (
    SELECT party_id, currency, coalesce(document_id, record_id) AS document_id, sum({amount}) AS open, max(due) AS any_due,
        min(dated) AS any_dated, (array_agg(due {latest} AS due, (array_agg(dated {latest} AS dated
    FROM journal_lines WHERE {counts} AND account = '{account}'{of_document} GROUP BY 1, 2, 3 HAVING sum({amount}) <> 0),
documents AS MATERIALIZED (
    SELECT party_id, currency, document_id, open, coalesce(dated, any_dated) AS dated,
        CASE WHEN dated IS NULL THEN any_due ELSE due END AS due,
        (SELECT day FROM day) - coalesce(CASE WHEN dated IS NULL THEN any_due ELSE due END, dated, any_dated) AS days FROM found),
credits AS MATERIALIZED ({unallocated} AND {"false" if document_id else "true"} GROUP BY 1, 2 HAVING sum({amount}) <> 0),
sides AS (
    SELECT party_id, currency, {buckets}, sum(open) AS open, 0::numeric AS credit FROM documents GROUP BY 1, 2
    UNION ALL SELECT party_id, currency, {", ".join("0" for _ in BUCKETS)}, 0, credit FROM credits),
parties AS MATERIALIZED (
    SELECT party_id, currency, {", ".join(f"sum({name}) AS {name}" for name in names[:-1])}, sum(open - credit) AS net
    FROM sides GROUP BY 1, 2)""",
        {
            "day": "SELECT to_json(day)::text FROM day",
            "parties": rows(
                f"""SELECT p.party_id, r.name AS party, p.currency, {amounts} FROM parties p LEFT JOIN LATERAL (
                    SELECT document::jsonb -> 'data' ->> 'name' AS name FROM records
                    WHERE company_id = %(company) AND id = p.party_id
                ) AS r ON true ORDER BY r.name COLLATE "C", p.party_id, p.currency COLLATE "C" """
            ),
            "documents": rows(
                f"""SELECT d.party_id, r.document::jsonb -> 'data' ->> 'name' AS party, d.document_id, o.kind, o.number,
                    o.document::jsonb -> 'data' ->> 'invoice_number' AS invoice_number, d.dated, d.due, d.days AS days_overdue,
                    d.currency, {money("open")} AS open, {spread}
                FROM documents d LEFT JOIN records r ON r.company_id = %(company) AND r.id = d.party_id
                LEFT JOIN records o ON o.company_id = %(company) AND o.id = d.document_id
                ORDER BY coalesce(d.due, d.dated), d.document_id, d.party_id, d.currency COLLATE "C" """
            ),
            "totals": totals("parties", {name: name for name in names}),
            **({"known": known} if document_id else {}),
        },
        {"party": party_id, "document": document_id},
    )
