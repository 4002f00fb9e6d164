"""The chart of accounts that every company begins with, and what codes mean.

Codes are text. What follows a colon is a part of the account before it: an expense's category `rent` is posted to `6000:rent`.
A company may add accounts of its own, rename these, and close those that are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

AccountType = Literal["asset", "liability", "equity", "revenue", "expense"]

CASH = "1000"
CHEQUES_IN_HAND = "1050"
BANK = "1100"
RECEIVABLE = "1200"
DISHONOURED_CHEQUES = "1250"
INVENTORY = "1300"
VAT_RECOVERABLE = "1400"
SUPPLIER_CREDIT = "1500"
PAYABLE = "2000"
CHEQUES_ISSUED = "2050"
VAT_PAYABLE = "2100"
CUSTOMER_CREDIT = "2200"
EQUITY = "3000"
OPENING_BALANCES = "3900"
SALES = "4000"
OTHER_INCOME = "4900"
PURCHASES = "5000"
EXPENSES = "6000"


class ChartAccount(msgspec.Struct, frozen=True):
    """One account of the default chart."""

    code: str
    name: str
    type: AccountType


_ACCOUNTS: tuple[tuple[str, str, AccountType], ...] = (
    (CASH, "Cash", "asset"),
    (CHEQUES_IN_HAND, "Cheques in hand", "asset"),
    (BANK, "Bank", "asset"),
    (RECEIVABLE, "Accounts receivable", "asset"),
    (DISHONOURED_CHEQUES, "Dishonoured cheques", "asset"),
    (INVENTORY, "Inventory", "asset"),
    (VAT_RECOVERABLE, "VAT recoverable", "asset"),
    (SUPPLIER_CREDIT, "Supplier credit", "asset"),
    (PAYABLE, "Accounts payable", "liability"),
    (CHEQUES_ISSUED, "Cheques issued", "liability"),
    (VAT_PAYABLE, "VAT payable", "liability"),
    (CUSTOMER_CREDIT, "Customer credit", "liability"),
    (EQUITY, "Owner's equity", "equity"),
    (OPENING_BALANCES, "Opening balances", "equity"),
    (SALES, "Sales", "revenue"),
    (OTHER_INCOME, "Other income", "revenue"),
    (PURCHASES, "Purchases", "expense"),
    (EXPENSES, "Expenses", "expense"),
)
DEFAULT_CHART: Mapping[str, ChartAccount] = {code: ChartAccount(code, name, type_) for code, name, type_ in _ACCOUNTS}
"""Code → account, in the order of the codes. A company's log begins with one `account.opened` event for each."""


def root_of(code: str) -> str:
    """The account that a code is a part of: `6000` of `6000:rent`, and of itself."""
    return code.partition(":")[0]
