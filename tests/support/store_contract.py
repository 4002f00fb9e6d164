"""What every store must do, whatever it is made of. Subclasses give the `store`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest
from bookkeeping import BEGUN, Store, audit, cashier, create, created, read_log, register, stored_tables, wish

from domain.catalogue import CATALOGUE, fields_of
from domain.chart import DEFAULT_CHART
from domain.command import Actor
from domain.decision import Credential, Decision
from domain.errors import CompanyNotFound, RecordExists, ValueTaken
from domain.kinds.party import PartyGroup
from domain.needs import Needs
from infra.ids import new_id
from infra.ledger import Ledger
from infra.store.append import append_of, books_of, fill, now_after
from infra.store.interface import Answer, Append, SequenceConflict, WriteTransaction


def draft(
    transaction: WriteTransaction, company: UUID, name: str, answers: Sequence[Answer] = (), clock: datetime | None = None
) -> Append:
    """What creating one party group has to write, by the store's clock or by another."""
    head = transaction.head if clock is None else replace(transaction.head, now=clock)
    books = books_of(company, head)
    fill(books, transaction.loaded)
    decision = Decision(CATALOGUE, books, Actor(), now_after(head), new_id, fields_of)
    kind = CATALOGUE["party_group"]
    decision.create(kind, new_id(), PartyGroup(name=name))
    return append_of(books, decision.events, head, answers, decision.credentials)


