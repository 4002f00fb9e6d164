"""Ids, numbers, client ids, references and unique values."""

from __future__ import annotations

import pytest

from domain.decide import decide
from domain.errors import ValueTaken
from tests.domain.spec import LOGIN, A, B, Spec, command, contents, uid

X, Y = uid(1), uid(2)


@pytest.mark.parametrize(
    ("kind", "field", "data", "same"),
    [
        ("product", "sku", {"name": "T"}, "S1"),
        ("invoice", "invoice_number", {"type": "sales"}, "INV-1"),
        ("order", "order_number", {"type": "sales"}, "PO-1"),
        ("user", "email", {"name": "U"}, "a@b.c"),
        ("user", "username", {"name": "U"}, "u1"),
        ("device", "device_id", {}, "till"),
        ("settings", "name", {"value": {}}, "printer"),
    ],
)
def test_unique_values_are_free_again_after_deletion(kind, field, data, same) -> None:
    make = command(f"{kind}.create", {**data, field: same})
    spec = Spec().given(command(f"{kind}.create", {**data, field: same}, id=X))
    spec.when(make).refused("value_taken", f"data.{field}")
    spec.given(command(f"{kind}.delete", id=X)).given(make)
    spec.when(command(f"{kind}.create", {**data, field: same})).refused("value_taken", f"data.{field}")


def test_unique_values_move_with_an_update() -> None:
    spec = Spec().given(command("product.create", {"name": "T", "sku": "1"}, id=X))
    spec.given(command("product.create", {"name": "T", "sku": "2"}, id=Y))
    spec.when(command("product.update", {"sku": "1"}, id=Y)).refused("value_taken", "data.sku")
    spec.given(command("product.update", {"sku": None}, id=X), command("product.update", {"sku": "1"}, id=Y))
    spec.given(command("product.create", {"name": "T", "sku": "2"}))
    spec.given(command("user.create", {"name": "U", "email": "Ann@b.c"}))
    spec.when(command("user.create", {"name": "U", "email": "ann@B.C"})).refused("value_taken", "data.email")
    within = [command("product.create", {"name": "T", "sku": "9"}) for _ in range(2)]
    spec.when(*within).refused("value_taken", "data.sku")


def test_numbers_are_dense_per_kind() -> None:
    spec = Spec()
    for number in (1, 2, 3):
        spec.given(command("party.create", {"name": "P"}))
        assert spec.result.number == number
        spec.when(command("party.create", {"name": ""})).refused("invalid_field", "data.name")
    spec.given(command("party.delete", number=3), command("party.create", {"name": "P"}))
    assert spec.result.number == 4
    spec.given(command("party_group.create", {"name": "G"}))
    assert spec.result.number == 1


def test_client_ids_are_mapped_once_and_for_ever() -> None:
    make = command("party.create", {"name": "P"}, client_id="100")
    spec = Spec().given(make)
    first = spec.result.id
    spec.when(make).then()
    assert (spec.result.id, spec.result.changed, spec.result.idempotent_replay) == (first, False, True)
    spec.given(make, by=B)  # another device may have used 100 too
    assert spec.result.id != first
    spec.given(command("party.update", {"phone": "1"}, client_id="100")).shows(first, phone="1")
    spec.given(command("party.delete", client_id="100"))
    spec.when(make).then()
    assert (spec.result.id, spec.result.deleted) == (first, True)
    spec.when(make, make, by=LOGIN).then("party.created.v1")
    assert spec.results[0].id == spec.results[1].id
    assert spec.record(first).source == A.source


def test_a_command_may_speak_for_another_source() -> None:
    spec = Spec().given(command("invoice.create", {"type": "sales"}, id=X))
    line = {"invoice_id": str(X), "description": "x", "unit_price": "1"}
    spec.given(command("invoice_line.create", line, client_id="7", source="old-system"))
    assert spec.record(spec.result.id).source == "old-system"
    spec.given(command("invoice_line.update", {"quantity": "2"}, client_id="7", source="old-system"))
    spec.when(command("invoice_line.update", {"quantity": "2"}, client_id="7")).refused("record_not_found", "id")


