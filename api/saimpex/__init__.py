"""The SAIMPEX desktop dialect: point of sale, customers, purchasing and accounting, employees; offline first."""

from __future__ import annotations

from api.http_errors import Dialect
from api.saimpex import (
    cash,
    coupons,
    customers,
    employees,
    files,
    holds,
    journal,
    lists,
    login,
    products,
    purchases,
    sales,
    settings,
    shifts,
    staff,
    suppliers,
    syncing,
)
from api.saimpex.errors import REFUSALS, refuse

SAIMPEX = Dialect(
    name="saimpex",
    prefixes=("/api/desktop",),
    handlers=[
        *login.HANDLERS,
        *syncing.HANDLERS,
        *products.HANDLERS,
        *sales.HANDLERS,
        *holds.HANDLERS,
        *coupons.HANDLERS,
        *shifts.HANDLERS,
        *cash.HANDLERS,
        *customers.HANDLERS,
        *suppliers.HANDLERS,
        *purchases.HANDLERS,
        *journal.HANDLERS,
        *staff.HANDLERS,
        *employees.HANDLERS,
        *settings.HANDLERS,
        *lists.HANDLERS,
        *files.HANDLERS,
    ],
    refuse=refuse,
    refusals=REFUSALS,
)
