"""Whatever is asked in whatever order: replaying what was emitted gives what deciding gave, and a refusal leaves no trace.

The examples' own machinery does the checking: every accepted request is replayed into the company's books and compared
record by record, every refused one is compared with the books before it (`tests.domain.spec`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.books import Books
from domain.catalogue import CATALOGUE, fields_of
from domain.command import Command
from domain.decide import decide
from domain.decision import Decision
from domain.errors import LedgerError
from domain.kinds.settlement import status_now
from tests.domain.spec import COMPANY_ID, A, B, Spec, command, contents

QUANTITIES = st.sampled_from(["1", "2.5", "0.333", "7", "1", "3", "0"])
AMOUNTS = st.sampled_from(["1", "0.05", "12.34", "19.99", "1000", "7", "3.5", "-3", "0.001"])
SMALL = st.sampled_from(["a", "b", "c"])
WORDS = st.sampled_from(["ant", "bee", "cat", "dog", "eel", "fox", "gnu"])
LIKELY = st.sampled_from([True, True, True, False])


def reference(draw: st.DrawFn, spec: Spec, kind: str) -> dict[str, Any]:
    """Most often a record that was made, living or deleted; sometimes none."""
    if draw(st.integers(0, 9)) == 0:
        return {"client_id": draw(SMALL)}
    return {"number": draw(st.integers(1, max(1, spec.warm.numbers.get(kind, 0))))}


def line(draw: st.DrawFn, spec: Spec) -> dict[str, Any]:
    """A line of a product or of free text."""
    made: dict[str, Any] = {"quantity": draw(QUANTITIES), "description": "x", "vat_rate": draw(st.sampled_from(["0", "7.5"]))}
    if draw(st.booleans()):
        made["product_id"] = reference(draw, spec, "product")
    else:
        made["unit_price"] = draw(AMOUNTS)
    if draw(st.integers(0, 4)) == 0:
        made["discount"] = "0.05"
    return made


def data_of(draw: st.DrawFn, spec: Spec, kind: str) -> dict[str, Any]:
    """What a create command of the kind says: mostly right, now and then wrong."""
    lines = [line(draw, spec) for _ in range(draw(st.integers(0, 2)))]
    match kind:
        case "party":
            return {"name": draw(WORDS), "roles": draw(st.sampled_from([["customer"], ["customer", "supplier"]]))}
        case "product":
            return {"name": draw(WORDS), "sku": draw(WORDS), "price": draw(AMOUNTS), "is_active": draw(LIKELY)}
        case "invoice":
            made: dict[str, Any] = {
                "type": draw(st.sampled_from(["sales", "sales", "purchase", "sales_return"])),
                "moves_stock": draw(st.booleans()),
                "due_date": draw(st.sampled_from(["2026-03-01", "2026-12-01"])),
                "require_stock": draw(st.integers(0, 9)) == 0,
                "lines": lines,
            }
            if draw(st.booleans()):
                made |= {"party_id": reference(draw, spec, "party"), "invoice_number": draw(WORDS), "discount": "0.01"}
            return made
        case "invoice_line":
            return {**line(draw, spec), "invoice_id": reference(draw, spec, "invoice")}
        case "order":
            return {"type": "sales", "order_number": draw(WORDS), "lines": lines}
        case "order_line":
            return {**line(draw, spec), "order_id": reference(draw, spec, "order")}
        case "payment":
            made = {"amount": draw(AMOUNTS), "currency": draw(st.sampled_from(["USD", "USD", "USD", "EUR"]))}
            return made | ({"invoice_id": reference(draw, spec, "invoice")} if draw(LIKELY) else {})
        case "cheque":
            return {"amount": draw(AMOUNTS), "payment_id": reference(draw, spec, "payment")}
        case "stock_movement":
            return {"product_id": reference(draw, spec, "product"), "quantity": draw(AMOUNTS)}
        case "journal_entry":
            amount = draw(AMOUNTS)
            sides = [{"account_code": "1", "debit": amount}, {"account_code": "2", "credit": amount}]
            return {"post_now": draw(st.booleans()), "lines": sides[: draw(st.integers(0, 2))]}
        case "settings":
            return {"name": draw(WORDS), "value": {"a": draw(st.integers(0, 2))}}
        case _:
            about = draw(st.sampled_from(["invoice", "order", "payment"]))
            return {"record_kind": about, "record_id": reference(draw, spec, about), "reason": "r"}


MODEL = (
    "party", "product", "product", "invoice", "invoice", "invoice_line", "order", "order_line", "payment", "payment", "cheque",
    "stock_movement", "journal_entry", "settings", "dispute",
)  # fmt: skip
ACTIONS = {"journal_entry": ("post", {}), "dispute": ("resolve", {"resolution": "r", "correction": {}})}


def ask(draw: st.DrawFn, spec: Spec) -> Command:
    """Any command about what there is by now."""
    kind = draw(st.sampled_from(MODEL))
    count = spec.warm.numbers.get(kind, 0)
    if count == 0 or draw(st.integers(0, 2)) == 0:
        client = {"client_id": draw(SMALL)} if draw(st.integers(0, 4)) == 0 else {}
        return command(f"{kind}.create", data_of(draw, spec, kind), **client)
    named: dict[str, Any] = {"number": draw(st.integers(1, count))}
    if draw(st.booleans()):
        named["base_seq"] = draw(st.integers(max(0, spec.warm.seq - 12), spec.warm.seq))
    which = draw(st.integers(0, 5))
    if which == 0:
        return command(f"{kind}.delete", **named)
    if which == 1 and kind in ACTIONS:
        return command(f"{kind}.{ACTIONS[kind][0]}", ACTIONS[kind][1], **named)
    able = CATALOGUE[kind].changes.__struct_fields__
    fixed = CATALOGUE[kind].fixed
    data = {name: value for name, value in data_of(draw, spec, kind).items() if name in able and name not in fixed}
    kept = draw(st.integers(0, 3))
    return command(f"{kind}.update", dict(list(data.items())[kept:] or data.items()), **named)


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


ITEM = {"description": "x", "unit_price": "10", "vat_rate": "10"}
SEED = (
    command("party.create", {"name": "P", "roles": ["customer", "supplier"]}),
    command("product.create", {"name": "T", "price": "2", "sku": "seed"}),
    command("invoice.create", {"type": "sales", "moves_stock": True, "lines": [{"product_id": {"number": 1}}, ITEM]}),
    command("order.create", {"type": "sales", "lines": [ITEM]}),
    command("payment.create", {"amount": "5", "invoice_id": {"number": 1}}),
)
RUNS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(RUNS, max_examples=100)
@given(st.data())
def test_replaying_gives_what_deciding_gave(data: st.DataObject) -> None:
    spec = Spec().given(*SEED)
    for _ in range(30):
        spec.when(ask(data.draw, spec), by=data.draw(st.sampled_from([A, B])))
    totals_agree(spec)
    replayed = Books(COMPANY_ID, undoable=False)
    for event in spec.log:
        replayed.apply(event, CATALOGUE[event.kind], fields_of(event))
    assert contents(replayed) == contents(spec.warm)
    assert [event.seq for event in spec.log] == list(range(1, len(spec.log) + 1))


@settings(RUNS, max_examples=50)
@given(st.data())
def test_rolling_back_leaves_the_books_as_they_were(data: st.DataObject) -> None:
    spec = Spec().given(*SEED)
    for _ in range(15):
        spec.when(ask(data.draw, spec))
    books = Books(COMPANY_ID)
    for event in spec.log:
        books.apply(event, CATALOGUE[event.kind], fields_of(event))
        books.histories.setdefault(event.record_id, []).append(event)
    decision = Decision(CATALOGUE, books, B, spec.now + timedelta(seconds=1), spec.new_id, fields_of)
    before, mark = contents(books), books.mark()
    changes = {name: dict(getattr(books, name)) for name in ("touched", "new_clients", "claims", "released", "moved_stock")}
    for _ in range(8):
        try:
            decide(decision, ask(data.draw, spec))
        except LedgerError:
            continue
    books.rollback(mark)
    assert contents(books) == before
    assert {name: getattr(books, name) for name in changes} == changes
