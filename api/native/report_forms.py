"""What reports take and answer: the Structs that queries are decoded with and that the OpenAPI document is made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Amount = Annotated[str, Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="A decimal number as a text.")]

# Queries ---------------------------------------------------------------------------------------------


class AsOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """As of which point of the log, and in which form."""

    at_seq: Annotated[int, Meta(ge=0, le=2**62, description="The books as they were after this event. Default: now.")] | None = None
    at: Annotated[datetime, Meta(tz=True, description="The same by a time with its zone, as 2026-03-21T08:30:00Z.")] | None = None
    format: Annotated[Literal["json", "csv"], Meta(description="The same as `Accept`, which it overrules.")] | None = None


class AtDay(AsOf, frozen=True, kw_only=True):
    """At the end of which day."""

    to: Annotated[date, Meta(description="The last day that counts.")] | None = None
    by: Annotated[
        Literal["posted_on", "dated"],
        Meta(
            description="Which day of a line counts: that of its posting, or the fact's own; they differ where books were closed."
        ),
    ] = "posted_on"


class Between(AtDay, frozen=True, kw_only=True):
    """Between which days, both inclusive."""

    from_: Annotated[date, Meta(description="The first day that counts.")] | None = None


class Paged(Between, frozen=True, kw_only=True):
    """Which page of the lines."""

    limit: Annotated[int, Meta(ge=1, le=10_000, description="Lines of a page. Default: 1,000; as CSV, all of them.")] | None = None
    cursor: Annotated[str, Meta(description="`cursor` of the page before.", max_length=100)] | None = None


class LedgerQuery(Paged, frozen=True, kw_only=True):
    """An account, with or without its parts."""

    parts: Annotated[bool, Meta(description="Also what was posted to its parts, as `6000:rent`.")] = False


class AgedQuery(AtDay, frozen=True, kw_only=True):
    """The day of the ages (today, without one), and whose documents."""

    party: Annotated[str, Meta(description="Only this party's: its id or number.", max_length=100)] | None = None
    document: Annotated[UUID, Meta(description="Only this document: an invoice, or whatever opened the amount.")] | None = None
    documents: Annotated[bool, Meta(description="Whether documents are listed beside parties.")] = True


class StockQuery(AsOf, frozen=True, kw_only=True):
    """Between which days of the movements."""

    from_: Annotated[date, Meta(description="The first day that counts.")] | None = None
    to: Annotated[date, Meta(description="The last day that counts.")] | None = None


# Answers ---------------------------------------------------------------------------------------------


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """`opening` + `debit` - `credit` = `closing`; above zero is a debit. Without dates, debit or credit is the balance."""

    currency: str
    opening: Amount
    debit: Amount
    credit: Amount
    closing: Amount


class AccountAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """An account's amounts in one currency."""

    account: str
    name: str
    type: str
    currency: str
    opening: Amount
    debit: Amount
    credit: Amount
    closing: Amount


class AsOfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`seq`: the books are those after this event."""

    seq: int


class AtDayAnswer(AsOfAnswer, frozen=True, kw_only=True):
    """And what was asked for."""

    to: date | None
    by: str


class BetweenAnswer(AsOfAnswer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """And what was asked for."""

    from_: date | None
    to: date | None
    by: str


class TrialBalance(BetweenAnswer, frozen=True, kw_only=True):
    """Every account that was posted to, by code and currency."""

    accounts: list[AccountAmounts]
    totals: list[Amounts]


class LedgerLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the record `record_id` posted with the event `seq`; `balance` is the running one in `currency`."""

    seq: int
    line: int
    posted_on: date
    dated: date
    account: str
    kind: str
    record_id: UUID
    number: int | None
    party_id: UUID | None
    party: str | None
    document_id: UUID | None
    due: date | None
    reverses: int | None
    currency: str
    debit: Amount
    credit: Amount
    balance: Amount


class GeneralLedger(BetweenAnswer, frozen=True, kw_only=True):
    """Lines in the order of days; `balances` are of the whole period. `cursor` asks for the next page, null at the end."""

    account: str
    name: str
    lines: list[LedgerLine]
    balances: list[Amounts]
    cursor: str | None


class PartyAccount(Amounts, frozen=True, kw_only=True):
    """What a party has on an account."""

    account: str
    name: str


