"""Stock value: quantity and value of each product at weighted moving average cost.

Without dates it costs what the company has products, also as of a seq. Between dates, by the movements' own days, it sums them.
"""

from __future__ import annotations

from infra.reports.asking import Question, Report
from infra.reports.fragments import AFTER_END, BEGIN, money, number, rows, totals

_PERIOD = ("opening_quantity", "opening_value", "quantity_in", "value_in", "quantity_out", "value_out")


def stock_value(question: Question) -> Report:
    """`products` that ever moved by then, and `totals`. Between dates also what they opened with, and what came in and went out."""
    if question.between:
        levels = _between(question)
    else:
        period = ", ".join(f"NULL::numeric AS {name}" for name in _PERIOD)
        latest = "SELECT product_id, quantity, value FROM stock_products WHERE company_id = %(company) AND moved"
        if question.at_seq is not None:
            latest = """SELECT p.product_id, l.quantity_after AS quantity, l.value_after AS value FROM stock_products p
                CROSS JOIN LATERAL (SELECT quantity_after, value_after FROM stock_lines s WHERE s.company_id = %(company)
                    AND s.product_id = p.product_id AND s.seq <= %(at_seq) ORDER BY s.seq DESC, s.line DESC LIMIT 1
                ) AS l WHERE p.company_id = %(company)"""
        levels = f"SELECT *, {period} FROM ({latest}) AS latest"
    period = ", ".join(f"{money(name) if 'value' in name else number(name)} AS {name}" for name in _PERIOD)
    return Report(
        "stock",
        f"""
levels AS MATERIALIZED (SELECT l.*, c.currency FROM ({levels}) AS l
    CROSS JOIN (SELECT currency FROM stock_companies WHERE company_id = %(company)) AS c)""",
        {
            "products": rows(
                f"""SELECT l.product_id, r.number, r.data ->> 'name' AS product, r.data ->> 'sku' AS sku,
                    {number("quantity")} AS quantity,
                    CASE WHEN quantity <> 0 THEN {number("round(value / nullif(quantity, 0), 9)")} END AS average_cost,
                    currency, {money("value")} AS value, {period}
                FROM levels l LEFT JOIN LATERAL (SELECT number, document::jsonb -> 'data' AS data FROM records
                    WHERE company_id = %(company) AND id = l.product_id) AS r ON true ORDER BY r.number, l.product_id"""
            ),
            "totals": totals("levels", {"value": "value"}),
        },
    )


def _between(question: Question) -> str:
    end = f"AND dated < {AFTER_END}" if question.end else ""
    as_of = "AND seq <= %(at_seq)" if question.at_seq is not None else ""
    before = f"dated < {BEGIN}" if question.begin else "false"

    def summed(what: str, condition: str) -> str:
        return f"coalesce(sum({what}) FILTER (WHERE {condition}), 0)"

    came_in = f"NOT {before} AND (quantity > 0) <> reversal"
    went_out = f"NOT {before} AND (quantity > 0) = reversal"
    return f"""
SELECT product_id, sum(quantity) AS quantity, sum(value) AS value, {summed("quantity", before)} AS opening_quantity,
    {summed("value", before)} AS opening_value, {summed("quantity", came_in)} AS quantity_in,
    {summed("value", came_in)} AS value_in,
    -{summed("quantity", went_out)} AS quantity_out, -{summed("value", went_out)} AS value_out
FROM stock_lines WHERE company_id = %(company) {end} {as_of} GROUP BY product_id"""
