"""Whatever is asked in whatever order: replaying what was emitted gives what deciding gave, and a refusal leaves no trace.

The examples' own machinery does the checking: every accepted request is replayed into the company's books and compared record by
record, every refused one is compared with the books before it (`tests.domain.spec`).
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.command import Command
from domain.errors import LedgerError
from domain.decide import decide
from domain.kinds.settlement import status_now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.domain.spec import COMPANY_ID, A, B, Spec, command, contents, uid

IDS = st.integers(1, 9).map(uid)
QUANTITIES = st.sampled_from(["1", "2.5", "0.333", "7", "0", "100000000000000"])
AMOUNTS = st.sampled_from(["1", "0.05", "12.345", "19.99", "1000", "0", "-3"])
SMALL = st.sampled_from(["a", "b", "c"])


def reference() -> st.SearchStrategy[Any]:
    return st.one_of(
        IDS.map(str), st.integers(1, 4).map(lambda number: {"number": number}), SMALL.map(lambda name: {"client_id": name})
    )


def documents(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


LINE = documents(
    product_id=reference(), quantity=QUANTITIES, unit_price=AMOUNTS, vat_rate=st.sampled_from(["0", "7.5", "20"]), discount=AMOUNTS
)
DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "party": documents(name=SMALL, roles=st.sampled_from([["customer"], ["supplier"], ["customer", "supplier"]])),
    "product": documents(name=SMALL, sku=SMALL, price=AMOUNTS, vat_rate=st.just("10"), is_active=st.booleans()),
    "invoice": documents(
        type=st.sampled_from(["sales", "purchase", "sales_return"]),
        party_id=reference(),
        invoice_number=SMALL,
        discount=AMOUNTS,
        due_date=st.sampled_from(["2026-03-01", "2026-12-01"]),
        moves_stock=st.booleans(),
        require_stock=st.booleans(),
        lines=st.lists(LINE, max_size=3),
    ),
    "invoice_line": st.builds(lambda line, owner: {**line, "invoice_id": owner}, LINE, reference()),
    "order": documents(type=st.just("sales"), order_number=SMALL, lines=st.lists(LINE, max_size=2)),
    "order_line": st.builds(lambda line, owner: {**line, "order_id": owner}, LINE, reference()),
    "payment": documents(amount=AMOUNTS, invoice_id=st.none() | reference(), currency=st.sampled_from(["USD", "EUR", "JPY"])),
    "cheque": documents(amount=AMOUNTS, payment_id=reference()),
    "stock_movement": documents(product_id=reference(), quantity=AMOUNTS, require_stock=st.booleans()),
    "journal_entry": documents(
        post_now=st.booleans(),
        lines=st.lists(documents(account_code=SMALL, debit=AMOUNTS, credit=AMOUNTS), max_size=2),
    ),
    "settings": documents(name=SMALL, value=st.just({}) | st.just({"a": 1})),
    "dispute": st.builds(
        lambda kind, about: {"record_kind": kind, "record_id": about, "reason": "r"},
        st.sampled_from(["invoice", "order", "payment"]),
        reference(),
    ),
}


@st.composite
def commands(draw: st.DrawFn) -> Command:
    kind = draw(st.sampled_from(sorted(DATA)))
    action = draw(st.sampled_from(["create", "create", "create", "update", "update", "delete"]))
    data = None if action == "delete" else draw(DATA[kind])
    if action == "update":
        data = {name: value for name, value in (data or {}).items() if name not in CATALOGUE[kind].fixed | {"lines"}}
    named: dict[str, Any] = draw(
        st.one_of(
            IDS.map(lambda i: {"id": i}),
            st.integers(1, 4).map(lambda n: {"number": n}),
            SMALL.map(lambda name: {"client_id": name}),
        )
    )
    if action != "create":
        named["base_seq"] = draw(st.none() | st.integers(0, 60))
    return command(f"{kind}.{action}", data, **named)


def totals_agree(spec: Spec) -> None:
    """Every invoice's sums are its lines', what is paid its payments', its status what follows; stock is its movements."""
    for invoice in spec.all("invoice"):
        data = invoice.data
        lines = [line.data for line in spec.all("invoice_line") if line.data["invoice_id"] == str(invoice.id)]
        costs = -Decimal(data.get("discount", 0))
        assert Decimal(data["net"]) == sum((Decimal(line["net"]) for line in lines), costs)
        assert Decimal(data["vat"]) == sum((Decimal(line["vat"]) for line in lines), Decimal(0))
        assert Decimal(data["total"]) == Decimal(data["net"]) + Decimal(data["vat"])
        paid = [p.data for p in spec.all("payment") if p.data.get("invoice_id") == str(invoice.id)]
        assert Decimal(data["paid"]) == sum((Decimal(p["amount"]) for p in paid), Decimal(0))
        assert {p["currency"] for p in paid} <= {data["currency"]}
        assert spec.decision is not None
        assert data["status"] == status_now(spec.decision, data)
    levels: dict[Any, Decimal] = defaultdict(Decimal)
    for movement in spec.all("stock_movement"):
        levels[movement.data["product_id"]] += Decimal(movement.data["quantity"])
    for (product, _), level in spec.warm.stock.items():
        assert level == levels[str(product)]
    for entry in spec.all("journal_entry"):
        if entry.data["status"] == "posted":
            lines = [line.data for line in spec.all("journal_line") if line.data["entry_id"] == str(entry.id)]
            assert lines
            assert sum(Decimal(line["debit"]) - Decimal(line["credit"]) for line in lines) == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(commands(), st.sampled_from([A, B])), min_size=1, max_size=25))
def test_replaying_gives_what_deciding_gave(asked: list[tuple[Command, Any]]) -> None:
    spec = Spec()
    for each, actor in asked:
        spec.when(each, by=actor)
    totals_agree(spec)
    replayed = Books(COMPANY_ID, undoable=False)
    for event in spec.log:
        replayed.apply(event, CATALOGUE[event.kind], fields_of(event))
    assert contents(replayed) == contents(spec.warm)
    assert [event.seq for event in spec.log] == list(range(1, len(spec.log) + 1))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(commands(), min_size=1, max_size=12), st.lists(commands(), min_size=1, max_size=6))
def test_rolling_back_leaves_the_books_as_they_were(done: list[Command], undone: list[Command]) -> None:
    spec = Spec()
    for each in done:
        spec.when(each)
    spec.when(*done[:1])
    decision = spec.decision
    assert decision is not None
    books = decision.books
    for record in spec.warm.records.values():
        if record.id not in books.records:
            books.add(record, CATALOGUE[record.kind])
    books.histories.update({record: [e for e in spec.log if e.record_id == record] for record in books.records})
    decision.events.clear()
    before, mark = contents(books), books.mark()
    changes = (dict(books.touched), dict(books.new_clients), dict(books.claims), dict(books.released), dict(books.moved_stock))
    for each in undone:
        try:
            decide(decision, each)
        except LedgerError:
            continue
    books.rollback(mark)
    assert contents(books) == before
    assert (books.touched, books.new_clients, books.claims, books.released, books.moved_stock) == changes
