"""Transactions, invoices and their lines. A sale is one record of ours, an invoice, and a row of both tables with the same id."""

from __future__ import annotations

from typing import Any

from api.matrix.columns import Inbound, amount, day, decimal_of, extra, link, plain, quantity, shown, stated, text
from api.matrix.documents import Document, Numbers, Row
from api.matrix.tables.table import Seen, Table
from domain.errors import InvalidField
from infra.lists.listing import Condition, Path

TRADES = {
    "sale": "sales",
    "purchase": "purchase",
    "saleReturn": "sales_return",
    "purchaseReturn": "purchase_return",
    "expense": "purchase",
}
"""Their types of transactions that are invoices of ours."""
_TRADE_OF = {"sales": "sale", "purchase": "purchase", "sales_return": "saleReturn", "purchase_return": "purchaseReturn"}
MONEY = {"receipt": "in", "payment": "out"}
"""Their types of transactions that are payments of ours, and the direction of the money."""

EXPENSE_BASE = 1_000_000_000_000
PAYMENT_BASE = 2_000_000_000_000
"""Added to the numbers of expenses and payments that are rows of `transactions`, where invoices have their plain numbers."""


def _total(document: Document) -> str:
    return shown(document.data["total"], 2)


_TYPE: Path = ("data", "type")
_MATRIX_TYPE: Path = ("data", "extra", "matrix_type")


def _of_type(type_: str) -> tuple[Condition, ...] | None:
    """Invoices that are transactions of this type."""
    if type_ not in TRADES:
        return None
    if type_ == "expense":
        return (Condition((_MATRIX_TYPE,), (type_,)),)
    return Condition((_TYPE,), (TRADES[type_],)), Condition((_MATRIX_TYPE,), test="missing")


def _of_money(type_: str) -> tuple[Condition, ...] | None:
    return (Condition((("data", "direction"),), (MONEY[type_],)),) if type_ in MONEY else None


def _of_invoice_type(type_: str) -> tuple[Condition, ...] | None:
    ours = {"sale": ("sales", "sales_return"), "purchase": ("purchase", "purchase_return")}.get(type_)
    return (Condition((_TYPE,), ours),) if ours else None


# Transactions ---------------------------------------------------------------------------------------


def _complete_transaction(row: Row, data: Row, _: Inbound) -> Row:
    """The type, and the total that the client states, which ours may differ from."""
    own = dict(data.get("extra") or {})
    if (type_ := row.get("type")) is not None:
        if type_ not in TRADES:
            raise InvalidField(f"This must be one of {', '.join([*TRADES, *MONEY])}.", path="data.type")
        data["type"] = TRADES[type_]
        if type_ == "expense":
            own["matrix_type"] = type_
    _note_total(row, "total_amount", own)
    if own:
        data["extra"] = own
    return data


def _note_total(row: Row, column: str, own: Row) -> None:
    if row.get(column) is not None:
        own["stated_total"] = plain(decimal_of(row[column], f"data.{column}"))


def _finish_transaction(document: Document, row: Row, numbers: Numbers) -> None:
    own = document.data.get("extra") or {}
    row["type"] = own.get("matrix_type") or _TRADE_OF[document.data["type"]]
    row["total_amount"] = _total(document)
    row["is_posted"] = True
    row["created_by_user_id"] = numbers.get(document.created_by or "")


TRANSACTIONS = Table(
    name="transactions",
    kind="invoice",
    phase=3,
    columns=(
        day("date", "issue_date"),
        text("reference_no", "reference"),
        link("party_id", "party_id", "parties"),
        extra("cash_bank_account"),
    ),
    complete=_complete_transaction,
    finish=_finish_transaction,
    has_author=True,
    more_columns=frozenset({"type", "total_amount"}),
    filters={"type": _of_type},
    sorts={"type": (_TYPE, False), "total_amount": (("data", "total"), True)},
    searched=("reference_no",),
    required=("type",),
    references=("party_id",),
)


def _complete_money(row: Row, data: Row, _: Inbound) -> Row:
    if (type_ := row.get("type")) is not None:
        if type_ not in MONEY:
            raise InvalidField(f"A payment stays a payment: {', '.join(MONEY)}.", path="data.type")
        data["direction"] = MONEY[type_]
    data["extra"] = {**(data.get("extra") or {}), "matrix_table": "transactions"}
    return data


def _finish_money(document: Document, row: Row, numbers: Numbers) -> None:
    row["type"] = "receipt" if document.data["direction"] == "in" else "payment"
    row["is_posted"] = True
    row["created_by_user_id"] = numbers.get(document.created_by or "")


def is_transaction(payment: Seen) -> bool:
    """Whether a payment was made as a transaction; the others are rows of payment_ins and payment_outs."""
    return (payment.data.get("extra") or {}).get("matrix_table") == "transactions"


