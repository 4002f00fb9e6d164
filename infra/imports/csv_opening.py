"""CSV of opening balances: accounts and parties with debit or credit, and stock with its cost.

The balances of one day are one posted journal entry, whose difference goes to the account of opening balances; stock is a movement
per product. Accounts, parties and products have to exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from domain.chart import DEFAULT_CHART, OPENING_BALANCES, PAYABLE, RECEIVABLE, root_of
from domain.command import Command
from domain.errors import AmountNotPositive, InvalidField, LedgerError
from domain.money import EXACT, ZERO, require_exact
from infra.imports.csv_masters import SOURCE
from infra.imports.csv_table import Column, Row, amount, currency, day, read_table, text
from infra.imports.known import Known
from infra.imports.model import Item, Options, Place, Plan, Problems, given, natural_id


def _not_negative(cell: str, options: Options) -> Decimal:
    found: Decimal = amount(cell, options)
    if found < 0:
        raise AmountNotPositive("The amount must not be negative; use the other side.")
    return found


def _cost(cell: str, options: Options) -> Decimal:
    found: Decimal = amount(cell, options)
    if found < 0:
        raise AmountNotPositive("A cost must not be negative.")
    return found


def _quantity(cell: str, options: Options) -> Decimal:
    found: Decimal = amount(cell, options)
    if found <= 0:
        raise AmountNotPositive("An opening quantity must be more than zero.")
    return found


COLUMNS = (
    Column("account", text, ("account_code", "code", "account_number")),
    Column("party", text, ("customer", "supplier", "party_code", "customer_code", "supplier_code")),
    Column("debit", _not_negative, ("dr",)),
    Column("credit", _not_negative, ("cr",)),
    Column("currency", currency),
    Column("sku", text, ("product", "product_sku", "item")),
    Column("quantity", _quantity, ("qty",)),
    Column("unit_cost", _cost, ("cost", "cost_price")),
    Column("date", day, ("as_of", "day")),
    Column("description", text, ("notes", "note", "memo", "account_name", "name")),
)
_LINE_FIELDS = {
    "account": "account_code",
    "party": "party_id",
    "debit": "debit",
    "credit": "credit",
    "currency": "currency",
    "description": "description",
}
_STOCK_FIELDS = {"sku": "product_id", "quantity": "quantity", "unit_cost": "unit_cost", "date": "date", "description": "notes"}


@dataclass(slots=True)
class _Day:
    """The lines of one day's entry."""

    row: Row
    lines: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)


def plan_opening_balances(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    """An entry per day, and a stock movement per product."""
    rows = read_table(raw, COLUMNS, options, problems)
    days: dict[date, _Day] = {}
    items: list[Item] = []
    seen: dict[str, int] = {}
    for row in rows:
        dated = row.values.get("date", options.date)
        if dated is None:
            if "date" not in row.faulty:
                problems.invalid(*row.place("date"), "On which day? Give the column `date`, or one date for all rows.")
        elif "sku" in row.values or "quantity" in row.values:
            item = _stock(row, dated, known, seen, problems)
            items += [item] if item else []
        elif (line := _balance(row, known, problems)) is not None:
            one = days.setdefault(dated, _Day(row))
            prefix = f"data.lines[{len(one.lines)}]"
            one.places |= {**row.places(_LINE_FIELDS, f"{prefix}."), prefix: (row.line, "")}
            one.lines.append(line)
            change = EXACT.subtract(line.get("debit", ZERO), line.get("credit", ZERO))
            one.balances[line["currency"]] = EXACT.add(one.balances.get(line["currency"], ZERO), change)
    return Plan([*(_entry(dated, one) for dated, one in sorted(days.items())), *items])


def _balance(row: Row, known: Known, problems: Problems) -> dict[str, Any] | None:
    """An account's or party's row as a line of the entry."""
    values = row.values
    if row.faulty:
        return None
    debit, credit = values.get("debit", ZERO), values.get("credit", ZERO)
    if (debit > 0) == (credit > 0):
        if debit == credit == ZERO and ("debit" in values or "credit" in values):
            return None  # an account that opens at nothing
        problems.invalid(*row.place("debit"), "A row has a debit or a credit, and not both.")
        return None
    side, opening = ("debit", debit) if debit > 0 else ("credit", credit)
    code = values.get("account")
    line: dict[str, Any] = {}
    try:
        unit = values.get("currency", known.currency)
        place = row.place(side)
        line[side] = require_exact(opening, unit, side)
        line["currency"] = unit
        place = row.place("party")
        if "party" in values:
            line["party_id"] = known.one("party", values["party"]).id
            code = code or (RECEIVABLE if debit > 0 else PAYABLE)
        place = row.place("account")
        if code is None:
            raise InvalidField("A row names an account, a party, or a product with its quantity.")
        line["account_code"] = _account(code, known)
    except LedgerError as error:
        problems.add(place, error)
        return None
    return {**line, **given({"description": values.get("description")})}


def _account(code: str, known: Known) -> str:
    """The account's code. Raises ReferenceMissing unless the company has it, or the one that it is a part of."""
    if root_of(code) not in DEFAULT_CHART and not known.by("account", "code", code):
        known.one("account", root_of(code), ("code",))
    return code


def _entry(dated: date, one: _Day) -> Item:
    lines: list[Mapping[str, Any]] = list(one.lines)
    for unit, balance in sorted(one.balances.items()):
        if balance != ZERO:
            side = "credit" if balance > 0 else "debit"
            lines.append({"account_code": OPENING_BALANCES, side: abs(balance), "currency": unit})
    data = {"date": dated, "description": "Opening balances", "lines": lines, "post_now": True}
    return Item(
        line=one.row.line,
        name=f"opening balances of {dated}",
        command=Command(kind="journal_entry", action="create", client_id=natural_id("opening", dated), source=SOURCE, data=data),
        places={**one.places, "data.date": one.row.place("date")},
    )


def _stock(row: Row, dated: date, known: Known, seen: dict[str, int], problems: Problems) -> Item | None:
    values = row.values
    if row.faulty:
        return None
    for name, other in (("sku", "quantity"), ("quantity", "sku")):
        if name not in values:
            problems.invalid(*row.place(name), f"A row of stock needs a `{name}` beside its `{other}`.")
            return None
    for name in ("account", "party", "debit", "credit"):
        if name in values:
            problems.invalid(*row.place(name), "A row of stock has no such thing: the inventory account has a row of its own.")
            return None
    sku = values["sku"]
    client_id = natural_id("opening", dated, sku)
    if client_id in seen:
        problems.invalid(*row.place("sku"), f"The product {sku!r} is on line {seen[client_id]:,} too.")
        return None
    seen[client_id] = row.line
    try:
        product = known.one("product", sku).id
    except LedgerError as error:
        problems.add(row.place("sku"), error)
        return None
    data = {
        "product_id": product,
        "quantity": values["quantity"],
        "reason": "opening",
        "date": dated,
        **given({"unit_cost": values.get("unit_cost"), "notes": values.get("description")}),
    }
    return Item(
        line=row.line,
        name=sku,
        command=Command(kind="stock_movement", action="create", client_id=client_id, source=SOURCE, data=data),
        places=row.places(_STOCK_FIELDS),
    )
