"""VAT summary: bases and taxes of sales and purchases by rate, and what is payable.

Costs what the company has days and rates, as of a seq also the lines after it. Discounts and costs on the whole of an invoice carry
no VAT, so they are in no base.
"""

from __future__ import annotations

from infra.reports.asking import Question, Report
from infra.reports.fragments import AFTER_END, BEGIN, later_than, money, number, rows, totals

_RATE = "direction, vat_rate, levy_rate, currency"


def vat_summary(question: Question) -> Report:
    """`rates` per direction, and `totals` per currency. `payable` is output less input; below zero it is due to us."""

    def within(day: str) -> str:
        conditions = [f"{day} >= {BEGIN}"] if question.begin else []
        conditions += [f"{day} < {AFTER_END}"] if question.end else []
        return " AND ".join(conditions) or "true"

    kept = f"SELECT {_RATE}, net, vat, levy FROM vat_days WHERE company_id = %(company) AND {within('day')}"
    if question.at_seq is not None:
        kept += f""" UNION ALL SELECT {_RATE}, -net, -vat, -levy
            FROM {later_than("vat_lines", "seq")} AS l WHERE {within("posted_on")}"""
    if question.by == "dated" and question.between:
        as_of = "AND seq <= %(at_seq)" if question.at_seq is not None else ""
        sign = f"(({within('dated')})::integer - ({within('posted_on')})::integer)"
        kept += f""" UNION ALL SELECT {_RATE}, {sign} * net, {sign} * vat, {sign} * levy FROM vat_lines
            WHERE company_id = %(company) AND dated <> posted_on {as_of}"""
    amounts = ", ".join(f"{money(name)} AS {name}" for name in ("net", "vat", "levy"))
    sums: dict[str, str] = {}
    for direction in ("output", "input"):
        for name in ("net", "vat", "levy"):
            sums[f"{direction}_{name}"] = f"CASE direction WHEN '{direction}' THEN {name} END"
    sums["payable"] = "CASE direction WHEN 'output' THEN vat + levy ELSE -vat - levy END"
    return Report(
        "vat",
        f"""
rates AS MATERIALIZED (SELECT {_RATE}, sum(net) AS net, sum(vat) AS vat, sum(levy) AS levy FROM ({kept}) AS kept
    GROUP BY {_RATE} HAVING sum(net) <> 0 OR sum(vat) <> 0 OR sum(levy) <> 0)""",
        {
            "rates": rows(
                f"""SELECT direction, {number("vat_rate")} AS vat_rate, {number("levy_rate")} AS levy_rate, currency, {amounts}
                FROM rates ORDER BY direction DESC, rates.vat_rate DESC, rates.levy_rate DESC, currency COLLATE "C" """
            ),
            "totals": totals("rates", sums),
        },
    )
