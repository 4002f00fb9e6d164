"""Pages of journal lines in the order of days: the general ledger of an account, and the statement of a party.

A page goes on after a key (day, seq, line), and its cursor names the seq that the first page was read at: what is posted meanwhile
changes no page of the same reading. The running balances are in the order of the days, which need not be the order of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from infra.reports.asking import Question, Report
from infra.reports.fragments import AFTER_END, BEGIN, CHART, ORDER, money, named, rows, turned_over

PARTY_ACCOUNTS = "{1200,1250,1500,2000,2200}"
"""Receivables, dishonoured cheques, payables, and credit on both sides."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins, after a line, and how many lines it may have."""

    limit: int
    day: date = date.min
    seq: int = 0
    line: int = 0

    def starting(self, begin: date | None) -> Page:
        """The page; the first one starts with the day that the question begins with."""
        return Page(self.limit, begin, 0, 0) if begin is not None and self.day < begin else self


_KEY = "(%(after_day)::date, %(after_seq), %(after_line))"


def _shown(balance: str) -> str:
    """The columns of a line; its party's name and its record's number are today's."""
    return f"""
SELECT l.seq, l.line, l.posted_on, l.dated, l.account, l.kind, l.record_id, r.number, l.party_id,
    p.document::jsonb -> 'data' ->> 'name' AS party, l.document_id, l.due, l.reverses, l.currency,
    {money("l.debit", "l.currency")} AS debit, {money("l.credit", "l.currency")} AS credit,
    {money(balance, "l.currency")} AS balance
FROM page l LEFT JOIN before o ON o.currency = l.currency
LEFT JOIN records r ON r.company_id = %(company) AND r.id = l.record_id
LEFT JOIN records p ON p.company_id = %(company) AND p.id = l.party_id
WHERE l.place <= %(limit) ORDER BY l.place"""


_PAGE = """
page AS MATERIALIZED (SELECT found.*, row_number() OVER (ORDER BY day, seq, line) AS place,
    sum(debit - credit) OVER (PARTITION BY currency ORDER BY day, seq, line) AS running FROM ({lines}) AS found)"""
_FIRST = "ORDER BY day, seq, line LIMIT %(limit) + 1"
_BALANCE = "coalesce(o.balance, 0) + l.running"
_NEXT = """
SELECT CASE WHEN count(*) > %(limit) THEN '"' || (array_agg(day || '.' || seq || '.' || line ORDER BY place))[%(limit)] || '"' END
FROM page"""


def _one_way(question: Question, day: str, own: str) -> str:
    """SQL of at most a page of lines, and one more, in the order of an index."""
    end = f"AND j.{day} < {AFTER_END}" if question.end else ""
    as_of = "AND j.seq <= %(at_seq)" if question.at_seq is not None else ""
    order = f"ORDER BY j.{day}, j.seq, j.line"
    return f"""(SELECT j.*, j.{day} AS day FROM journal_lines j WHERE j.company_id = %(company) AND {own} {as_of} {end}
        AND (j.{day}, j.seq, j.line) > {_KEY} {order} LIMIT %(limit) + 1)"""


def _in_order(question: Question, own: str) -> str:
    """The same by the question's day. By the facts' own days, two indexes are merged: of lines in time, and of late ones."""
    if question.by == "posted_on":
        return _one_way(question, "posted_on", own)
    on_time = _one_way(question, "posted_on", f"{own} AND j.dated = j.posted_on")
    return f"{on_time} UNION ALL {_one_way(question, 'dated', f'{own} AND j.dated <> j.posted_on')}"


def _parameters(page: Page) -> dict[str, object]:
    return {"limit": page.limit, "after_day": page.day, "after_seq": page.seq, "after_line": page.line}


