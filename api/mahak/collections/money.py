"""Banks, cash desks, receipts and payments with their cheques; and the guide's journal."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.view import Column, Known, Link, View, dated
from api.mahak.documents import Row
from api.mahak.values import read_amount, read_int, write_number
from domain.errors import InvalidField

BANK_GROUPS = Collection(
    name="bankGroups",
    entity="bankGroup",
    fields="bankGroupId:i, bankGroupClientId:l, bankGroupCode:i, name:s, comment:s, deleted:b, rowVersion:l",
    views=(View("bank_group", names={"name": "name", "comment": "notes"}),),
    guide=("bankGroups",),
)

BANKS = Collection(
    name="banks",
    entity="bank",
    fields="bankId:i, bankClientId:l, bankGroupId:i, bankCode:i, name:s, bankName:s, branch:s, accountNumber:s, cardNumber:s,"
    " shaba:s, description:s, deleted:b, rowVersion:l, bankGroupClientId:l, bankGroupCode:i",
    views=(
        View(
            "bank",
            names={
                "name": "name",
                "bankName": "bank_name",
                "branch": "branch",
                "accountNumber": "account_number",
                "cardNumber": "card_number",
                "shaba": "iban",
                "description": "notes",
            },
            links=(Link("bankGroup", ("group_id",), "bankGroups"),),
        ),
    ),
    guide=("banks",),
)

CASHES = Collection(
    name="cashes",
    entity="cash",
    fields="cashId:i, cashClientId:l, cashCode:i, name:s, mogodi:d, avalDore:d, voucherCode:i, detailUniqueCode:i, currCode:i,"
    " currRate:d, description:s, deleted:b, rowVersion:l",
    views=(View("cash", names={"name": "name", "avalDore": "opening_balance", "description": "notes"}),),
    guide=("cashes", "cash"),
)

# Receipts and payments ----------------------------------------------------------------------------


def _cash_amount(document: Document, _: Known) -> Any:
    """The part in cash; where another dialect did not say how it was paid, all of it."""
    data = document.data
    amount = data.get("cash_amount")
    return write_number(data["amount"] if amount is None and not (data.get("extra") or {}).get("cheques") else amount or "0")


def _cash_code(document: Document, known: Known) -> Any:
    data = document.data
    desk = known.records.get(data.get("cash_id", ""))
    code = (desk.data.get("code") if desk is not None else None) or (data.get("extra") or {}).get("cashCode")
    return int(code) if code is not None and str(code).lstrip("-").isdecimal() else None


def _guide_payment(document: Document, row: Row, _: Known) -> Row:
    data = document.data
    return {
        "customerId": row["personId"],
        "amount": write_number(data["amount"]),
        "invoiceId": row["orderId"] if data.get("invoice_id") else 0,
        "method": data.get("method"),
    }


ORDER_OF_PAYMENT = Link("order", ("invoice_id", "order_id"), "orders")
"""The order or the invoice that a receipt or a payment is on."""


def _payments(name: str, entity: str, direction: str) -> Collection:
    def complete(row: Row, data: Row, before: Row) -> Row:
        """The guide's have an amount and say nothing of cash: it is all in cash, but where there is a part in cash already."""
        if row.get("cashamount") is None and row.get("amount") is not None and not before:
            data["cash_amount"] = read_amount(row["amount"], ZoneInfo("UTC"), "amount")
        return data if before else {**data, "direction": direction}

    return Collection(
        name=name,
        entity=entity,
        fields=f"{entity}Id:i, {entity}ClientId:l, {entity}Code:i, personId:i, visitorId:i, cashAmount:d, cashCode:i,"
        " description:s, date:t, projectId:i, orderId:i, deleted:b, updateDate:t, rowVersion:l, orderClientId:l, orderCode:i,"
        " orderType:i, personClientId:l, personCode:i, trackingCode:s",
        views=(
            View(
                "payment",
                names={"description": "notes", "trackingCode": "reference"},
                columns=(
                    Column("cashAmount", "cash_amount", read_amount, derive=_cash_amount),
                    Column("cashCode", "extra.cashCode", read_int, derive=_cash_code),
                    dated("date", "date"),
                ),
                links=(
                    Link("person", ("party_id",), "people"),
                    Link("customer", ("party_id",), "people", entity="person"),
                    Link("visitor", ("seller_id",), "visitors"),
                    Link("project", ("project_id",), "projects"),
                    Link("invoice", ("invoice_id",), "invoices"),
                    ORDER_OF_PAYMENT,
                ),
                shows=lambda document: document.data["direction"] == direction,
                complete=complete,
                guide=_guide_payment,
                code="receipt_number",
            ),
        ),
        guide=(name,),
        said="customerId:i, customerClientId:l, amount:d, invoiceId:i, invoiceClientId:l, method:s",
    )


