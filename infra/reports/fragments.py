"""What reports share of SQL: amounts as texts, the chart of accounts, and balances between days as of a seq.

Parameters are named, `%(company)`. What an account turned over before a day is the sum of its months and of the days of the last
one. As of a seq, the lines after it are taken out again. By the facts' own days, the lines that were posted later than they are
dated, which only closed periods make, are counted where they belong. So no report of balances sums the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from iso4217 import Currency

from domain.chart import DEFAULT_CHART
from infra.reports.asking import Question

BEGIN = "%(begin)::date"
AFTER_END = "(%(end)::date + 1)"
"""Bounds are the first days that no longer count."""


@cache
def _decimals() -> Mapping[int, str]:
    """Number of decimals → the currencies that have so many, where it is not two."""
    found: dict[int, list[str]] = {}
    for currency in Currency:
        if currency.exponent is not None and currency.exponent != 2:
            found.setdefault(currency.exponent, []).append(currency.code)
    return {exponent: "{" + ",".join(sorted(codes)) + "}" for exponent, codes in sorted(found.items())}


def money(amount: str, currency: str = "currency") -> str:
    """SQL of an amount as a text with its currency's decimals; with more, where it has more."""
    cases = " ".join(f"WHEN {currency} = ANY('{codes}') THEN {exponent}" for exponent, codes in _decimals().items())
    return f"round({amount}, greatest(min_scale({amount}), CASE {cases} ELSE 2 END))::text"


def number(amount: str) -> str:
    """SQL of a number as a text, without zeros at its end."""
    return f"trim_scale({amount})::text"


def rows(query: str) -> str:
    """SQL of the query's rows as a JSON array, in the query's order."""
    return f"SELECT '[' || coalesce(string_agg(row_to_json(answer)::text, ','), '') || ']' FROM ({query}) AS answer"


def totals(source: str, sums: Mapping[str, str]) -> str:
    """Sums per currency as a JSON array: name → SQL of the amount to sum up."""
    columns = ", ".join(f"{money(f'coalesce(sum({amount}), 0)')} AS {name}" for name, amount in sums.items())
    return rows(f'SELECT currency, {columns} FROM {source} GROUP BY currency ORDER BY currency COLLATE "C"')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_DEFAULTS = ", ".join(f"({_quoted(a.code)}, {_quoted(a.name)}, {_quoted(a.type)})" for a in DEFAULT_CHART.values())

CHART = f"""
chart AS MATERIALIZED (
    SELECT DISTINCT ON (code) code, name, type, closed FROM (
        SELECT d ->> 'code' AS code, d ->> 'name' AS name, d ->> 'type' AS type,
            deleted OR d ->> 'is_active' = 'false' AS closed, deleted::integer AS rank, seq
        FROM (SELECT seq, deleted, document::jsonb -> 'data' AS d FROM records
            WHERE company_id = %(company) AND kind = 'account') AS record
        UNION ALL SELECT code, name, type, false, 2, 0 FROM (VALUES {_DEFAULTS}) AS known (code, name, type)
    ) AS account ORDER BY code, rank, seq DESC
)"""
"""The company's accounts, and those of the default chart that it has no record of."""


def named(source: str) -> str:
    """SQL of a source with `account`, with each account's `name` and `type`.

    A part without a record of its own is named after its account; what was posted without any, by its first digit.
    """
    return f"""
SELECT m.*, coalesce(c.name, r.name || ': ' || substr(m.account, length(r.code) + 2), m.account) AS name,
    coalesce(c.type, r.type, CASE left(m.account, 1) WHEN '1' THEN 'asset' WHEN '2' THEN 'liability' WHEN '3' THEN 'equity'
        WHEN '4' THEN 'revenue' ELSE 'expense' END) AS type
FROM {source} AS m LEFT JOIN chart c ON c.code = m.account LEFT JOIN chart r ON r.code = split_part(m.account, ':', 1)"""


ORDER = 'ORDER BY account COLLATE "C", currency COLLATE "C"'