def general_ledger(question: Question, account: str, page: Page, *, parts: bool = False) -> Report:
    """`lines` of an account (with its parts, where asked for), `balances` per currency, and `next`, the key of the last line.

    `exists` is null where there is no such account. A page costs its lines, those of its first day, and the company's months.
    """
    page = page.starting(question.begin)
    chosen = "(b.account = %(account) OR starts_with(b.account, %(account) || ':'))" if parts else "b.account = %(account)"
    bounds = {"end": AFTER_END if question.end else None, "page": "%(after_day)::date"}
    if question.begin:
        bounds["begin"] = BEGIN
    day, as_of = question.by, "AND j.seq <= %(at_seq)" if question.at_seq is not None else ""
    same_day = f"j.{day} = %(after_day)::date AND (j.seq, j.line) <= (%(after_seq), %(after_line)) {as_of}"
    own = "j.account = a.account"
    lines = f"SELECT o.* FROM accounts a CROSS JOIN LATERAL ({_in_order(question, own)}) AS o {_FIRST}"
    opening, turned = ("begin_debit - begin_credit", "end_{0} - begin_{0}") if question.begin else ("0::numeric", "end_{0}")
    return Report(
        "balances",
        f"""{turned_over(question, bounds, chosen)},{CHART},
accounts AS (SELECT DISTINCT account FROM sums),
before AS MATERIALIZED (SELECT currency, sum(balance) AS balance FROM (
    SELECT currency, page_debit - page_credit AS balance FROM sums
    UNION ALL SELECT j.currency, j.debit - j.credit FROM accounts a JOIN journal_lines j
        ON j.company_id = %(company) AND {own} AND {same_day}
) AS earlier GROUP BY currency),
{_PAGE.format(lines=lines)}""",
        {
            "exists": "SELECT 'true' WHERE EXISTS (SELECT FROM chart WHERE code = %(account)) OR EXISTS (SELECT FROM sums)",
            "name": f"SELECT to_json(name)::text FROM ({named('(SELECT %(account) AS account)')}) AS named",
            "lines": rows(_shown(_BALANCE)),
            "balances": rows(
                f"""SELECT currency, {money("sum(opening)")} AS opening, {money("sum(debit)")} AS debit,
                {money("sum(credit)")} AS credit, {money("sum(closing)")} AS closing FROM (
                    SELECT currency, {opening} AS opening, {turned.format("debit")} AS debit, {turned.format("credit")} AS credit,
                        end_debit - end_credit AS closing, end_debit + end_credit AS used FROM sums
                ) AS per GROUP BY currency HAVING sum(used) > 0 ORDER BY currency COLLATE "C" """
            ),
            "next": _NEXT,
        },
        {"account": account, **_parameters(page)},
    )


def party_statement(question: Question, party_id: UUID, page: Page | None) -> Report:
    """A party's `lines` on its accounts, `accounts` and `balances` with opening and closing, and `next`.

    Above zero the party owes us. Without a page, the balances alone. Costs the party's lines.
    """
    first = page is None
    page = (page or Page(0)).starting(question.begin)
    day, own = question.by, f"j.party_id = %(party) AND j.account = ANY('{PARTY_ACCOUNTS}')"
    as_of = "AND j.seq <= %(at_seq)" if question.at_seq is not None else ""
    end = f"AND j.{day} < {AFTER_END}" if question.end else ""
    opened = f"day < {BEGIN}" if question.begin else "false"
    sums = f"""coalesce(sum(debit - credit) FILTER (WHERE {opened}), 0) AS opening,
    coalesce(sum(debit) FILTER (WHERE NOT {opened}), 0) AS debit, coalesce(sum(credit) FILTER (WHERE NOT {opened}), 0) AS credit,
    sum(debit - credit) AS closing"""
    amounts = ", ".join(f"{money(name)} AS {name}" for name in ("opening", "debit", "credit", "closing"))
    parts = {
        "balances": rows(
            f"SELECT currency, {amounts} FROM (SELECT currency, {sums} FROM own GROUP BY currency) AS summed"
            ' ORDER BY currency COLLATE "C"'
        ),
        "accounts": rows(f"SELECT account, name, currency, {amounts} FROM ({named('split')}) AS named {ORDER}"),
    }
    with_ = f"""
own AS MATERIALIZED (SELECT j.account, j.currency, j.debit, j.credit, j.seq, j.line, j.{day} AS day FROM journal_lines j
    WHERE j.company_id = %(company) AND {own} {as_of} {end}),
split AS (SELECT account, currency, {sums} FROM own GROUP BY account, currency),{CHART}"""
    if not first:
        lines = f"SELECT o.* FROM ({_in_order(question, own)}) AS o {_FIRST}"
        with_ += f""",
before AS MATERIALIZED (SELECT currency, sum(debit - credit) AS balance FROM own
    WHERE (day, seq, line) <= {_KEY} GROUP BY currency),
{_PAGE.format(lines=lines)}"""
        parts = {"lines": rows(_shown(_BALANCE)), "next": _NEXT, **parts}
    return Report("balances", with_, parts, {"party": party_id, **_parameters(page)})