RECEIPTS = _payments("receipts", "receipt", "in")
PAYMENTS = _payments("payments", "payment", "out")
"""Money in and money out are payments of ours. The amount is the part in cash and its cheques."""

_CHEQUE, _SLIP = 1, 2


def _read_cheque_type(value: Any, zone: ZoneInfo, path: str) -> str:
    found = read_int(value, zone, path)
    if found not in (0, _CHEQUE, _SLIP):
        raise InvalidField("The type of a cheque is 1 (a cheque) or 2 (a transfer slip).", path=path)
    return "transfer_slip" if found == _SLIP else "cheque"


def _cheque_type(document: Document, _: Known) -> int:
    return _SLIP if document.data.get("type") == "transfer_slip" else _CHEQUE


def _cheques(name: str, entity: str, owner: str, owners: str, direction: str, more: str) -> Collection:
    return Collection(
        name=name,
        entity=entity,
        fields=f"{entity}Id:i, {entity}ClientId:l, {entity}Code:i, {owner}Id:i, bankId:i, number:s, bankName:s, branch:s,"
        f" amount:d,{more} date:t, type:i, description:s, deleted:b, rowVersion:l, {owner}ClientId:l, {owner}Code:i,"
        " bankClientId:l, bankCode:i",
        views=(
            View(
                "cheque",
                names={
                    "number": "cheque_number",
                    "bankName": "bank_name",
                    "branch": "branch",
                    "amount": "amount",
                    "accountNumber": "account_number",
                    "description": "notes",
                },
                columns=(dated("date", "date"), Column("type", "type", _read_cheque_type, derive=_cheque_type)),
                links=(Link(owner, ("payment_id",), owners), Link("bank", ("bank_id",), "banks")),
                shows=lambda document: document.data["direction"] == direction,
                complete=lambda _, data, before: data if before else {**data, "direction": direction},
            ),
        ),
        guide=(name,),
    )


CHEQUES = _cheques("cheques", "cheque", "receipt", "receipts", "in", "")
PAYMENT_CHEQUES = _cheques("paymentCheques", "paymentCheque", "payment", "payments", "out", " accountNumber:s,")

# The guide's journal ------------------------------------------------------------------------------

JOURNAL_ENTRIES = Collection(
    name="journalEntries",
    entity="journalEntry",
    fields="journalEntryId:i, journalEntryClientId:l, journalEntryCode:s, date:t, description:s, reference:s, notes:s,"
    " currency:s, status:s, deleted:b, rowVersion:l",
    views=(
        View(
            "journal_entry",
            names={"description": "description", "reference": "reference", "notes": "notes", "currency": "currency"},
            columns=(dated("date", "date"), Column("status", derive=lambda document, _: document.data.get("status"))),
            code="extra.journalEntryCode",
        ),
    ),
    asked="JournalEntry",
    guide=("journalEntries",),
    is_of_guide=True,
)

JOURNAL_ENTRY_LINES = Collection(
    name="journalEntryLines",
    entity="journalEntryLine",
    fields="journalEntryLineId:i, journalEntryLineClientId:l, journalEntryId:i, journalEntryClientId:l, accountCode:s, debit:d,"
    " credit:d, currency:s, personId:i, personClientId:l, description:s, rowId:i, deleted:b, rowVersion:l",
    views=(
        View(
            "journal_line",
            names={
                "accountCode": "account_code",
                "debit": "debit",
                "credit": "credit",
                "currency": "currency",
                "description": "description",
                "rowId": "position",
            },
            links=(Link("journalEntry", ("entry_id",), "journalEntries"), Link("person", ("party_id",), "people")),
            guide=lambda _, row, __: {"customerId": row["personId"]},
        ),
    ),
    asked="JournalEntryLine",
    guide=("journalEntryLines",),
    said="customerId:i",
    is_of_guide=True,
)
