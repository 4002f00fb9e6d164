"""Where money is and went: payment accounts, payments in and out with their parts, the chart of accounts and its entries."""

from __future__ import annotations

from api.matrix.columns import Inbound, amount, choice, day, decimal_of, extra, flag, link, stated, text
from api.matrix.documents import Document, Numbers, Row
from api.matrix.tables.table import Table
from api.matrix.tables.trade import is_transaction

PAYMENT_ACCOUNTS = Table(
    name="payment_accounts",
    kind="payment_account",
    phase=2,
    columns=(
        choice("account_type", "type", {"cash": "cash", "bank": "bank"}),
        text("account_name", "name"),
        text("bank_name"),
        text("account_number"),
        text("ifsc_code", "routing_code"),
        text("icon"),
        flag("is_active", default=True),
        flag("is_default", default=False),
    ),
    required=("account_type", "account_name"),
)


def _payments(name: str, direction: str, number: str, dated: str) -> Table:
    def complete(_: Row, data: Row, __: Inbound) -> Row:
        return {**data, "direction": direction}

    def finish(document: Document, row: Row, numbers: Numbers) -> None:
        row["created_by_user_id"] = numbers.get(document.created_by or "")

    return Table(
        name=name,
        kind="payment",
        phase=4,
        columns=(
            text(number, "receipt_number"),
            day(dated, "date"),
            link("party_id", "party_id", "parties"),
            link("invoice_id", "invoice_id", "invoices"),
            amount("total_amount", "amount"),
            text("description", "notes"),
            text("attachment_path", "attachment"),
        ),
        shows=lambda document: document.data["direction"] == direction and not is_transaction(document),
        complete=complete,
        finish=finish,
        required=("total_amount",),
        has_author=True,
        references=("party_id", "invoice_id"),
    )


PAYMENT_INS = _payments("payment_ins", "in", "receipt_no", "receipt_date")
PAYMENT_OUTS = _payments("payment_outs", "out", "voucher_no", "voucher_date")


def _parts(name: str, owner: str, owners: str) -> Table:
    def complete(_: Row, data: Row, __: Inbound) -> Row:
        return {**data, "extra": {"table": name}}

    return Table(
        name=name,
        kind="payment_split",
        phase=5,
        columns=(
            link(owner, "payment_id", owners),
            link("payment_account_id", "payment_account_id", "payment_accounts"),
            amount("amount"),
            text("reference_no", "reference"),
        ),
        shows=lambda document: (document.data.get("extra") or {}).get("table", "payment_in_lines") == name,
        complete=complete,
        required=(owner, "amount"),
        has_company=False,
        references=("payment_id", "payment_account_id"),
    )


PAYMENT_IN_LINES = _parts("payment_in_lines", "payment_in_id", "payment_ins")
PAYMENT_OUT_LINES = _parts("payment_out_lines", "payment_out_id", "payment_outs")

_TYPES = {name: name for name in ("asset", "liability", "equity", "revenue", "expense")}


def _finish_account(document: Document, row: Row, _: Numbers) -> None:
    """The balance is the reports' to tell, as of a day; here it would be out of date with the next posting."""
    row["is_system"] = bool(document.data.get("is_system"))
    row["current_balance"] = None


ACCOUNTS = Table(
    name="accounts",
    kind="account",
    phase=1,
    columns=(
        text("name"),
        text("code"),
        choice("account_type", "type", _TYPES),
        link("parent_account_id", "parent_id", "accounts"),
        text("description"),
        amount("opening_balance", default="0.00"),
        flag("is_active", default=True),
    ),
    more_columns=frozenset({"current_balance", "is_system"}),
    finish=_finish_account,
    required=("name", "code", "account_type"),
    references=("parent_id",),
)

BY_HAND = "journalEntry"
"""The one type of account transactions that the ledger does not make itself: the others are the app's own postings of sales and
payments, which our invoices and payments post already. They are kept as drafts, so that nothing counts twice."""


def entry_of(row: Row) -> tuple[str, str]:
    """What an account transaction belongs to: its type, and what it refers to."""
    return str(row.get("transaction_type") or BY_HAND), str(row.get("reference_id") or row.get("reference_no") or "")


def _complete_line(row: Row, data: Row, _: Inbound) -> Row:
    for side in ("debit", "credit"):
        if row.get(side) is not None:
            data[side] = str(decimal_of(row[side], f"data.{side}"))
    return data


def account_key(code: str) -> str:
    """What names an account by its code among the numbers that rows are written with."""
    return f"account {code}"


def _finish_line(document: Document, row: Row, numbers: Numbers) -> None:
    row["account_id"] = numbers.get(account_key(document.data["account_code"]))


ACCOUNT_TRANSACTIONS = Table(
    name="account_transactions",
    kind="journal_line",
    phase=6,
    columns=(
        extra("transaction_type"),
        extra("reference_id"),
        extra("transaction_date"),
        amount("debit", default="0.00"),
        amount("credit", default="0.00"),
        stated("running_balance"),
        text("description"),
        extra("reference_no"),
        link("party_id", "party_id", "parties"),
    ),
    complete=_complete_line,
    finish=_finish_line,
    required=("account_id",),
    more_columns=frozenset({"account_id"}),
    references=("party_id", "entry_id"),
)
"""`account_id` is translated where the chart is known: lines name accounts by their codes."""
