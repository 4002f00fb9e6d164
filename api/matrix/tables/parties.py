"""Companies, users and parties."""

from __future__ import annotations

from typing import Any

from api.matrix.columns import Column, Inbound, amount, choice, flag, text, whole
from api.matrix.documents import Numbers
from api.matrix.tables.table import Table
from domain.errors import InvalidField

_ROLES = {"customer": ["customer"], "supplier": ["supplier"], "both": ["customer", "supplier"]}


def _read_roles(value: Any, _: Inbound, path: str) -> list[str]:
    if value not in _ROLES:
        raise InvalidField(f"This must be one of {', '.join(_ROLES)}.", path=path)
    return _ROLES[value]


def _write_roles(value: Any, _: Numbers) -> str:
    return "both" if len(value) > 1 else str(value[0])


COMPANIES = Table(
    name="companies",
    kind="company",
    phase=0,
    columns=(
        whole("subscriber_id"),
        text("name"),
        text("primary_currency", "currency"),
        whole("financial_year_start_month", "fiscal_year_start_month"),
        flag("is_active", default=True),
    ),
    has_company=False,
    searched=("name",),
)

USERS = Table(
    name="users",
    kind="user",
    phase=0,
    columns=(text("email"), text("full_name", "name"), text("role"), flag("is_active", default=True)),
    required=("full_name",),
)
"""A password is never taken from a push."""

PARTIES = Table(
    name="parties",
    kind="party",
    phase=1,
    columns=(
        text("name"),
        Column("party_type", "roles", _read_roles, _write_roles),
        choice(
            "customer_class", "customer_class", {name: name for name in ("retailer", "wholesaler", "other")}, default="retailer"
        ),
        text("phone"),
        text("email"),
        text("address"),
        amount("opening_balance", default="0.00"),
        amount("credit_limit"),
        whole("payment_terms_days"),
        flag("is_active", default=True),
    ),
    required=("name",),
    searched=("name", "phone", "email", "address"),
)
