"""Disputes: opened, corrected, resolved or withdrawn; and what the disputed record says of them."""

from __future__ import annotations

import pytest

from tests.domain.spec import B, Spec, command, uid

RECORD, FIRST, SECOND = map(uid, range(1, 4))


def opened(kind: str, data: dict) -> Spec:
    spec = Spec().given(command(f"{kind}.create", data, id=RECORD))
    about = {"record_kind": kind, "record_id": {"number": 1}, "reason": "wrong"}
    return spec.when(command("dispute.create", about, id=FIRST), by=B)


@pytest.mark.parametrize("kind", ["invoice", "order"])
def test_the_record_says_so(kind) -> None:
    line = {"description": "x", "unit_price": "100"}
    spec = opened(kind, {"type": "sales", "lines": [line]}).then("dispute.opened.v1", f"{kind}.disputed.v1")
    spec.shows(RECORD, disputed=True, dispute_id=str(FIRST)).shows(FIRST, status="open", record_id=str(RECORD))
    assert spec.record(FIRST).created_by == B.user_id
    spec.given(command("dispute.create", {"record_kind": kind, "record_id": str(RECORD), "reason": "too"}, id=SECOND))
    spec.when(command("dispute.delete", id=SECOND)).then("dispute.withdrawn.v1").shows(RECORD, disputed=True)
    settled = {"resolution": "10 off", "correction": {"discount": "10"}}
    spec.when(command("dispute.resolve", settled, id=FIRST))
    spec.then(f"{kind}.changed.v1", "dispute.resolved.v1", f"{kind}.dispute-resolved.v1")
    spec.shows(RECORD, disputed=False, total="90.00").shows(FIRST, status="resolved", correction={"discount": "10"})
    spec.when(command("dispute.resolve", {"resolution": "again"}, id=FIRST)).refused("already_resolved", "id")
    spec.when(command("dispute.delete", id=FIRST)).then("dispute.withdrawn.v1")


def test_other_records() -> None:
    spec = opened("payment", {"amount": "5"}).then("dispute.opened.v1")
    for correction, code, path in (
        ({"amount": "x"}, "invalid_field", "data.correction.amount"),
        ({"nonsense": 1}, "invalid_field", "data.correction.nonsense"),
        ({"amount": "0"}, "amount_not_positive", "data.amount"),
        ({"invoice_id": str(uid(77))}, "reference_missing", "data.correction.invoice_id"),
    ):
        spec.when(command("dispute.resolve", {"resolution": "r", "correction": correction}, id=FIRST)).refused(code, path)
    lines = {"type": "sales", "lines": [{"description": "x", "unit_price": "5"}]}
    spec.given(command("invoice.create", lines, id=SECOND))
    correction = {"invoice_id": str(SECOND)}
    spec.when(command("dispute.resolve", {"resolution": "it was for that", "correction": correction}, id=FIRST))
    spec.then("payment.changed.v1", "invoice.settlement-changed.v1", "dispute.resolved.v1").shows(SECOND, status="paid")


def test_a_line_is_corrected_with_its_invoice() -> None:
    line = {"description": "x", "unit_price": "5", "id": str(SECOND)}
    spec = Spec().given(command("invoice.create", {"type": "sales", "lines": [line]}, id=RECORD))
    about = {"record_kind": "invoice_line", "record_id": str(SECOND), "reason": "wrong"}
    spec.given(command("dispute.create", about, id=FIRST))
    spec.given(command("dispute.resolve", {"resolution": "two", "correction": {"quantity": "2"}}, id=FIRST))
    spec.shows(RECORD, total="10.00")


def test_refusals() -> None:
    spec = opened("invoice", {"type": "sales"})
    about = {"record_kind": "invoice", "record_id": str(uid(9)), "reason": "r"}
    spec.when(command("dispute.create", about)).refused("reference_missing", "data.record_id")
    spec.when(command("dispute.create", {**about, "record_kind": "order", "record_id": str(RECORD)}))
    spec.refused("reference_missing", "data.record_id")
    spec.when(command("dispute.create", {**about, "record_kind": "x"})).refused("invalid_field", "data.record_kind")
    spec.when(command("dispute.create", {**about, "reason": ""})).refused("invalid_field", "data.reason")
    spec.when(command("dispute.update", {"record_kind": "order"}, id=FIRST)).refused("field_fixed", "data.record_kind")
    spec.given(command("invoice.delete", id=RECORD))
    correction = {"resolution": "r", "correction": {"notes": "n"}}
    spec.when(command("dispute.resolve", correction, id=FIRST)).refused("record_deleted", "data.correction")
    spec.when(command("dispute.resolve", {"resolution": "gone"}, id=FIRST)).then("dispute.resolved.v1")
