"""Products whose stock has moved since a seq: each once, with what there is now, and found by an index."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

from bookkeeping import create, register, wish

from domain.command import Actor
from infra.ledger import Ledger
from infra.stock_moves import Moved, products_moved, stock_of
from infra.store.postgres import PostgresStore

EVERYTHING = 2**40


def test_what_moved_since(postgres_store: PostgresStore) -> None:
    ledger = Ledger(postgres_store)
    company, shop = register(ledger), uuid4()
    tea, milk, sugar = (create(ledger, company, "product", name=name) for name in ("Tea", "Milk", "Sugar"))
    begun = ledger.store.head(company).seq

    def move(product: UUID, quantity: str, store: UUID | None = None) -> UUID:
        return create(ledger, company, "stock_movement", product_id=product, quantity=quantity, store_id=store)

    def moved(after: int, until: int = EVERYTHING) -> list[Moved]:
        with postgres_store.database.company(company) as connection:
            return products_moved(connection, company, after, until)

    assert moved(0) == []
    first = move(tea, "5")
    move(milk, "2")
    move(tea, "1.5", shop)
    assert moved(0) == [Moved(milk, begun + 2, Decimal(2)), Moved(tea, begun + 3, Decimal("6.5"))]
    assert moved(begun + 2) == [Moved(tea, begun + 3, Decimal("6.5"))]
    assert moved(begun + 3) == []
    assert moved(begun, begun + 2) == [Moved(tea, begun + 1, Decimal("6.5")), Moved(milk, begun + 2, Decimal(2))]
    ledger.execute(company, [wish("stock_movement.delete", id=first)], Actor())
    assert moved(begun + 3) == [Moved(tea, begun + 4, Decimal("1.5"))]
    sale = {"type": "sales", "moves_stock": True, "lines": [{"product_id": sugar, "quantity": 3}]}
    ledger.execute(company, [wish("invoice.create", sale)], Actor())
    assert [(one.product_id, one.quantity) for one in moved(begun + 4)] == [(sugar, Decimal(-3))]
    with postgres_store.database.company(company) as connection:
        assert stock_of(connection, company) == {tea: Decimal("1.5"), milk: Decimal(2), sugar: Decimal(-3)}
        assert stock_of(connection, company, [milk, uuid4()]) == {milk: Decimal(2)}
        assert stock_of(connection, company, []) == {}
    stranger = register(ledger)
    with postgres_store.database.company(stranger) as connection:
        assert products_moved(connection, company, 0, EVERYTHING) == []


def test_asking_reads_what_moved_and_nothing_else(postgres_store: PostgresStore) -> None:
    ledger = Ledger(postgres_store)
    company = register(ledger)
    tea = create(ledger, company, "product", name="Tea")
    ledger.execute(company, [wish("stock_movement.create", {"product_id": tea, "quantity": "1"}) for _ in range(500)], Actor())
    head = ledger.store.head(company).seq
    statement = b"EXPLAIN SELECT max(seq) FROM records WHERE company_id = %b AND kind = 'stock_movement' AND seq > %b AND seq <= %b"
    with postgres_store.database.company(company) as connection:
        plan = "\n".join(row[0] for row in connection.execute(statement, (company, head, head)).fetchall())
        assert "records_by_kind" in plan, plan
        assert products_moved(connection, company, head - 1, head) == [Moved(tea, head, Decimal(500))]
