"""Writes that were based on a version which the record has left: what each policy makes of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from domain.record import Record
from tests.domain.spec import COMPANY_ID, DEVICE_A, LOGIN, NOON, A, B, Spec, command, uid

X = uid(1)
LATE, EARLY = NOON + timedelta(hours=1), NOON - timedelta(hours=1)


def moved(kind: str, first: dict[str, Any], foreign: dict[str, Any]) -> tuple[Spec, int]:
    """A record that device A made and device B changed since; and the seq that A knows."""
    spec = Spec().given(command(f"{kind}.create", first, id=X))
    base = spec.record(X).seq
    spec.given(command(f"{kind}.update", foreign, id=X, occurred_at=NOON), by=B)
    return spec, base


def conflict(spec: Spec) -> Record:
    assert spec.result.conflict is not None
    return spec.record(spec.result.conflict)


def test_server_wins() -> None:
    spec, base = moved("payment", {"amount": "1"}, {"notes": "B"})
    spec.when(command("payment.update", {"method": "card"}, id=X, base_seq=base)).then("conflict.recorded.v1")
    spec.shows(X, notes="B", method=None)
    assert (spec.result.changed, spec.result.outcome) == (True, "server_kept")
    data = conflict(spec).data
    assert (data["status"], data["client"], data["server"]) == ("settled", {"method": "card"}, {"method": None})
    assert (data["base_seq"], data["server_seq"], data["policy"]) == (base, spec.record(X).seq, "server_wins")
    # What the record says already is no conflict, nor is an amount that is written otherwise.
    spec.when(command("payment.update", {"notes": "B", "amount": "1.000"}, id=X, base_seq=base)).then()
    spec.when(command("payment.delete", id=X, base_seq=base)).then("conflict.recorded.v1")
    assert not spec.record(X).deleted
    spec.when(command("payment.update", {"method": "card"}, id=X, base_seq=base, on_conflict="refuse"))
    spec.refused("version_stale", "base_seq")
    spec.when(command("payment.update", {"method": "card"}, id=X, base_seq=spec.record(X).seq)).then("payment.changed.v1")


def test_merge() -> None:
    spec, base = moved("product", {"name": "Tea", "price": "2"}, {"price": "3", "barcode": "b"})
    spec.when(command("product.update", {"name": "Green tea", "price": "4", "barcode": "b"}, id=X, base_seq=base))
    spec.then("product.changed.v1", "conflict.recorded.v1").shows(X, name="Green tea", price="3", barcode="b")
    assert conflict(spec).data["fields"] == ["price"]
    assert conflict(spec).data["client"] == {"price": "4"}
    assert conflict(spec).data["server"] == {"price": "3"}
    assert spec.result.outcome == "merged"
    spec.when(command("product.update", {"price": "2.00"}, id=X, base_seq=base)).then()  # as A knew it: no change of A's
    spec.when(command("product.update", {"unit": "kg"}, id=X, base_seq=base)).then("product.changed.v1")
    assert (spec.result.outcome, spec.result.conflict) == ("merged", None)
    spec.when(command("product.update", {"price": "5"}, id=X, base_seq=base)).then("conflict.recorded.v1")
    assert spec.result.outcome == "server_kept"


def test_latest_wins() -> None:
    spec, base = moved("party", {"name": "Bo", "phone": "1"}, {"phone": "2"})
    spec.now = LATE + timedelta(hours=1)
    spec.when(command("party.update", {"phone": "3", "city": "Oslo"}, id=X, base_seq=base, occurred_at=EARLY))
    spec.then("party.changed.v1", "conflict.recorded.v1").shows(X, phone="2", city="Oslo")
    assert conflict(spec).data["client"] == {"phone": "3"}
    spec.when(command("party.update", {"phone": "3"}, id=X, base_seq=base, occurred_at=LATE))
    spec.then("party.changed.v1", "conflict.recorded.v1").shows(X, phone="3")
    assert (conflict(spec).data["client"], conflict(spec).data["server"]) == ({"phone": "3"}, {"phone": "2"})
    spec.when(command("party.delete", id=X, base_seq=base, occurred_at=EARLY)).then("conflict.recorded.v1")
    spec.when(command("party.delete", id=X, base_seq=base, occurred_at=LATE)).then("party.deleted.v1")
    assert spec.result.outcome == "deleted"


def test_a_clock_that_is_ahead_does_not_win_for_ever() -> None:
    spec = Spec().given(command("party.create", {"name": "Bo"}, id=X))
    base = spec.record(X).seq
    spec.given(command("party.update", {"phone": "2"}, id=X, occurred_at=datetime(2099, 1, 1, tzinfo=timezone.utc)), by=B)
    spec.when(command("party.update", {"phone": "3"}, id=X, base_seq=base)).shows(X, phone="3")


def test_manual() -> None:
    spec = Spec().given(command("settings.create", {"name": "s", "value": {"a": 1}}, id=X))
    base = spec.record(X).seq
    spec.given(command("settings.update", {"value": {"a": 2}}, id=X), by=B)

    def contested() -> None:
        spec.when(command("settings.update", {"value": {"a": 3}}, id=X, base_seq=base)).then("conflict.recorded.v1")
        spec.shows(X, value={"a": 2})
        assert conflict(spec).data["status"] == "open"

    contested()
    opened = conflict(spec).id
    spec.when(command("conflict.resolve", {"resolution": "server"}, id=opened)).then("conflict.resolved.v1")
    spec.shows(X, value={"a": 2})
    spec.when(command("conflict.resolve", {"resolution": "server"}, id=opened)).refused("already_resolved", "id")
    contested()
    bad = {"resolution": "merged", "fields": {"value": 1}}
    spec.when(command("conflict.resolve", bad, id=conflict(spec).id)).refused("invalid_field", "data.fields.value")
    contested()
    bad = {"resolution": "merged", "fields": {"name": "t"}}
    spec.when(command("conflict.resolve", bad, id=conflict(spec).id)).refused("field_fixed", "data.name")
    contested()
    merged = {"resolution": "merged", "fields": {"value": {"a": 4}}, "note": "both"}
    spec.when(command("conflict.resolve", merged, id=conflict(spec).id)).then("settings.changed.v1", "conflict.resolved.v1")
    spec.shows(X, value={"a": 4})
    spec.when(command("settings.update", {"value": {"a": 5}}, id=X, base_seq=base))
    spec.when(command("conflict.resolve", {"resolution": "client"}, id=conflict(spec).id))
    spec.then("settings.changed.v1", "conflict.resolved.v1").shows(X, value={"a": 5})
    spec.when(command("settings.delete", id=X, base_seq=base)).then("conflict.recorded.v1")
    assert spec.result.outcome == "open"
    spec.when(command("conflict.resolve", {"resolution": "client"}, id=conflict(spec).id))
    spec.then("settings.deleted.v1", "conflict.resolved.v1")
    company = spec.record(COMPANY_ID).seq
    spec.given(command("company.update", {"name": "B"}, id=COMPANY_ID), by=B)
    spec.when(command("company.update", {"name": "A"}, id=COMPANY_ID, base_seq=company)).then("conflict.recorded.v1")


def test_resolving_for_the_client_checks_references() -> None:
    spec, base = moved("product", {"name": "Tea"}, {"category_id": None, "name": "T"})
    spec.given(command("product_category.create", {"name": "C"}, id=uid(5)))
    spec.given(command("product.update", {"category_id": str(uid(5))}, id=X), by=B)
    spec.given(command("product_category.create", {"name": "D"}, id=uid(6)))
    spec.given(command("product.update", {"category_id": str(uid(6))}, id=X, base_seq=base))
    lost = conflict(spec).id
    spec.given(command("product_category.delete", id=uid(6)))
    spec.when(command("conflict.resolve", {"resolution": "client"}, id=lost))
    spec.refused("reference_missing", "data.fields.category_id")


def test_a_deleted_record_does_not_come_back() -> None:
    for kind, data in (("payment", {"amount": "1"}), ("product", {"name": "T"}), ("party", {"name": "B"})):
        spec = Spec().given(command(f"{kind}.create", data, id=X))
        base = spec.record(X).seq
        spec.given(command(f"{kind}.delete", id=X), by=B)
        spec.when(command(f"{kind}.update", {"notes": "n"}, id=X, base_seq=base)).then("conflict.recorded.v1")
        assert spec.record(X).deleted
        assert conflict(spec).data["server_deleted"] is True
        spec.when(command("conflict.resolve", {"resolution": "client"}, id=conflict(spec).id)).refused("record_deleted", "id")
        spec.when(command(f"{kind}.update", {"notes": "n"}, id=X, base_seq=base, on_conflict="refuse"))
        spec.refused("version_stale", "base_seq")


def test_a_device_never_conflicts_with_itself() -> None:
    spec = Spec().given(command("payment.create", {"amount": "1"}, id=X))
    base = spec.record(X).seq
    spec.given(command("payment.update", {"notes": "1"}, id=X, base_seq=base), by=A)
    spec.when(command("payment.update", {"notes": "2"}, id=X, base_seq=base), by=A).then("payment.changed.v1")
    spec.when(command("payment.delete", id=X, base_seq=base), by=B).then("conflict.recorded.v1")


def test_its_own_later_edit_hides_no_foreign_change() -> None:
    spec, base = moved("product", {"name": "Tea", "price": "2"}, {"price": "3"})
    spec.given(command("product.update", {"name": "Own"}, id=X, base_seq=base), by=A)
    assert spec.log[-1].device_id == DEVICE_A
    spec.when(command("product.update", {"price": "4", "name": "Own 2"}, id=X, base_seq=base), by=A)
    spec.then("product.changed.v1", "conflict.recorded.v1").shows(X, price="3", name="Own 2")


def test_one_request_never_conflicts_with_itself() -> None:
    for actor in (A, LOGIN):
        spec = Spec().given(command("payment.create", {"amount": "1"}, id=X))
        base = spec.record(X).seq
        first = command("payment.update", {"notes": "1"}, id=X, base_seq=base)
        second = command("payment.update", {"notes": "2", "method": "card"}, id=X, base_seq=base)
        spec.when(first, second, by=actor).then("payment.changed.v1", "payment.changed.v1").shows(X, notes="2")
    made = command("product.create", {"name": "T"}, id=uid(2))
    spec.when(made, command("product.update", {"name": "U"}, id=uid(2), base_seq=0), by=LOGIN)
    spec.then("product.created.v1", "product.changed.v1")


def test_a_request_meets_what_others_did_before_it() -> None:
    spec, base = moved("payment", {"amount": "1"}, {"notes": "B"})
    stale = command("payment.update", {"notes": "A"}, id=X, base_seq=base)
    fresh = command("payment.update", {"method": "card"}, id=X)
    spec.when(fresh, stale, by=LOGIN).then("payment.changed.v1", "conflict.recorded.v1").shows(X, notes="B", method="card")


def test_actions_need_the_version_they_were_based_on() -> None:
    spec, base = moved("journal_entry", {}, {"notes": "B"})
    spec.when(command("journal_entry.post", id=X, base_seq=base)).refused("version_stale", "base_seq")
