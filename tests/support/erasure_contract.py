"""What erasing a person promises, whatever the store is made of. Subclasses give the `store`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Protocol
from uuid import UUID

import msgspec
import pytest
from bookkeeping import BEGUN, Store, audit, cashier, create, created, once, register, stored_tables, wish

from domain.catalogue import CATALOGUE, TOPICS, event_of
from domain.command import Actor
from domain.decide import Result
from domain.decision import Credential
from domain.errors import InvalidField, PersonErased, PersonNotSealed, RolesFixed, StillReferenced, ValueTaken
from domain.needs import Needs
from domain.personal import ERASED
from domain.record import Record
from infra.ids import new_id
from infra.ledger import Ledger, Outcome, Refusal

SECRET = "Zarathustra"
"""In every personal value that the tests write, and in nothing else."""
PARTY = {
    "name": f"{SECRET} Mina",
    "roles": ["customer", "supplier"],
    "email": f"mina@{SECRET}.example",
    "phone": f"+98 {SECRET}",
    "address": f'{SECRET} \N{ARABIC LETTER MEEM} street \\ " \n 1',
    "birth_date": "1988-08-08",
    "extra": {"nick": [f"{SECRET}!", 1.50, None]},
    "credit_limit": "500",
}


def record_of(store: Store, company: UUID, record_id: UUID) -> Record:
    """A record as it is stored."""
    [record] = store.read_records(company, Needs(ids={record_id})).records
    return record


FILE = {"file_name": f"{SECRET}.jpg", "title": SECRET, "size": 1, "mime_type": "image/jpeg", "sha256": "0" * 64}


class Peek(Protocol):
    """What a test sees that no client does."""

    def everything(self, company: UUID) -> str:
        """All that the store holds of a company, as text."""

    def unseal(self, company: UUID) -> None:
        """Make the company's log as if it was written before there was sealing."""


class Scene:
    """A party with documents about them, on which an offline client has worked too."""

    def __init__(self, store: Store, company: UUID, peek: Peek) -> None:
        self.peek = peek
        self.store, self.company, self.ledger = store, company, Ledger(store)
        self.till = cashier()
        self.party = self.create("party", **PARTY)
        self.other = self.create("party", name="Somebody Else", phone="555", roles=["customer", "supplier"])
        lines = [{"description": "Tea", "quantity": "2", "unit_price": "3"}]
        address = {"shipping_address": f"{SECRET} road", "notes": f"ask for {SECRET}"}
        self.invoice = self.create("invoice", type="sales", party_id=self.party, lines=lines, **address)
        self.base = self.seq
        self.payment = self.create("payment", amount="1", invoice_id=self.invoice, payer_name=f"{SECRET} sr.")
        self.cheque = self.create("cheque", amount="1", payment_id=self.payment, account_number=f"IR {SECRET}")
        self.order = self.create("order", type="sales", party_id=self.party, shipping_address=f"{SECRET} lane")
        # An invoice that was the party's, went to somebody else, and has notes of both
        self.moved = self.create("invoice", type="sales", party_id=self.party, lines=lines, **address)
        self.execute("invoice.update", self.moved, party_id=str(self.other))
        self.execute("invoice.update", self.moved, notes="for Somebody Else")
        # A deleted one stays pullable
        self.deleted = self.create("order", type="sales", party_id=self.party, shipping_address=f"{SECRET} lane")
        self.execute("order.delete", self.deleted)
        self.taken_back = self.create("payment", amount="2", party_id=self.party, payer_name=SECRET)
        self.execute("payment.delete", self.taken_back)
        self.dispute = self.create("dispute", record_kind="invoice", record_id=self.invoice, reason=f"{SECRET} never got it")
        # Conflicts keep what lost
        self.execute("party.update", self.party, phone=f"2 {SECRET}")
        self.lost = self.conflict("party.update", self.party, {"phone": f"3 {SECRET}"}, self.base, self.till, early=True)
        self.execute("invoice.update", self.invoice, notes=f"{SECRET} called")
        self.kept = self.conflict("invoice.update", self.invoice, {"notes": f"{SECRET} wrote"}, self.base, self.till)

    @property
    def everything(self) -> str:
        return self.peek.everything(self.company)

    @property
    def seq(self) -> int:
        return self.store.head(self.company).seq

    def create(self, kind: str, **data: Any) -> UUID:
        return create(self.ledger, self.company, kind, **data)

    def execute(self, type_: str, record_id: UUID, **data: Any) -> Outcome:
        return self.ledger.execute(self.company, [wish(type_, data, id=record_id)], Actor())

    def conflict(self, type_: str, record_id: UUID, data: dict[str, Any], base: int, actor: Actor, *, early: bool = False) -> UUID:
        moment = {"occurred_at": datetime(2020, 1, 1, tzinfo=timezone.utc)} if early else {}
        outcome = self.ledger.execute(self.company, [wish(type_, data, id=record_id, base_seq=base, **moment)], actor)
        result = outcome.results[0]
        assert isinstance(result, Result)
        assert result.conflict is not None
        return result.conflict

    def record(self, record_id: UUID) -> Record:
        return record_of(self.store, self.company, record_id)

    def erase(self) -> Outcome:
        return self.execute("party.erase", self.party)


