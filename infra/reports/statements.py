"""Income and expense, the balance sheet and the accounts: the trial balance, told by the types of accounts. They cost the same."""

from __future__ import annotations

from infra.reports.asking import Question, Report
from infra.reports.fragments import CHART, ORDER, balances, money, named, rows, totals


def income_and_expense(question: Question) -> Report:
    """Revenue and expense `accounts` between dates, each on its own side, and `totals` per currency."""
    amounts = """
        amounts AS MATERIALIZED (SELECT account, name, type, currency,
            CASE type WHEN 'revenue' THEN credit - debit ELSE debit - credit END AS amount
        FROM named WHERE type IN ('revenue', 'expense'))"""
    lines = f"SELECT type, account, name, currency, {money('amount')} AS amount FROM amounts"
    sums = {
        "revenue": "CASE type WHEN 'revenue' THEN amount END",
        "expense": "CASE type WHEN 'expense' THEN amount END",
        "net": "CASE type WHEN 'revenue' THEN amount ELSE -amount END",
    }
    return Report(
        "balances",
        f"{balances(question)},{CHART}, named AS MATERIALIZED ({named('moved')}), {amounts}",
        {"accounts": rows(f"{lines} {ORDER.replace('BY', 'BY type DESC,')}"), "totals": totals("amounts", sums)},
    )


def balance_sheet(question: Question) -> Report:
    """Assets, liabilities and equity at the end of a day, and `totals` per currency.

    What was earned and not yet moved to equity is `earnings`: assets equal liabilities, equity and earnings.
    """
    sheet = """
        sheet AS MATERIALIZED (SELECT account, name, type, currency,
            CASE type WHEN 'asset' THEN closing ELSE -closing END AS amount FROM named)"""
    lines = f"SELECT type, account, name, currency, {money('amount')} AS amount FROM sheet WHERE type NOT IN ('revenue', 'expense')"
    sums = {
        "assets": "CASE type WHEN 'asset' THEN amount END",
        "liabilities": "CASE type WHEN 'liability' THEN amount END",
        "equity": "CASE type WHEN 'equity' THEN amount END",
        "earnings": "CASE WHEN type IN ('revenue', 'expense') THEN amount END",
        "liabilities_and_equity": "CASE WHEN type <> 'asset' THEN amount END",
    }
    return Report(
        "balances",
        f"{balances(question)},{CHART}, named AS MATERIALIZED ({named('moved')}), {sheet}",
        {"accounts": rows(f"{lines} {ORDER.replace('BY', 'BY type,')}"), "totals": totals("sheet", sums)},
    )


def accounts(question: Question) -> Report:
    """The chart: every account that there is or that was posted to, with its balance in each currency."""
    every = """
        listed AS MATERIALIZED (
            SELECT coalesce(c.code, m.account) AS account, m.currency, m.closing, coalesce(c.closed, false) AS closed
            FROM chart c FULL JOIN moved m ON m.account = c.code)"""
    columns = f"account, name, type, closed, currency, {money('closing')} AS balance"
    return Report(
        "balances",
        f"{balances(question)},{CHART}, {every}",
        {"accounts": rows(f"SELECT {columns} FROM ({named('listed')}) AS named {ORDER}")},
    )