def test_nested_lines_have_ids_of_their_own() -> None:
    line = {"description": "x", "unit_price": "1", "client_id": "l1", "id": str(Y)}
    make = {"type": "sales", "lines": [line]}
    spec = Spec().given(command("invoice.create", make))
    assert (spec.record(Y).client_id, spec.record(Y).source) == ("l1", A.source)
    spec.when(command("invoice.create", make)).refused("record_exists", "data.lines[0].id")
    again = {"type": "sales", "lines": [{**line, "id": str(uid(9))}]}
    spec.when(command("invoice.create", again)).refused("value_taken", "data.lines[0].client_id")
    twice = {**line, "id": None, "client_id": "l2"}
    both = {"type": "sales", "lines": [twice, twice]}
    spec.when(command("invoice.create", both)).refused("value_taken", "data.lines[1].client_id")
    spec.when(command("order.create", {"type": "sales", "lines": [line]})).refused("record_exists", "data.lines[0].id")


def test_references_by_number_and_client_id_in_the_same_batch() -> None:
    spec = Spec()
    spec.when(
        command("party.create", {"name": "P"}, client_id="p"),
        command("product.create", {"name": "T", "price": "3"}, client_id="t"),
        command(
            "invoice.create",
            {"type": "sales", "party_id": {"client_id": "p"}, "lines": [{"product_id": {"number": 1}, "quantity": "2"}]},
            client_id="i",
        ),
        command("invoice_line.create", {"invoice_id": {"client_id": "i"}, "product_id": {"client_id": "t"}}),
        command("payment.create", {"amount": "9", "invoice_id": {"client_id": "i", "source": A.source}}),
    )
    invoice = spec.only("invoice")
    assert spec.results[2].id == invoice.id
    spec.shows(invoice.id, total="9.00", paid="9.00", status="paid", party_id=str(spec.only("party").id))
    spec.when(command("payment.create", {"amount": "1", "invoice_id": {"client_id": "i"}}), by=B)
    spec.refused("reference_missing", "data.invoice_id")


def test_naming_the_record() -> None:
    spec = Spec().given(command("party.create", {"name": "P"}, id=X))
    spec.when(command("party.update", {"name": "Q"}, number=1)).then("party.changed.v1")
    spec.when(command("party.update", {"name": "R"}, number=2)).refused("record_not_found", "id")
    spec.when(command("product.update", {"name": "R"}, id=X)).refused("record_not_found", "id")
    spec.when(command("party.update", {"name": "R"})).refused("invalid_field", "id")
    spec.when(command("party.create", {"name": "R"}, id=X)).refused("record_exists", "id")
    spec.when(command("party.update", {"group_id": str(X)}, id=X)).refused("reference_missing", "data.group_id")
    spec.when(command("party.fly", id=X)).refused("unknown_kind", "type")
    spec.when(command("dragon.create", id=X)).refused("unknown_kind", "type")
    spec.when(command("conflict.create", {}, id=X)).refused("unknown_kind", "type")


def test_a_reference_that_stays_may_point_to_what_was_deleted() -> None:
    spec = Spec().given(command("party_group.create", {"name": "G"}, id=Y))
    spec.given(command("party.create", {"name": "P", "group_id": str(Y)}, id=X), command("party_group.delete", id=Y))
    spec.given(command("party.update", {"group_id": str(Y), "phone": "1"}, id=X))
    spec.when(command("party.create", {"name": "P", "group_id": str(Y)})).refused("reference_missing", "data.group_id")


def test_a_refused_command_leaves_the_ones_before_it() -> None:
    spec = Spec().given(command("party.create", {"name": "P"}, id=X, client_id="1"))
    spec.when(command("party.create", {"name": "Q"}, id=Y, client_id="2"))
    decision = spec.decision
    assert decision is not None
    before, events = contents(decision.books), list(decision.events)
    line = {"description": "x", "unit_price": "1", "client_id": "same"}
    data = {"type": "sales", "invoice_number": "1", "party_id": str(Y), "lines": [line, line]}
    with pytest.raises(ValueTaken):  # at its second line, when much was emitted already
        decide(decision, command("invoice.create", data, client_id="9"))
    assert contents(decision.books) == before
    assert decision.events == events
    assert decision.client_ids == {}
    assert decide(decision, command("invoice.create", {**data, "lines": [line]}, client_id="9")).number == 1