def turned_over(question: Question, bounds: Mapping[str, str | None], only: str = "true") -> str:
    """SQL of the common table expression `sums`: per account and currency, `NAME_debit` and `NAME_credit` of everything before
    each bound's day; None is the end of time. `only`: a condition on the row `b` of account_balances.
    """
    later, late = "", ""
    if question.at_seq is not None:
        later = f"""
later AS MATERIALIZED (SELECT account, currency, {_filtered(bounds, "posted_on < {day}")}
    FROM {later_than("journal_lines", "seq, line")} AS l GROUP BY account, currency),"""
    if question.by == "dated":
        as_of = "" if question.at_seq is None else "AND seq <= %(at_seq)"
        late = f"""
late AS MATERIALIZED (SELECT account, currency, {_filtered(bounds, "dated < {day} AND posted_on >= {day}", never=True)}
    FROM journal_lines WHERE company_id = %(company) AND dated <> posted_on {as_of} GROUP BY account, currency),"""
    columns, joins = [], []
    for name, day in bounds.items():
        kept = f"kept_{name}" if day else "b"
        for side in ("debit", "credit"):
            corrected = f" - coalesce(later.{name}_{side}, 0)" if later else ""
            corrected += f" + coalesce(late.{name}_{side}, 0)" if late else ""
            columns.append(f"coalesce({kept}.{side}, 0){corrected} AS {name}_{side}")
        if day:
            joins.append(_kept(name, day))
    corrections = [name for name, cte in (("later", later), ("late", late)) if cte]
    joins += [f"LEFT JOIN {cte} ON {cte}.account = b.account AND {cte}.currency = b.currency" for cte in corrections]
    return f"""{later}{late}
sums AS MATERIALIZED (SELECT b.account, b.currency, {", ".join(columns)} FROM account_balances b {" ".join(joins)}
    WHERE b.company_id = %(company) AND {only})"""


def later_than(table: str, order: str) -> str:
    """SQL of the rows after `at_seq`. They are few; the order and the limit keep a plan for any seq to the index."""
    return f"(SELECT * FROM {table} WHERE company_id = %(company) AND seq > %(at_seq) ORDER BY {order} LIMIT %(every))"


def _kept(name: str, day: str) -> str:
    own = "company_id = %(company) AND account = b.account AND currency = b.currency"
    return f"""
CROSS JOIN LATERAL (SELECT sum(debit) AS debit, sum(credit) AS credit FROM (
    SELECT debit, credit FROM account_months WHERE {own} AND month < date_trunc('month', {day})::date
    UNION ALL
    SELECT debit, credit FROM account_days WHERE {own} AND day >= date_trunc('month', {day})::date AND day < {day}
) AS turned) AS kept_{name}"""


def _filtered(bounds: Mapping[str, str | None], condition: str, *, never: bool = False) -> str:
    columns = []
    for name, day in bounds.items():
        where = condition.format(day=day) if day else ("false" if never else "true")
        columns += [f"sum({side}) FILTER (WHERE {where}) AS {name}_{side}" for side in ("debit", "credit")]
    return ", ".join(columns)


def balances(question: Question) -> str:
    """SQL of the common table expression `moved`: account, currency, opening, debit, credit, closing, of every account that was
    posted to by then. Without dates, opening is nothing and closing stands as a debit or as a credit.
    """
    if question.between:
        bounds = {"begin": BEGIN} if question.begin else {}
        cte = turned_over(question, {**bounds, "end": AFTER_END if question.end else None})
        opening = "begin_debit - begin_credit" if bounds else "0::numeric"
        debit, credit = ("end_debit - begin_debit", "end_credit - begin_credit") if bounds else ("end_debit", "end_credit")
        return f"""{cte},
moved AS MATERIALIZED (SELECT account, currency, {opening} AS opening, {debit} AS debit, {credit} AS credit,
    end_debit - end_credit AS closing FROM sums WHERE end_debit + end_credit > 0)"""
    latest = "SELECT account, currency, balance FROM account_balances WHERE company_id = %(company)"
    if question.at_seq is not None:
        latest = """SELECT a.account, a.currency, l.balance FROM account_balances a CROSS JOIN LATERAL (
            SELECT balance FROM journal_lines j WHERE j.company_id = %(company) AND j.account = a.account
                AND j.currency = a.currency AND j.seq <= %(at_seq) ORDER BY j.seq DESC, j.line DESC LIMIT 1
        ) AS l WHERE a.company_id = %(company)"""
    return f"""
moved AS MATERIALIZED (SELECT account, currency, 0::numeric AS opening, greatest(balance, 0) AS debit,
    greatest(-balance, 0) AS credit, balance AS closing FROM ({latest}) AS latest)"""
