"""Rows that follow from records of other collections: who may see what, where nobody said so, and a person's ledger.

A visitor app shows the people, goods, banks and cash desks that are linked to its visitor. A visitor to whom nobody has assigned
any of a kind is linked to all of them: each of these records has a row that is a link of whoever asks. Which links a visitor gets,
these or those that were assigned, `api.mahak.visiting` says.

A person's transactions are what the ledger's documents say that they owe or are owed. These rows cannot be written to: what
clients send is kept as rows of its own, beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from api.documents import Document
from api.mahak.collections.collection import Collection
from api.mahak.collections.custom import CUSTOM
from api.mahak.collections.goods import PRICES
from api.mahak.collections.plan import Plan
from api.mahak.collections.trade import order_type
from api.mahak.collections.view import BASE, Column, Known, Link, View, is_custom, itself
from api.mahak.documents import server_time
from api.mahak.values import write_number

ANY_VISITOR = -(2**31)
"""The visitor in a link of whoever asks, until it is sent: no visitor has this id."""
OWN_DETAILS = BASE + BASE // 2
"""Added to the number of a product that is its own detail, in the id of its link."""

_COLLECTIONS: Mapping[str, Collection] = {collection.name: collection for collection in CUSTOM}


def _link(prefix: str, collection: str, entity: str = "") -> Link:
    return Link(prefix, (), collection, entity=entity, find=itself)


def _of_whoever_asks(*more: Column) -> tuple[Column, ...]:
    return (Column("visitorId", derive=lambda _, __: ANY_VISITOR), *more)


# Links --------------------------------------------------------------------------------------------


def _price_of_detail(detail: Document, _: Known) -> Any:
    """The price at the detail's own level, as the detail's row has it."""
    prices = detail.data.get("prices") or ()
    level = detail.data.get("default_price_level") or 1
    if 0 < level <= PRICES and level <= len(prices):
        return write_number(prices[level - 1])
    return write_number(prices[0]) if prices else None


def _price_of_product(product: Document, _: Known) -> Any:
    price = product.data.get("price")
    return write_number(price) if price is not None else None


_DETAIL = _link("productDetail", "productDetails")

_LINKS: tuple[tuple[str, View], ...] = (
    ("visitorPeople", View("party", columns=_of_whoever_asks(), links=(_link("person", "people"),), base=BASE)),
    ("visitorBanks", View("bank", columns=_of_whoever_asks(), links=(_link("bank", "banks"),), base=BASE)),
    ("visitorCashes", View("cash", columns=_of_whoever_asks(), links=(_link("cash", "cashes"),), base=BASE)),
    *(
        (
            name,
            View(
                "custom_record",
                columns=_of_whoever_asks(),
                links=(_link(prefix, collection),),
                shows=is_custom(collection),
                base=BASE,
            ),
        )
        for name, prefix, collection in (("visitorIncomes", "income", "incomes"), ("visitorExpenses", "expense", "expenses"))
    ),
    (
        "visitorProducts",
        View("product_detail", columns=_of_whoever_asks(Column("price", derive=_price_of_detail)), links=(_DETAIL,), base=BASE),
    ),
    (
        "visitorProducts",
        View("product", columns=_of_whoever_asks(Column("price", derive=_price_of_product)), links=(_DETAIL,), base=OWN_DETAILS),
    ),
)

LINKED = frozenset(name for name, _ in _LINKS)
"""The collections that say what a visitor may see."""

# A person's transactions --------------------------------------------------------------------------

BROUGHT_FORWARD, RECEIPT, PAYMENT, RECEIVED_CHEQUE, PAID_CHEQUE = 1, 206, 207, 208, 209
DEBTOR, CREDITOR = 1, 2
_DISHONOURED = frozenset({"bounced", "cancelled"})
_NUMBERS_MOST = 200_000_000
"""Ids of transactions: the numbers of each kind of document have so many for themselves, above the rows of clients."""


def _invoice_owes(invoice: Document) -> bool:
    """Whether the party owes it: a sale, or what we gave back to a supplier; one below nothing the other way round."""
    is_owed, total = invoice.data["type"] in ("sales", "purchase_return"), str(invoice.data.get("total", ""))
    return is_owed != total.startswith("-")


def _pays_out(document: Document) -> bool:
    """Money that we paid to a party is owed by it; what it paid is its credit."""
    return bool(document.data["direction"] == "out")


def _came_back(cheque: Document) -> bool:
    """A cheque that was not honoured takes back what it paid: the party owes what it wrote, and is owed what we did."""
    return bool(cheque.data["direction"] == "in")


def _owes_at_first(party: Document) -> bool:
    return Decimal(party.data.get("opening_balance") or 0) > 0


def _size(amount: str | None) -> Any:
    return write_number(amount.lstrip("-")) if amount is not None else None


def _sides(amount: str, owes: Any) -> tuple[Column, ...]:
    """The amount on its side, which is also what the row's status tells; `amount` is our field of it."""

    def debt(document: Document, _: Known) -> Any:
        return _size(document.data.get(amount)) if owes(document) else None

    def credit(document: Document, _: Known) -> Any:
        return None if owes(document) else _size(document.data.get(amount))

    return (
        Column("debtAmount", derive=debt),
        Column("creditAmount", derive=credit),
        Column("status", derive=lambda document, _: DEBTOR if owes(document) else CREDITOR),
    )