class StoreContract:
    """Tests of a store by itself."""

    def test_begins_a_log(self, store: Store) -> None:
        company = register(Ledger(store), currency="EUR")
        head = store.head(company)
        assert head.seq == BEGUN
        assert head.numbers == {"company": 1, "account": len(DEFAULT_CHART)}
        assert head.now.tzinfo is not None
        topics = [event.topic for event in audit(store, company)]
        assert topics == ["company.registered.v1"] + ["account.opened.v1"] * len(DEFAULT_CHART)

    def test_codename_belongs_to_one_company(self, store: Store) -> None:
        codename = f"c-{uuid4().hex}"
        register(Ledger(store), codename=codename)
        with pytest.raises(ValueTaken) as refused:
            register(Ledger(store), codename=codename)
        assert refused.value.path == "data.codename"

    def test_database_id_belongs_to_one_company(self, store: Store) -> None:
        number = uuid4().int % 2**40
        register(Ledger(store), database_id=number)
        with pytest.raises(ValueTaken) as refused:
            register(Ledger(store), database_id=number)
        assert refused.value.path == "data.database_id"

    def test_company_id_belongs_to_one_company(self, store: Store, company: UUID) -> None:
        again = wish("company.create", {"name": "Thief", "codename": f"c-{uuid4().hex}"}, id=company)
        with pytest.raises(RecordExists) as refused:
            Ledger(store).register_company([again])
        assert refused.value.path == "id"
        assert store.head(company).seq == BEGUN

    def test_a_database_id_is_found_beside_those_that_were_asked_for(self, store: Store) -> None:
        ledger = Ledger(store)
        taken = ledger.register_company([wish("company.create", {"name": "A", "codename": f"c-{uuid4().hex}"})])[1]
        for ahead in range(1, 4):
            register(ledger, database_id=taken + ahead)
        free = ledger.register_company([wish("company.create", {"name": "B", "codename": f"c-{uuid4().hex}"})])[1]
        assert free == taken + 4

    def test_an_unknown_company_is_refused_everywhere(self, store: Store) -> None:
        with pytest.raises(CompanyNotFound):
            store.head(uuid4())
        with pytest.raises(CompanyNotFound), store.write(uuid4(), Needs(ids={uuid4()}), ["key"]):
            pass
        with pytest.raises(CompanyNotFound):
            Ledger(store).execute(uuid4(), [wish("party.create", {"name": "A"})], Actor())

    def test_leaving_without_an_append_stores_nothing(self, store: Store, company: UUID) -> None:
        before = store.head(company)
        with store.write(company, Needs(), []) as transaction:
            draft(transaction, company, "Nothing")
        with pytest.raises(ZeroDivisionError), store.write(company, Needs(), []) as transaction:
            draft(transaction, company, "Nothing")
            raise ZeroDivisionError
        after = store.head(company)
        assert (after.seq, after.hash, after.numbers) == (before.seq, before.hash, before.numbers)
        audit(store, company)

    def test_an_append_is_there_at_once_and_whole(self, store: Store, company: UUID) -> None:
        with store.write(company, Needs(), []) as transaction:
            transaction.append(draft(transaction, company, "Friends", [Answer("k", b"f" * 32, b'{"seq":2}')]))
        assert store.head(company).seq == BEGUN + 1
        with store.write(company, Needs(), ["k", "other"]) as transaction:
            assert transaction.loaded.answers == {"k": Answer("k", b"f" * 32, b'{"seq":2}')}
        audit(store, company)

    def test_a_taken_version_or_seq_is_a_conflict_and_stores_nothing(self, store: Store, company: UUID) -> None:
        with store.write(company, Needs(), []) as transaction:
            good = draft(transaction, company, "Friends")
            transaction.append(good)
        stale = good.events[0]
        for seq, version in ((stale.seq, 2), (stale.seq + 1, stale.version)):
            event = msgspec.structs.replace(stale, seq=seq, version=version)
            append = Append([event], good.hashes, good.head, [], [], {}, {}, [], {}, {}, [], [])
            with pytest.raises(SequenceConflict), store.write(company, Needs(), []) as transaction:
                transaction.append(append)
            with pytest.raises(SequenceConflict), store.write(company, Needs(), []) as transaction:
                transaction.append(append, lambda: None)
        assert len(audit(store, company)) == BEGUN + 1

    def test_a_taken_unique_value_is_a_conflict_and_stores_nothing(self, store: Store, company: UUID) -> None:
        create(Ledger(store), company, "product", name="Tea", sku="T1")
        with pytest.raises(SequenceConflict, match="unique_values"), store.write(company, Needs(), []) as transaction:
            append = draft(transaction, company, "Friends")
            append.claimed = {("product", "sku", "T1"): uuid4()}
            transaction.append(append)
        audit(store, company)

    def test_loads_what_is_named_however_it_is_named(self, store: Store, company: UUID) -> None:
        ledger, actor = Ledger(store), cashier()
        party = created(ledger.execute(company, [wish("party.create", {"name": "A"}, client_id="p1")], actor))
        product = create(ledger, company, "product", name="Tea", sku="T1")
        lines = [{"product_id": product, "quantity": "2", "unit_price": "3"}]
        invoice = create(ledger, company, "invoice", type="sales", party_id=party, moves_stock=True, lines=lines)
        client = ("party", actor.source, "p1")
        cases = [
            (Needs(ids={party}), {party}),
            (Needs(ids={uuid4()}), set()),
            (Needs(numbers={("product", 1), ("party", 99), ("invoice", 1)}), {product, invoice}),
            (Needs(clients={client, ("party", "system", "p1"), ("product", actor.source, "p1")}), {party}),
            (Needs(parents={party}), {invoice}),
        ]
        for needs, wanted in cases:
            with store.write(company, needs, []) as transaction:
                assert {record.id for record in transaction.loaded.records} == wanted
            assert {record.id for record in store.read_records(company, needs).records} == wanted
        with store.write(company, Needs(), []) as transaction:
            rest = transaction.load(
                Needs(
                    clients={client},
                    unique={("product", "sku", "T1"), ("product", "sku", "none")},
                    holders={("account", "code", "1000"), ("account", "code", "none")},
                    stock={(product, None), (product, uuid4())},
                    histories={party},
                )
            )
        assert rest.clients == {client: party}
        [cash] = [record for record in rest.records if record.kind == "account"]
        assert cash.data["code"] == "1000"
        assert rest.unique == {("product", "sku", "T1"): product, ("account", "code", "1000"): cash.id}
        assert rest.stock == {(product, None): Decimal(-2)}
        assert [event.topic for event in rest.histories[party]] == ["party.created.v1"]

    def test_children_follow_their_parent_and_tombstones_stay_behind(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        first, second = (create(ledger, company, "party", name=name) for name in "AB")
        invoice = create(ledger, company, "invoice", type="sales", party_id=first)
        ledger.execute(company, [wish("invoice.update", {"party_id": second}, id=invoice)], Actor())

        def children(of: UUID) -> set[UUID]:
            return {record.id for record in store.read_records(company, Needs(parents={of})).records}

        assert (children(first), children(second)) == (set(), {invoice})
        ledger.execute(company, [wish("invoice.delete", id=invoice)], Actor())
        assert children(second) == set()
        [tombstone] = store.read_records(company, Needs(ids={invoice})).records
        assert tombstone.deleted
        audit(store, company)

    def test_what_put_cash_into_the_drawer_of_a_shift(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        shifts = [
            create(ledger, company, "shift", cashier_id=create(ledger, company, "user", name=name)) for name in ("Sara", "Nabil")
        ]
        create(ledger, company, "invoice", type="sales", shift_id=shifts[0])
        create(ledger, company, "held_sale", cart={"shift_id": str(shifts[0])}, shift_id=shifts[0])
        create(ledger, company, "payment", amount="1", notes=f'"shift_id":"{shifts[0]}"', extra={"shift_id": str(shifts[0])})
        paid, moved_away, gone = (create(ledger, company, "payment", amount="5", shift_id=shifts[0]) for _ in range(3))
        spent = create(ledger, company, "expense", amount="2", shift_id=shifts[0])
        taken = create(ledger, company, "cash_transaction", amount="3", direction="out", shift_id=shifts[0])
        ledger.execute(company, [wish("payment.update", {"shift_id": shifts[1]}, id=moved_away)], Actor())
        ledger.execute(company, [wish("payment.delete", id=gone)], Actor())

        def drawers(of: UUID, *wanted: UUID) -> set[UUID]:
            needs = Needs(shifts=set(wanted))
            with store.write(of, needs, []) as transaction:
                found = {record.id for record in transaction.loaded.records}
                assert {record.id for record in transaction.load(needs).records} == found
            return found

        assert drawers(company, shifts[0]) == {paid, spent, taken}
        assert drawers(company, shifts[1]) == {moved_away}
        assert drawers(company, *shifts, uuid4()) == {paid, spent, taken, moved_away}
        assert drawers(register(Ledger(store)), *shifts) == set()
        ledger.execute(company, [wish("shift.close", {"closing_cash": "1"}, id=shifts[0])], Actor())
        [shift] = store.read_records(company, Needs(ids={shifts[0]})).records
        assert (shift.data["expected_cash"], shift.data["variance"]) == ("0.00", "1.00")
        audit(store, company)

    def test_pages_of_the_log(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        for place in range(7):
            create(ledger, company, "party" if place % 2 else "product", name=str(place))
        log = read_log(store, company)

        def seqs(*arguments: int, until: int | None = None, kinds: list[str] | None = None) -> list[int]:
            return [event.seq for event in store.read_events(company, *arguments, until=until, kinds=kinds)]

        end = BEGUN + 7
        assert seqs(0, 100) == list(range(1, end + 1))
        assert seqs(-5, 3) == [1, 2, 3]
        assert seqs(3, 2) == [4, 5]
        assert seqs(end, 5) == []
        assert seqs(end + 80, 5) == []
        assert seqs(2, 100, until=5) == [3, 4, 5]
        assert seqs(0, 2, kinds=["party"]) == [BEGUN + 2, BEGUN + 4]
        assert seqs(0, 100, kinds=[]) == []
        assert store.read_events(company, 4, 1) == [log[4]]

    def test_the_stream_of_one_record(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        party = create(ledger, company, "party", name="A")
        create(ledger, company, "party", name="B")
        ledger.execute(company, [wish("party.update", {"phone": "1"}, id=party)], Actor())
        ledger.execute(company, [wish("party.delete", id=party)], Actor())
        assert [event.version for event in store.read_stream(company, party)] == [1, 2, 3]
        until = BEGUN + 3
        assert [event.seq for event in store.read_stream(company, party, until=until)] == [BEGUN + 1, until]
        assert store.read_stream(company, uuid4()) == []

    def test_the_hash_is_what_the_page_about_it_says(self, store: Store, company: UUID) -> None:
        """Computed here with nothing of the ledger's, as an auditor would."""
        actor = cashier()
        create(Ledger(store), company, "party", actor, name="Çelik ﷺ", opening_balance="1.50")
        previous = bytes(32)
        for event in audit(store, company):
            ids = (event.actor_id, event.device_id, event.command_id, event.correlation_id)
            columns = [
                str(event.company_id), event.seq, event.kind, str(event.record_id), event.version, event.topic,
                *(moment.isoformat().replace("+00:00", "Z") for moment in (event.recorded_at, event.occurred_at)),
                *(str(one) if one else None for one in ids),
            ]  # fmt: skip
            text = json.dumps(columns, separators=(",", ":"), ensure_ascii=False).encode()
            redacted, _, ciphertext = event.sealed.partition(b"\n")
            rest = redacted + b"\n" + ciphertext.hex().encode() if event.sealed else event.data
            previous = hashlib.sha256(previous + text + b"\n" + rest).digest()
            assert event.hash == previous
        assert actor.device_id in ids

    def test_stock_of_the_only_store_and_of_others(self, store: Store, company: UUID) -> None:
        ledger, shop = Ledger(store), uuid4()
        product = create(ledger, company, "product", name="Tea")
        for quantity, place in (("2.5", None), ("-1", shop), ("4", None), ("1", shop)):
            create(ledger, company, "stock_movement", product_id=product, quantity=quantity, store_id=place)
        with store.write(company, Needs(stock={(product, None), (product, shop)}), []) as transaction:
            assert {key: level for key, level in transaction.loaded.stock.items() if level} == {(product, None): Decimal("6.5")}
        audit(store, company)

    def test_the_nil_store_is_the_only_store(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        product = create(ledger, company, "product", name="Tea")
        moves = [{"product_id": product, "quantity": "1", "store_id": place} for place in (None, UUID(int=0))]
        ledger.execute(company, [wish("stock_movement.create", move) for move in moves], Actor())
        taken = {"product_id": product, "quantity": "-2", "require_stock": True, "store_id": UUID(int=0)}
        ledger.execute(company, [wish("stock_movement.create", taken)], Actor())
        assert stored_tables(store, company).stock == {}
        audit(store, company)

    def test_more_rows_than_one_statement_takes(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        names = [f"{place}" for place in range(600)]
        outcome = ledger.execute(company, [wish("product.create", {"name": n, "sku": n}) for n in names], Actor())
        ids = [result.id for result in outcome.results]
        ledger.execute(company, [wish("product.update", {"name": f"new {i}"}, id=i) for i in ids], Actor())
        ledger.execute(company, [wish("product.delete", id=i) for i in ids[::2]], Actor())
        assert len(audit(store, company)) == BEGUN + 600 + 600 + 300
        assert len(stored_tables(store, company).unique) == BEGUN + 300  # of the living products, and what a company begins with

    def test_secrets_may_come_without_events(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        user = create(ledger, company, "user", name="A", email="a@b.c")
        secret = Credential(user, "argon2", "md5")
        before = store.head(company)
        ledger.execute(company, [], Actor(), credentials=[secret])
        ledger.execute(company, [], Actor(), credentials=[secret])
        after = store.head(company)
        assert (after.seq, after.hash) == (before.seq, before.hash)

    def test_the_clock_may_stand_still_or_run_backwards(self, store: Store, company: UUID) -> None:
        for offset in (timedelta(0), timedelta(days=-4000), timedelta(days=4000), timedelta(0)):
            with store.write(company, Needs(), []) as transaction:
                clock = datetime.now(timezone.utc) + offset
                transaction.append(draft(transaction, company, "Friends", clock=clock))
        events = audit(store, company)
        assert len(events) == BEGUN + 4
        assert events[-1].recorded_at > datetime.now(timezone.utc) + timedelta(days=3999)
