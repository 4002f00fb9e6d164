"""Whatever is asked of the ledger, it answers or refuses in its own words; and what it refuses leaves nothing behind."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from bookkeeping import Store, audit, cashier, create, register, wish
from effort import SOAK, examples
from hostile import HOSTILE, KEYS, hostile_command

from domain.command import Actor, Idempotency
from domain.errors import InvalidField, LedgerError
from infra.ledger import Ledger, Refusal
from infra.reading.reader import Reader
from infra.store.memory import MemoryStore
from infra.store.postgres import PostgresStore

T = TypeVar("T")


def populated(store: Store) -> tuple[UUID, Actor, list[UUID]]:
    """A company with some of everything, and the ids in it; the last one is another company's."""
    ledger, actor = Ledger(store), cashier()
    company, other = register(ledger), register(ledger)
    ids = [
        create(ledger, company, "party", actor, name="A", roles=["customer", "supplier"]),
        create(ledger, company, "product", actor, name="Tea", price="2", sku="x"),
        create(ledger, company, "user", actor, name="A", email="a@b.co"),
        create(ledger, company, "bank", actor, name="Bank"),
    ]
    line = {"product_id": ids[1], "quantity": "2"}
    ids.append(create(ledger, company, "invoice", actor, type="sales", party_id=ids[0], moves_stock=True, lines=[line]))
    ids.append(create(ledger, company, "payment", actor, amount="1", invoice_id=ids[-1]))
    ids += [company, create(ledger, other, "party", name="Theirs")]
    return company, actor, ids


def tried(question: Callable[[], T]) -> T | LedgerError:
    """The answer, or the ledger's own refusal; anything else that is raised is a failure."""
    try:
        return question()
    except LedgerError as error:
        return error


def try_hard(store: Store, number: int) -> None:
    """Send hostile requests to one company, and audit what came of it."""
    company, actor, ids = populated(store)
    ledger, chance = Ledger(store), Random(secrets.randbits(32) if SOAK else 1)
    codes: Counter[str] = Counter()
    for _ in range(examples(number)):
        wishes = [hostile_command(chance, ids) for _ in range(chance.randint(1, 3))]
        key = chance.choice(KEYS) if chance.random() < 0.1 else None
        idempotency = None if key is None else Idempotency(key=key, fingerprint=b"f" * 32)
        atomic, dry_run = chance.random() < 0.5, chance.random() < 0.1
        before = store.head(company)
        try:
            outcome = tried(
                partial(ledger.execute, company, wishes, actor, idempotency=idempotency, atomic=atomic, dry_run=dry_run)
            )
        except Exception as error:
            error.add_note(f"by {wishes!r:.2000}")
            raise
        if isinstance(outcome, LedgerError):
            codes[outcome.code] += 1
            assert outcome.message
            assert outcome.path or outcome.code not in {"invalid_field", "unknown_kind"}
            assert store.head(company).hash == before.hash, "a refusal stores nothing"
        else:
            codes.update(r.code if isinstance(r, Refusal) else "stored" for r in outcome.results)
            assert len(outcome.results) == len(wishes) or outcome.idempotent_replay
            assert not dry_run or store.head(company).hash == before.hash
    assert codes["stored"] > number / 6, f"not everything is refused at the door: {codes}"
    assert len(codes) > 10, f"many different doors are reached: {codes}"
    audit(store, company)


def test_hostile_requests_in_memory() -> None:
    try_hard(MemoryStore(), 4_000)


def test_hostile_requests_in_postgres(postgres_store: PostgresStore) -> None:
    try_hard(postgres_store, 1_500)


@pytest.mark.parametrize("value", ["\x00", "\ud800", "x" * 100_000, "", "' OR 1=1 --"])
def test_hostile_questions(postgres_store: PostgresStore, value: str) -> None:
    company, _, _ = populated(postgres_store)
    reader = Reader(postgres_store.database)
    questions: list[Any] = [
        lambda: reader.list_records(company, "party", filters={"name": [value]}).total,
        lambda: reader.list_records(company, "party", filters={value: ["x"]}).total,
        lambda: reader.list_records(company, value).total,
        lambda: reader.list_records(company, "party", sort=value).total,
        lambda: reader.pull("records", company, 0, 10, [value]).count,
        lambda: reader.pull("events", company, 0, 10, [value]).count,
    ]
    for question in questions:
        answer = tried(question)
        if isinstance(answer, LedgerError):
            assert answer.code in {"invalid_field", "unknown_kind"}
        else:
            assert answer == 0


@pytest.mark.parametrize(
    ("kind", "field", "value"), [("company", "codename", "a\n"), ("user", "email", "a@b.co\n"), ("party", "currency", "USD\n")]
)
def test_a_pattern_is_matched_to_the_very_end(kind: str, field: str, value: str) -> None:
    ledger = Ledger(MemoryStore())
    company = register(ledger)
    data = {"name": "A", "codename": "a", field: value} if kind == "company" else {"name": "A", field: value}
    with pytest.raises(InvalidField) as refused:
        ledger.execute(company, [wish(f"{kind}.create", data)], Actor())
    assert refused.value.path == f"commands[0].data.{field}"


@pytest.mark.parametrize("cursor", [10**30, 2**63, 2**31, 9_999_999])
def test_cursors_ahead(postgres_store: PostgresStore, cursor: int) -> None:
    company, _, _ = populated(postgres_store)
    reader = Reader(postgres_store.database)
    for pull in (partial(reader.pull, "records"), partial(reader.pull, "events")):
        for kinds in (None, ["party"]):
            with pytest.raises(LedgerError) as refused:
                pull(company, cursor, 10, kinds)
            assert refused.value.code == "cursor_ahead"


@pytest.mark.parametrize("field", ["name", "codename", "currency", "time_zone", "database_id", "extra", "nonsense"])
def test_hostile_registrations(postgres_store: PostgresStore, field: str) -> None:
    for value in HOSTILE:
        company = {"name": "A", "codename": f"c-{uuid4().hex}", field: value}
        found = tried(partial(Ledger(postgres_store).register_company, [wish("company.create", company)]))
        if isinstance(found, LedgerError):
            assert found.path.startswith(("commands[0].data", "data."))
        else:
            audit(postgres_store, found[0])