def _has_party(document: Document) -> bool:
    return document.data.get("party_id") is not None


def _type(derive: Any) -> Column:
    return Column("type", derive=lambda document, _: derive(document))


def _day(name: str) -> Column:
    return Column("date", derive=lambda document, _: f"{document.data[name]}T00:00:00" if document.data.get(name) else None)


def _described(number: str) -> Column:
    def derive(document: Document, _: Known) -> Any:
        return document.data.get("notes") or document.data.get(number)

    return Column("description", derive=derive)


def _was_returned(cheque: Document) -> bool:
    data = cheque.data
    is_slip = data.get("type") == "transfer_slip"
    return _has_party(cheque) and data.get("payment_id") is not None and data["status"] in _DISHONOURED and not is_slip


def _has_opening(party: Document) -> bool:
    return bool(Decimal(party.data.get("opening_balance") or 0))


_PARTY = Link("person", ("party_id",), "people")

_TRANSACTIONS: tuple[View, ...] = (
    View(
        "invoice",
        columns=(_type(order_type), *_sides("total", _invoice_owes), _day("issue_date"), _described("invoice_number")),
        links=(_PARTY,),
        shows=_has_party,
        code="",
        base=BASE,
    ),
    View(
        "payment",
        columns=(
            _type(lambda payment: PAYMENT if _pays_out(payment) else RECEIPT),
            *_sides("amount", _pays_out),
            _day("date"),
            _described("receipt_number"),
        ),
        links=(_PARTY,),
        shows=_has_party,
        code="",
        base=BASE + _NUMBERS_MOST,
    ),
    View(
        "cheque",
        columns=(
            _type(lambda cheque: RECEIVED_CHEQUE if _came_back(cheque) else PAID_CHEQUE),
            *_sides("amount", _came_back),
            _day("date"),
            _described("cheque_number"),
        ),
        links=(_PARTY,),
        shows=_was_returned,
        code="",
        base=BASE + 2 * _NUMBERS_MOST,
    ),
    View(
        "party",
        columns=(
            _type(lambda _: BROUGHT_FORWARD),
            *_sides("opening_balance", _owes_at_first),
            Column("date", derive=lambda party, _: server_time(party.created_at)[:10] + "T00:00:00"),
        ),
        links=(_link("person", "people"),),
        shows=_has_opening,
        code="",
        base=BASE + 3 * _NUMBERS_MOST,
    ),
)
"""As the books have it: a payment is one row with the cheques that are part of it, and a cheque is a row of its own once it came
back. What a party owes by its expenses and journal entries is no row, and a row's balance is not told: it would change with every
row dated before it."""

# By kind ------------------------------------------------------------------------------------------


def _plans() -> Iterable[Plan]:
    for name, view in (*_LINKS, *(("transactions", view) for view in _TRANSACTIONS)):
        yield Plan(_COLLECTIONS[name], view)


_ALL = tuple(_plans())
IMPLIED: Mapping[str, tuple[Plan, ...]] = {
    kind: tuple(plan for plan in _ALL if plan.kind == kind) for kind in {p.kind for p in _ALL}
}
"""What a record of a kind is a row of, beside its own collections."""
