"""The tables of the sync, and which record is a row of which."""

from __future__ import annotations

from collections.abc import Mapping

from api.matrix.tables.goods import CATEGORIES, PRODUCTS, STOCK, UNITS
from api.matrix.tables.money import (
    ACCOUNT_TRANSACTIONS,
    ACCOUNTS,
    PAYMENT_ACCOUNTS,
    PAYMENT_IN_LINES,
    PAYMENT_INS,
    PAYMENT_OUT_LINES,
    PAYMENT_OUTS,
)
from api.matrix.tables.others import CONFLICTS, SETTINGS
from api.matrix.tables.parties import COMPANIES, PARTIES, USERS
from api.matrix.tables.table import Table
from api.matrix.tables.trade import (
    EXPENSE_BASE,
    EXPENSE_TRANSACTIONS,
    INVOICES,
    LINES,
    PAYMENT_BASE,
    PAYMENT_TRANSACTIONS,
    TRANSACTIONS,
)

ALL: tuple[Table, ...] = (
    COMPANIES,
    USERS,
    PARTIES,
    UNITS,
    CATEGORIES,
    PRODUCTS,
    TRANSACTIONS,
    EXPENSE_TRANSACTIONS,
    PAYMENT_TRANSACTIONS,
    INVOICES,
    LINES,
    ACCOUNTS,
    ACCOUNT_TRANSACTIONS,
    PAYMENT_ACCOUNTS,
    PAYMENT_INS,
    PAYMENT_IN_LINES,
    PAYMENT_OUTS,
    PAYMENT_OUT_LINES,
    STOCK,
    SETTINGS,
    CONFLICTS,
)

NAMES: Mapping[str, str] = {name: table.name for table in ALL for name in (table.name, table.synonym) if name}
"""Every name that a client may use → the table's own."""

BY_KIND: Mapping[str, tuple[Table, ...]] = {kind: tuple(t for t in ALL if t.kind == kind) for kind in {t.kind for t in ALL}}
_BY_NAME: Mapping[str, tuple[Table, ...]] = {name: tuple(t for t in ALL if t.name == name) for name in set(NAMES.values())}


PULLED = frozenset(table.name for table in ALL) - {CONFLICTS.name}
"""What a device pulls that names no tables: the app has no table of conflicts, so those come where they are asked for."""


def views_of(name: str) -> tuple[Table, ...]:
    """The kinds that are rows of the table of this name (the table's own)."""
    return _BY_NAME[name]


def table_of_id(name: str, row_id: int) -> tuple[Table, int]:
    """Which kind the row `row_id` of a table is, and the record's number."""
    views = _BY_NAME[name]
    if len(views) == 1:
        return views[0], row_id
    if row_id >= PAYMENT_BASE:
        return PAYMENT_TRANSACTIONS, row_id - PAYMENT_BASE
    if row_id >= EXPENSE_BASE:
        return EXPENSE_TRANSACTIONS, row_id - EXPENSE_BASE
    return TRANSACTIONS, row_id