PAYMENT_TRANSACTIONS = Table(
    name="transactions",
    kind="payment",
    phase=3,
    columns=(
        day("date"),
        text("reference_no", "reference"),
        link("party_id", "party_id", "parties"),
        extra("cash_bank_account"),
        amount("total_amount", "amount"),
    ),
    shows=is_transaction,
    complete=_complete_money,
    finish=_finish_money,
    has_author=True,
    more_columns=frozenset({"type"}),
    where=(Condition((("data", "extra", "matrix_table"),), ("transactions",)),),
    filters={"type": _of_money},
    searched=("reference_no",),
    required=("type", "total_amount"),
    id_base=PAYMENT_BASE,
    references=("party_id",),
)


def _finish_expense(document: Document, row: Row, numbers: Numbers) -> None:
    row["type"] = "expense"
    row["is_posted"] = document.data["status"] == "approved"
    row["created_by_user_id"] = numbers.get(document.created_by or "")


EXPENSE_TRANSACTIONS = Table(
    name="transactions",
    kind="expense",
    phase=3,
    columns=(
        day("date"),
        text("reference_no", "reference"),
        link("party_id", "supplier_id", "parties"),
        extra("cash_bank_account"),
        amount("total_amount", "amount"),
    ),
    finish=_finish_expense,
    has_author=True,
    more_columns=frozenset({"type"}),
    filters={"type": lambda type_: () if type_ == "expense" else None},
    searched=("reference_no",),
    id_base=EXPENSE_BASE,
    references=("supplier_id",),
)
"""Expenses made through other dialects. One that is pushed is a purchase invoice, because it has lines."""


# Invoices -------------------------------------------------------------------------------------------


def _complete_invoice(row: Row, data: Row, _: Inbound) -> Row:
    own = dict(data.get("extra") or {})
    if (type_ := row.get("invoice_type")) is not None:
        if type_ not in ("sale", "purchase"):
            raise InvalidField("This must be one of sale, purchase.", path="data.invoice_type")
        is_return = str(row.get("status") or "").casefold() == "return"
        data["type"] = TRADES[f"{type_}Return" if is_return else type_]
    _note_total(row, "grand_total", own)
    if own:
        data["extra"] = own
    return data


def _finish_invoice(document: Document, row: Row, _: Numbers) -> None:
    """The status is derived from payments and the due day; what the client wrote there is `status_text`."""
    row["transaction_id"] = document.number
    row["invoice_type"] = "sale" if document.data["type"].startswith("sales") else "purchase"
    row["grand_total"] = _total(document)
    row["paid_amount"] = shown(document.data["paid"], 2)
    row["status_text"] = row["status"]
    row["status"] = document.data["status"]


INVOICES = Table(
    name="invoices",
    kind="invoice",
    phase=4,
    columns=(
        link("party_id", "party_id", "parties"),
        day("invoice_date", "issue_date"),
        day("due_date"),
        text("invoice_number"),
        extra("status"),
    ),
    complete=_complete_invoice,
    finish=_finish_invoice,
    more_columns=frozenset({"transaction_id", "invoice_type", "grand_total"}),
    filters={"invoice_type": _of_invoice_type, "status": lambda status: (Condition((("data", "status"),), (status,)),)},
    sorts={"invoice_type": (_TYPE, False), "status": (("data", "status"), False), "grand_total": (("data", "total"), True)},
    searched=("invoice_number",),
    required=("invoice_type",),
    references=("party_id",),
)


# Lines ----------------------------------------------------------------------------------------------

PLACEHOLDER = "Total"


def placeholder_line(total: Any) -> Row:
    """The line of an invoice that came without lines: its total must count until they come."""
    return {"description": PLACEHOLDER, "unit_price": total, "vat_rate": "0", "extra": {"placeholder": True}}


def is_placeholder(line: Seen) -> bool:
    """Whether a line only stands for the total."""
    return bool((line.data.get("extra") or {}).get("placeholder"))


def _complete_line(row: Row, data: Row, _: Inbound) -> Row:
    """Prices of this app are what is paid: no tax is added to a line that it makes."""
    if "invoice_id" in data:
        data["vat_rate"] = data["levy_rate"] = "0"
    if row.get("expense_category_id") is not None:
        data["expense_category"] = f"category {row['expense_category_id']}"
    return data


def _finish_line(document: Document, row: Row, _: Numbers) -> None:
    row["line_amount"] = _total(document)


LINES = Table(
    name="transaction_lines",
    kind="invoice_line",
    phase=5,
    columns=(
        link("transaction_id", "invoice_id", "transactions"),
        link("product_id", "product_id", "products"),
        extra("expense_category_id"),
        extra("party_id"),
        text("description"),
        quantity("quantity"),
        amount("unit_price"),
        stated("line_amount", "stated_amount"),
    ),
    shows=lambda document: not is_placeholder(document),
    complete=_complete_line,
    finish=_finish_line,
    required=("transaction_id",),
    has_company=False,
    references=("invoice_id", "product_id"),
)
