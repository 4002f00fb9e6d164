"""What `Ledger.execute` promises, whatever the store is made of. Subclasses give the `store`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from bookkeeping import BEGUN, Store, audit, cashier, create, created, once, read_log, register, stored_tables, wish

from domain.books import Books
from domain.command import Actor, Command
from domain.decide import Result
from domain.errors import (
    AccountClosed,
    AccountUnknown,
    BatchTooLarge,
    InvalidField,
    KeyReused,
    LedgerError,
    RecordDeleted,
    RecordNotFound,
    ReferenceMissing,
    StockInsufficient,
    ValueTaken,
)
from domain.needs import Needs
from infra.ledger import MAX_COMMANDS, Earlier, Ledger, Outcome, Refusal
from infra.store.append import fill
from infra.store.interface import Loaded

PARTY = wish("party.create", {"name": "A"})


def results(outcome: Outcome) -> list[Result]:
    """The results of an outcome that holds no refusal."""
    assert all(isinstance(result, Result) for result in outcome.results)
    return [result for result in outcome.results if isinstance(result, Result)]


def codes(outcome: Outcome) -> list[str]:
    """Per item `ok`, or why it was refused."""
    return [result.code if isinstance(result, Refusal) else "ok" for result in outcome.results]


class LedgerContract:
    """Tests of the write path."""

    # All or nothing -------------------------------------------------------------------------------

    def test_a_refused_request_stores_nothing_and_leaves_its_key_free(self, store: Store, company: UUID) -> None:
        ledger, before = Ledger(store), store.head(company)
        bad = [PARTY, wish("invoice.create", {"type": "sales", "party_id": str(uuid4())})]
        with pytest.raises(ReferenceMissing) as refused:
            ledger.execute(company, bad, Actor(), idempotency=once("k", bad))
        assert refused.value.path == "commands[1].data.party_id"
        assert store.head(company).hash == before.hash
        good = [PARTY]
        outcome = ledger.execute(company, good, Actor(), idempotency=once("k", good))
        assert not outcome.idempotent_replay
        assert results(outcome)[0].number == 1
        audit(store, company)

    def test_a_dry_run_decides_and_stores_nothing(self, store: Store, company: UUID) -> None:
        hints: list[int] = []
        ledger = Ledger(store, hint=lambda _, seq: hints.append(seq))
        commands = [wish("party.create", {"name": "A"}, key="c", client_id="x")]
        trial = ledger.execute(company, commands, Actor(), idempotency=once("k", commands), dry_run=True)
        assert trial.dry_run
        assert (results(trial)[0].number, trial.seq, store.head(company).seq, hints) == (1, BEGUN + 1, BEGUN, [])
        outcome = ledger.execute(company, commands, Actor(), idempotency=once("k", commands))
        assert (results(outcome)[0].idempotent_replay, outcome.seq, hints) == (False, BEGUN + 1, [BEGUN + 1])
        audit(store, company)

    def test_refused_items_leave_no_trace_while_the_others_stand(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        product = create(ledger, company, "product", name="Tea", sku="T1")
        group = create(ledger, company, "party_group", name="Friends")
        stolen = uuid4()
        commands = [
            wish("product.create", {"name": "Coffee", "sku": "T1"}),
            wish("product.update", {"sku": "T2"}, id=product),
            wish("product.create", {"name": "Coffee", "sku": "T1"}),
            wish("party.create", {"name": "A", "group_id": str(uuid4())}, id=stolen, client_id="mine"),
            wish("party.create", {"name": "B", "group_id": str(group)}, id=stolen),
            wish("invoice.create", {"type": "sales", "lines": [{"description": "x", "unit_price": "-1"}]}),
            wish("stock_movement.create", {"product_id": str(product), "quantity": "-1", "require_stock": True}),
            wish("product.create", {"name": "Milk", "sku": "T2"}),
            wish("party.create", {"name": "C"}, client_id="mine"),
        ]
        outcome = ledger.execute(company, commands, Actor(), atomic=False)
        ok = "ok"
        assert codes(outcome) == [
            "value_taken", ok, ok, "reference_missing", ok, "amount_not_positive", "stock_insufficient", "value_taken", ok,
        ]  # fmt: skip
        kept = {r.id: r.number for r in outcome.results if isinstance(r, Result)}
        assert list(kept.values()) == [1, 2, 1, 2]
        assert isinstance(outcome.results[8], Result)
        assert stored_tables(store, company).clients == {("party", "system", "mine"): outcome.results[8].id}
        audit(store, company)

    def test_numbers_stay_dense_across_refusals(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        for place in range(4):
            with pytest.raises(LedgerError):
                ledger.execute(company, [PARTY, wish("party.update", {"name": ""}, number=1)], Actor())
            with pytest.raises(RecordNotFound):
                ledger.execute(company, [PARTY, wish("party.update", {"name": "Z"}, id=uuid4())], Actor())
            outcome = ledger.execute(company, [wish("invoice.create", {"type": "x"}), PARTY][1:], Actor(), atomic=False)
            assert results(outcome)[0].number == place + 1
        audit(store, company)

    # Keys -----------------------------------------------------------------------------------------

    def test_a_replay_answers_as_the_first_time_also_after_a_restart(self, store: Store, company: UUID) -> None:
        commands = [PARTY, wish("product.create", {"name": "Tea"})]
        first = Ledger(store).execute(company, commands, Actor(), idempotency=once("k", commands))
        create(Ledger(store), company, "party", name="Later")
        again = Ledger(store).execute(company, commands, Actor(), idempotency=once("k", commands))
        assert again.idempotent_replay
        assert again.seq == first.seq
        assert [(r.id, r.number, r.seq) for r in results(again)] == [(r.id, r.number, r.seq) for r in results(first)]
        assert all(result.idempotent_replay for result in results(again))
        assert Ledger(store).find_answer(company, once("k", commands)) == again
        assert len(audit(store, company)) == BEGUN + 3

    def test_a_key_with_another_body_is_refused(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        ledger.execute(company, [PARTY], Actor(), idempotency=once("k", [PARTY]))
        other = [wish("party.create", {"name": "B"})]
        with pytest.raises(KeyReused):
            ledger.execute(company, other, Actor(), idempotency=once("k", other))
        with pytest.raises(KeyReused):
            ledger.find_answer(company, once("k", other))
        assert ledger.find_answer(company, once("another", other)) is None
        assert len(audit(store, company)) == BEGUN + 1

    def test_keys_belong_to_their_company(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        other = register(ledger)
        for one in (company, other):
            assert not ledger.execute(one, [PARTY], Actor(), idempotency=once("k", [PARTY])).idempotent_replay

    def test_each_command_may_have_its_own_key(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        keyed = [wish("party.create", {"name": name}, key=name) for name in "AB"]
        first = results(ledger.execute(company, keyed[:1], Actor()))
        both = results(Ledger(store).execute(company, [*keyed, keyed[1]], Actor()))
        assert [result.idempotent_replay for result in both] == [True, False, True]
        assert (both[0].id, both[2].id) == (first[0].id, both[1].id)
        changed = [wish("party.create", {"name": "C"}, key="A"), wish("party.create", {"name": "D"}, key="D")]
        assert codes(ledger.execute(company, changed, Actor(), atomic=False)) == ["idempotency_key_reused", "ok"]
        with pytest.raises(KeyReused) as refused:
            ledger.execute(company, changed, Actor())
        assert refused.value.path == "commands[0].key"
        assert len(audit(store, company)) == BEGUN + 3

    def test_a_request_and_its_command_may_have_the_same_key(self, store: Store, company: UUID) -> None:
        ledger, commands = Ledger(store), [wish("party.create", {"name": "A"}, key="k")]
        first = ledger.execute(company, commands, Actor(), idempotency=once("k", commands))
        for again in (
            ledger.execute(company, commands, Actor(), idempotency=once("k", commands)),
            ledger.execute(company, commands, Actor()),
        ):
            assert created(again) == created(first)
            assert results(again)[0].idempotent_replay
        assert len(audit(store, company)) == BEGUN + 1

    def test_a_refused_item_leaves_its_key_free(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        bad = wish("invoice.create", {"type": "sales", "party_id": str(uuid4())}, key="k")
        assert codes(ledger.execute(company, [bad], Actor(), atomic=False)) == ["reference_missing"]
        good = wish("party.create", {"name": "A"}, key="k")
        assert codes(ledger.execute(company, [good], Actor(), atomic=False)) == ["ok"]

    def test_a_replay_repeats_the_refusals_of_its_items(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        commands = [PARTY, wish("party.update", {"name": "Z"}, id=uuid4())]
        first = ledger.execute(company, commands, Actor(), idempotency=once("k", commands), atomic=False)
        again = ledger.execute(company, commands, Actor(), idempotency=once("k", commands), atomic=False)
        assert codes(again) == codes(first) == ["ok", "record_not_found"]
        assert again.results[1] == first.results[1]

    # Client ids -----------------------------------------------------------------------------------

    def test_a_client_id_is_mapped_once_and_for_ever(self, store: Store, company: UUID) -> None:
        ledger, one, other = Ledger(store), cashier(), cashier()
        command = wish("party.create", {"name": "A"}, client_id="100")
        first = created(ledger.execute(company, [command], one))
        again = results(Ledger(store).execute(company, [command, command], one))
        assert [(result.id, result.changed, result.idempotent_replay) for result in again] == [(first, False, True)] * 2
        assert created(ledger.execute(company, [command], other)) != first
        product = wish("product.create", {"name": "A"}, client_id="100")
        assert created(ledger.execute(company, [product], one)) != first
        ledger.execute(company, [wish("party.delete", client_id="100")], one)
        assert results(ledger.execute(company, [command], one))[0].deleted
        audit(store, company)

    def test_records_of_one_batch_may_name_each_other(self, store: Store, company: UUID) -> None:
        ledger, actor = Ledger(store), cashier()
        commands = [
            wish("party.create", {"name": "A"}, client_id="p"),
            wish("product.create", {"name": "Tea", "price": "2"}, client_id="t"),
            wish(
                "invoice.create",
                {"type": "sales", "party_id": {"client_id": "p"}, "lines": [{"product_id": {"client_id": "t"}}]},
                client_id="i",
            ),
            wish("payment.create", {"amount": "2", "invoice_id": {"client_id": "i"}}),
            wish("party.update", {"phone": "1"}, client_id="p"),
        ]
        outcome = results(ledger.execute(company, commands, actor))
        [invoice] = store.read_records(company, Needs(ids={outcome[2].id})).records
        assert (invoice.data["status"], invoice.data["party_id"]) == ("paid", str(outcome[0].id))
        audit(store, company)

    def test_lines_keep_their_own_ids_and_client_ids(self, store: Store, company: UUID) -> None:
        ledger, actor, line = Ledger(store), cashier(), uuid4()
        free = {"description": "x", "unit_price": "1"}
        invoice = {"type": "sales", "lines": [{**free, "client_id": "l1", "id": str(line)}]}
        ledger.execute(company, [wish("invoice.create", invoice)], actor)
        assert ("invoice_line", actor.source, "l1") in stored_tables(store, company).clients
        for lines in (
            [{**free, "client_id": "l1"}],
            [{**free, "id": str(line)}],
            [{**free, "id": str(company)}],
            [{**free, "client_id": "l2"}] * 2,
            [{**free, "id": str(uuid4())}] * 2,
        ):
            with pytest.raises(LedgerError) as refused:
                ledger.execute(company, [wish("invoice.create", {"type": "sales", "lines": lines})], actor)
            assert refused.value.code in {"record_exists", "value_taken"}
            assert refused.value.path.startswith("commands[0].data.lines[")
        audit(store, company)

    # Unique values --------------------------------------------------------------------------------

    def test_released_values_are_free_in_the_same_batch(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        a, b = (create(ledger, company, "product", name=sku, sku=sku) for sku in ("A", "B"))
        swap = [("C", a), ("A", b), ("B", a)]
        ledger.execute(company, [wish("product.update", {"sku": sku}, id=i) for sku, i in swap], Actor())
        assert {k[2]: i for k, i in stored_tables(store, company).unique.items() if k[1] == "sku"} == {"B": a, "A": b}
        ledger.execute(
            company,
            [wish("product.delete", id=a), wish("product.create", {"name": "C", "sku": "B"}, id=(c := uuid4()))],
            Actor(),
        )
        assert {k[2]: i for k, i in stored_tables(store, company).unique.items() if k[1] == "sku"} == {"B": c, "A": b}
        audit(store, company)

    def test_a_value_claimed_and_released_in_one_batch_is_free(self, store: Store, company: UUID) -> None:
        ledger, short = Ledger(store), uuid4()
        ledger.execute(
            company, [wish("product.create", {"name": "A", "sku": "S"}, id=short), wish("product.delete", id=short)], Actor()
        )
        create(ledger, company, "product", name="B", sku="S")
        audit(store, company)

    def test_a_taken_value_names_its_field(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        create(ledger, company, "user", name="A", email="A@b.c")
        with pytest.raises(ValueTaken) as refused:
            create(ledger, company, "user", name="B", email="a@B.C")
        assert (refused.value.path, refused.value.details["field"]) == ("commands[0].data.email", "email")

    def test_a_closed_account_keeps_its_code_and_takes_no_lines(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        account = create(ledger, company, "account", code="7000", name="Travel", type="expense")
        lines = [{"account_code": "7000:trains", "debit": "1"}, {"account_code": "1000", "credit": "1"}]
        entry = create(ledger, company, "journal_entry", lines=lines)
        ledger.execute(company, [wish("account.delete", id=account)], Actor())
        with pytest.raises(ValueTaken):
            create(ledger, company, "account", code="7000", name="Trips", type="expense")
        for refused_command in (wish("journal_entry.create", {"lines": lines}), wish("journal_entry.post", id=entry)):
            with pytest.raises(AccountClosed) as refused:
                ledger.execute(company, [refused_command], Actor())
            assert refused.value.path == "commands[0].data.lines[0].account_code"
        with pytest.raises(AccountUnknown):
            create(ledger, company, "journal_line", entry_id=entry, account_code="7001", debit="1")
        assert stored_tables(store, company).unique["account", "code", "7000"] == account
        audit(store, company)

    def test_accounts_come_with_the_first_query(self, store: Store, company: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
        filled: list[int] = []
        monkeypatch.setattr("infra.ledger.fill", lambda books, loaded: (filled.append(len(loaded.records)), fill(books, loaded)))
        ledger = Ledger(store)
        lines = [{"account_code": code, "debit": "1"} for code in ("1000", "6000:rent", "1000")]
        results_of_both = ledger.execute(company, [wish("journal_entry.create", {"lines": lines})] * 2, Actor()).results
        assert filled == [3], "the company and two accounts, in one query"
        ledger.execute(company, [wish("journal_line.create", {"entry_id": results_of_both[0].id, **lines[0]})], Actor())
        assert filled == [3, 3], "the company, the entry and the account"

    # Limits, and the rest -------------------------------------------------------------------------

    def test_the_largest_batch_and_one_more(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        with pytest.raises(BatchTooLarge):
            ledger.execute(company, [PARTY] * (MAX_COMMANDS + 1), Actor())
        assert len(ledger.execute(company, [PARTY] * MAX_COMMANDS, Actor(), dry_run=True).results) == MAX_COMMANDS
        assert ledger.execute(company, [], Actor()) == Outcome(results=[], seq=BEGUN)

    def test_an_empty_request_may_have_a_key(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        assert not ledger.execute(company, [], Actor(), idempotency=once("k", [])).idempotent_replay
        assert ledger.execute(company, [], Actor(), idempotency=once("k", [])).idempotent_replay
        assert len(audit(store, company)) == BEGUN

    def test_the_first_refusal_of_a_batch_is_the_answer(self, store: Store, company: UUID) -> None:
        commands = [PARTY, wish("party.update", {"name": "Z"}, number=7), wish("party.delete", number=9)]
        with pytest.raises(RecordNotFound) as refused:
            Ledger(store).execute(company, commands, Actor())
        assert refused.value.path == "commands[1].id"

    def test_deleted_stays_deleted(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        party = create(ledger, company, "party", name="A")
        ledger.execute(company, [wish("party.delete", id=party)], Actor())
        assert not results(ledger.execute(company, [wish("party.delete", id=party)], Actor()))[0].changed
        with pytest.raises(RecordDeleted):
            ledger.execute(company, [wish("party.update", {"name": "B"}, id=party)], Actor())
        assert len(audit(store, company)) == BEGUN + 2

    def test_a_second_company_record_is_refused(self, store: Store, company: UUID) -> None:
        with pytest.raises(InvalidField):
            create(Ledger(store), company, "company", name="Second", codename="second")

    def test_stock_is_required_by_the_level_there_is(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        product = create(ledger, company, "product", name="Tea")
        move: dict[str, Any] = {"product_id": product, "require_stock": True}
        create(ledger, company, "stock_movement", product_id=product, quantity="3")
        pair = [wish("stock_movement.create", {**move, "quantity": "-2"})] * 2
        with pytest.raises(StockInsufficient):
            ledger.execute(company, pair, Actor())
        assert codes(ledger.execute(company, pair, Actor(), atomic=False)) == ["ok", "stock_insufficient"]
        audit(store, company)

    # What callers know, and what they do meanwhile ------------------------------------------------

    def test_what_was_read_earlier_holds_while_nobody_wrote(
        self, store: Store, company: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger, actor = Ledger(store), cashier()
        known = created(ledger.execute(company, [wish("party.create", {"name": "A"}, client_id="1")], actor))
        needs = Needs(clients={("party", actor.source, "1"), ("party", actor.source, "2")})
        earlier = Earlier(store.head(company).seq, needs, store.read_records(company, needs))
        asked: list[Needs] = []
        begin = store.write
        monkeypatch.setattr(store, "write", lambda company, needs, keys: (asked.append(needs), begin(company, needs, keys))[1])
        both = [wish("party.create", {"name": "B"}, client_id=one) for one in ("1", "2")]
        first = results(ledger.execute(company, both, actor, earlier=earlier))
        assert [(result.id == known, result.changed) for result in first] == [(True, False), (False, True)]
        assert [one.clients for one in asked] == [set()]  # it was not read again
        again = results(ledger.execute(company, both, actor, earlier=earlier))  # by now it says too little
        assert [(result.id, result.changed) for result in again] == [(first[0].id, False), (first[1].id, False)]
        ledger.execute(company, [wish("party.update", {"name": "C"}, id=known)], actor)
        needs = Needs(ids={known})
        earlier = Earlier(store.head(company).seq - 1, needs, Loaded())  # it says that there is no such record, of another head
        assert (
            results(ledger.execute(company, [wish("party.update", {"name": "D"}, id=known)], actor, earlier=earlier))[0].version
            == 3
        )
        audit(store, company)

    def test_meanwhile_sees_the_books_as_they_will_be_and_spoils_nothing(self, store: Store, company: UUID) -> None:
        ledger, seen = Ledger(store), list[tuple[int, list[str]]]()

        def look(books: Books, found: Sequence[Result | Refusal]) -> None:
            seen.append((books.seq, [books.records[one.id].data["name"] for one in found if isinstance(one, Result)]))

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        bad = wish("party.update", {"name": "x"}, id=uuid4())
        seq = ledger.execute(company, [PARTY, bad], Actor(), atomic=False, meanwhile=look).seq
        ledger.execute(company, [bad], Actor(), atomic=False, meanwhile=look)
        assert seen == [(seq, ["A"]), (seq, [])]
        with pytest.raises(RecordNotFound):
            ledger.execute(company, [PARTY, bad], Actor(), meanwhile=look)
        assert len(seen) == 2  # a batch that is refused is not stored
        with pytest.raises(ZeroDivisionError):
            ledger.execute(company, [PARTY], Actor(), meanwhile=fail)
        assert store.head(company).seq == seq + 1
        assert results(ledger.execute(company, [PARTY], Actor()))[0].number == 3
        audit(store, company)

    def test_times_of_any_zone_are_one_moment(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        spoken = ["2026-03-01T10:00:00+03:30", "2026-03-01T06:30:00Z", "2026-02-28T22:30:00-08:00"]
        commands = [
            Command(kind="party", action="create", occurred_at=datetime.fromisoformat(text), data={"name": text}) for text in spoken
        ]
        ledger.execute(company, commands, Actor())
        events = read_log(store, company)[BEGUN:]
        assert {event.occurred_at.isoformat() for event in events} == {"2026-03-01T06:30:00+00:00"}
        audit(store, company)