class ErasureContract:
    """Tests of sealing and erasing."""

    @pytest.fixture
    def scene(self, store: Store, company: UUID, peek: Peek) -> Scene:
        return Scene(store, company, peek)

    def test_what_is_personal_is_sealed_and_nothing_else(self, scene: Scene) -> None:
        for event in audit(scene.store, scene.company):
            kind = CATALOGUE[event.kind]
            fields = msgspec.json.decode(event.data)
            personal = {name for name in kind.personal if name in fields}
            nobodys = event.kind == "conflict" and fields.get("person_id") is None
            assert bool(event.sealed) == (event.person_id is not None) == (bool(personal) and not nobodys), event
            if event.sealed:
                redacted = msgspec.json.decode(event.sealed.partition(b"\n")[0])
                assert {name: value for name, value in fields.items() if name not in personal}.items() <= redacted.items()
                assert all(redacted[name] == ERASED for name in personal & redacted.keys())
                assert SECRET.encode() not in event.sealed
                msgspec.json.decode(event.sealed.partition(b"\n")[0], type=TOPICS[event.topic])

    def test_two_equal_events_are_sealed_differently(self, scene: Scene) -> None:
        for _ in range(2):
            scene.execute("party.update", scene.other, phone="1")
            scene.execute("party.update", scene.other, phone="2")
        sealed = [event.sealed for event in audit(scene.store, scene.company) if event.record_id == scene.other]
        assert len(set(sealed)) == len(sealed)

    def test_nothing_of_the_person_is_left_and_everything_else_is(self, scene: Scene) -> None:
        store, company = scene.store, scene.company
        before, log = stored_tables(store, company), audit(store, company)
        assert SECRET in scene.everything
        outcome = scene.erase()
        after = audit(store, company)  # the chain holds, and what is stored is what the log says
        assert SECRET not in scene.everything
        assert "1988-08-08" not in scene.everything
        assert [event.hash for event in after[: len(log)]] == [event.hash for event in log]
        for event in after:
            event_of(event)  # every event can still be read
        touched = {event.record_id for event in after[len(log) :]}
        held = {scene.party, scene.invoice, scene.payment, scene.cheque, scene.order, scene.moved, scene.deleted, scene.taken_back}
        assert touched == held | {scene.lost, scene.kept, scene.dispute}
        assert outcome.seq == store.head(company).seq == len(log) + len(touched)
        tables = stored_tables(store, company)
        assert {key: row for key, row in tables.records.items() if key not in touched} == {
            key: row for key, row in before.records.items() if key not in touched
        }
        assert (tables.clients, tables.stock) == (before.clients, before.stock)

    def test_the_records_after_it(self, scene: Scene) -> None:
        scene.erase()
        party = scene.record(scene.party)
        assert party.data == {
            "name": ERASED,
            "roles": ["customer", "supplier"],
            "type": "person",
            "credit_limit": "500",
            "is_active": False,
            "erased": True,
        }
        invoice = scene.record(scene.invoice).data
        assert "notes" not in invoice
        assert "shipping_address" not in invoice
        assert (invoice["total"], invoice["paid"], invoice["party_id"]) == ("6.00", "1.00", str(scene.party))
        moved = scene.record(scene.moved).data
        assert (moved["notes"], moved.get("shipping_address")) == ("for Somebody Else", None)
        assert scene.record(scene.deleted).deleted
        assert "account_number" not in scene.record(scene.cheque).data
        conflict = scene.record(scene.lost).data
        assert (conflict["fields"], "client" in conflict, "server" in conflict) == (["phone"], False, False)
        assert scene.record(scene.other).data["phone"] == "555"

    def test_erasing_twice_is_erasing_once(self, scene: Scene) -> None:
        scene.erase()
        before = scene.store.head(scene.company)
        result = scene.erase().results[0]
        assert isinstance(result, Result)
        assert not result.changed
        assert scene.store.head(scene.company).hash == before.hash

    def test_a_deleted_person_can_be_erased(self, scene: Scene) -> None:
        ghost = scene.create("party", name=f"{SECRET} Ghost")
        scene.execute("party.delete", ghost)
        scene.execute("party.erase", ghost)
        audit(scene.store, scene.company)
        assert "Ghost" not in scene.everything
        assert scene.record(ghost).deleted

    def test_late_updates_do_not_bring_it_back(self, scene: Scene) -> None:
        scene.erase()
        head = scene.store.head(scene.company)
        for base in ({}, {"base_seq": scene.base}, {"base_seq": head.seq}):
            late = wish("party.update", {"phone": f"9 {SECRET}"}, id=scene.party, **base)
            with pytest.raises(PersonErased):
                scene.ledger.execute(scene.company, [late], scene.till)
        with pytest.raises(PersonErased):
            scene.ledger.execute(
                scene.company,
                [wish("conflict.resolve", {"resolution": "merged", "fields": {"phone": SECRET}}, id=scene.lost)],
                Actor(),
            )
        assert scene.store.head(scene.company).hash == head.hash
        with pytest.raises(StillReferenced):  # there is an invoice to be paid yet
            scene.execute("party.delete", scene.party)
        gone = scene.create("party", name=SECRET)
        for type_ in ("party.erase", "party.delete"):
            scene.execute(type_, gone)
        assert scene.record(gone).deleted

    def test_late_documents_stand_without_what_was_personal(self, scene: Scene) -> None:
        scene.erase()
        lines = [{"description": "Rug", "quantity": "1", "unit_price": "9"}]
        late = {"party_id": str(scene.party), "shipping_address": SECRET, "notes": SECRET}
        sold = scene.ledger.execute(
            scene.company, [wish("invoice.create", {"type": "sales", "lines": lines, **late}, client_id="s-1")], scene.till
        )
        paid = scene.create("payment", amount="9", invoice_id=created(sold), payer_name=SECRET)
        scene.create("cheque", amount="1", payment_id=paid, account_number=SECRET)
        scene.create("attachment", **FILE, storage_key=f"{scene.company}/x", record_kind="party", record_id=scene.party)
        scene.execute("invoice.update", scene.invoice, notes=SECRET, reference="R-1")
        scene.conflict("invoice.update", scene.invoice, {"notes": SECRET, "reference": "R-2"}, scene.base, scene.till)
        correction = {"resolution": f"{SECRET} is right", "correction": {"notes": SECRET, "reference": "R-3"}}
        dispute = scene.create("dispute", record_kind="invoice", record_id=scene.invoice, reason=f"{SECRET} says so")
        scene.execute("dispute.resolve", dispute, **correction)
        audit(scene.store, scene.company)
        assert scene.record(created(sold)).data["total"] == "9.00"
        assert scene.record(scene.invoice).data["reference"] == "R-3"
        assert SECRET not in scene.everything

    def test_a_refused_batch_erases_nobody(self, scene: Scene) -> None:
        before = scene.everything
        commands = [wish("party.erase", id=scene.party), wish("party.update", {"name": ""}, id=scene.other)]
        with pytest.raises(InvalidField):
            scene.ledger.execute(scene.company, commands, Actor())
        commands = [wish("party.erase", id=scene.party), wish("party.update", {"phone": "1"}, id=scene.party)]
        with pytest.raises(PersonErased):
            scene.ledger.execute(scene.company, commands, Actor())
        scene.ledger.execute(scene.company, commands[:1], Actor(), dry_run=True)
        assert scene.everything == before
        outcome = scene.ledger.execute(scene.company, commands, Actor(), atomic=False)
        assert [isinstance(result, Refusal) for result in outcome.results] == [False, True]
        audit(scene.store, scene.company)
        assert SECRET not in scene.everything

    def test_it_wants_a_request_that_writes_nothing_else_about_the_person(self, scene: Scene) -> None:
        commands = [wish("party.update", {"phone": SECRET}, id=scene.party), wish("party.erase", id=scene.party)]
        with pytest.raises(InvalidField, match="another request"):
            scene.ledger.execute(scene.company, commands, Actor())
        beside = [wish("invoice.update", {"reference": "R"}, id=scene.invoice), commands[1]]
        scene.ledger.execute(scene.company, beside, Actor())
        audit(scene.store, scene.company)
        assert scene.record(scene.invoice).data["reference"] == "R"
        assert SECRET not in scene.everything

    def test_a_user_is_erased_with_their_password_and_devices(self, store: Store, company: UUID, peek: Peek) -> None:
        ledger, user, device = Ledger(store), new_id(), new_id()
        data = {"name": f"{SECRET} Omid", "email": f"Omid@{SECRET}.example", "username": f"{SECRET}7", "role": "staff"}
        secret = Credential(user, f"argon-{SECRET}", f"md5-{SECRET}")
        commands = [
            wish("user.create", data, id=user),
            wish("device.create", {"device_id": "d-1", "name": f"{SECRET}'s phone", "user_id": str(user)}, id=device),
        ]
        ledger.execute(company, commands, Actor(), credentials=[secret])
        ledger.execute(company, [wish("user.erase", id=user)], Actor())
        audit(store, company)
        assert SECRET not in peek.everything(company)
        assert SECRET.casefold() not in peek.everything(company)
        assert record_of(store, company, user).data["is_active"] is False
        assert record_of(store, company, device).data == {"device_id": "d-1", "user_id": str(user), "is_active": True}
        again = {**data, "name": "Another Omid"}
        create(ledger, company, "user", **again)  # the e-mail is free again
        with pytest.raises(PersonErased):
            ledger.execute(company, [wish("user.change_password", id=user)], Actor(), credentials=[secret])
        assert "argon" not in peek.everything(company)

    def test_the_owner_is_not_erased(self, store: Store, company: UUID) -> None:
        owner = create(Ledger(store), company, "user", name="Owner", role="tenantOwner")
        with pytest.raises(RolesFixed):
            Ledger(store).execute(company, [wish("user.erase", id=owner)], Actor())

    def test_kept_refusals_repeat_nothing_personal(self, store: Store, company: UUID) -> None:
        ledger = Ledger(store)
        party = create(ledger, company, "party", **{**PARTY, "roles": ["customer"]})
        create(ledger, company, "user", name=SECRET, email=f"a@{SECRET}.example")
        lines = [{"description": "Tea", "quantity": "1", "unit_price": "1"}]
        create(ledger, company, "invoice", type="sales", party_id=party, lines=lines)
        commands = [
            wish("user.create", {"name": "B", "email": f"A@{SECRET}.example"}),
            wish("party.delete", id=party),
            wish("invoice.create", {"type": "purchase", "party_id": str(party)}),
            wish("expense.create", {"amount": "1", "supplier_id": str(party)}),
        ]
        outcome = ledger.execute(company, commands, Actor(), idempotency=once("k", commands), atomic=False)
        assert [type(result) for result in outcome.results] == [Refusal] * 4
        assert SECRET.casefold() not in msgspec.json.encode(outcome).decode().casefold()
        with pytest.raises(ValueTaken) as refused:
            ledger.execute(company, commands[:1], Actor())
        assert refused.value.details == {"field": "email"}

    def test_a_log_from_before_sealing_is_not_erased(self, store: Store, company: UUID, peek: Peek) -> None:
        ledger = Ledger(store)
        party = create(ledger, company, "party", name="Old")
        peek.unseal(company)
        with pytest.raises(PersonNotSealed) as refused:
            ledger.execute(company, [wish("party.erase", id=party)], Actor())
        assert refused.value.details == {"seq": BEGUN + 1}

    def test_another_companys_person_does_not_exist(self, store: Store, scene: Scene) -> None:
        other = register(Ledger(store))
        with pytest.raises(Exception, match="no such party"):
            Ledger(store).execute(other, [wish("party.erase", id=scene.party)], Actor())
        assert SECRET in scene.everything