class PartyBalance(BetweenAnswer, frozen=True, kw_only=True):
    """Above zero the party owes us. In all, and by account."""

    party_id: UUID
    party: str | None
    balances: list[Amounts]
    accounts: list[PartyAccount]


class PartyStatement(PartyBalance, frozen=True, kw_only=True):
    """A party's lines in the order of days. `cursor` asks for the next page, null at the end."""

    lines: list[LedgerLine]
    cursor: str | None


class Buckets(msgspec.Struct, frozen=True, kw_only=True):
    """What is open by days after the due day, or else after the document's."""

    currency: str
    not_due: Amount
    days_1_30: Amount
    days_31_60: Amount
    days_61_90: Amount
    days_over_90: Amount
    open: Amount


class AgedTotals(Buckets, frozen=True, kw_only=True):
    """`credit` is what was paid and allocated to nothing; `net` is open less credit."""

    credit: Amount
    net: Amount


class AgedParty(AgedTotals, frozen=True, kw_only=True):
    """A party's; null stands for what names no party."""

    party_id: UUID | None
    party: str | None


class AgedDocument(Buckets, frozen=True, kw_only=True):
    """What is open on one document."""

    party_id: UUID | None
    party: str | None
    document_id: UUID
    kind: str | None
    number: int | None
    invoice_number: str | None
    dated: date
    due: date | None
    days_overdue: int


class Aged(AtDayAnswer, frozen=True, kw_only=True):
    """`day` is the day of the ages."""

    day: date
    parties: list[AgedParty]
    totals: list[AgedTotals]
    documents: list[AgedDocument] | msgspec.UnsetType = msgspec.UNSET


class TypedAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An account's amount, above zero on the own side of its type."""

    type: str
    account: str
    name: str
    currency: str
    amount: Amount


class IncomeTotals(msgspec.Struct, frozen=True, kw_only=True):
    """`net` is revenue less expense."""

    currency: str
    revenue: Amount
    expense: Amount
    net: Amount


class IncomeAndExpense(BetweenAnswer, frozen=True, kw_only=True):
    """Revenue first, then expense."""

    accounts: list[TypedAmount]
    totals: list[IncomeTotals]


class SheetTotals(msgspec.Struct, frozen=True, kw_only=True):
    """`assets` equal `liabilities_and_equity`, of which `earnings` is what was earned and not yet moved to equity."""

    currency: str
    assets: Amount
    liabilities: Amount
    equity: Amount
    earnings: Amount
    liabilities_and_equity: Amount


class BalanceSheet(AtDayAnswer, frozen=True, kw_only=True):
    """Assets, liabilities and equity."""

    accounts: list[TypedAmount]
    totals: list[SheetTotals]


class ListedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account; `balance`, debits less credits, per currency, and null where nothing was posted."""

    account: str
    name: str
    type: str
    closed: bool
    currency: str | None
    balance: Amount | None


class Accounts(AtDayAnswer, frozen=True, kw_only=True):
    """The chart of accounts."""

    accounts: list[ListedAccount]


class VatRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate's base and taxes: `output` of sales, `input` of purchases; returns are taken off."""

    direction: str
    vat_rate: Amount
    levy_rate: Amount
    currency: str
    net: Amount
    vat: Amount
    levy: Amount


class VatTotals(msgspec.Struct, frozen=True, kw_only=True):
    """`payable` is output less input, VAT and levy."""

    currency: str
    output_net: Amount
    output_vat: Amount
    output_levy: Amount
    input_net: Amount
    input_vat: Amount
    input_levy: Amount
    payable: Amount


class VatSummary(BetweenAnswer, frozen=True, kw_only=True):
    """VAT by rate."""

    rates: list[VatRate]
    totals: list[VatTotals]


class StockProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product; the last six are null without dates."""

    product_id: UUID
    number: int | None
    product: str | None
    sku: str | None
    quantity: Amount
    average_cost: Amount | None
    currency: str
    value: Amount
    opening_quantity: Amount | None
    opening_value: Amount | None
    quantity_in: Amount | None
    value_in: Amount | None
    quantity_out: Amount | None
    value_out: Amount | None


class StockTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The value of all stock."""

    currency: str
    value: Amount


class StockValue(AsOfAnswer, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Stock at weighted moving average cost."""

    from_: date | None
    to: date | None
    products: list[StockProduct]
    totals: list[StockTotal]
