"""Every kind: created, changed and deleted, with the events and the record that follow."""

from __future__ import annotations

from typing import Any

import pytest

from domain.catalogue import CATALOGUE
from tests.domain.spec import COMPANY_ID, NOON, Spec, command, uid

X = uid(1)
PARTY, PRODUCT, USER, BANK, INVOICE, ORDER, PAYMENT, ENTRY = map(uid, range(101, 109))

GIVEN = (
    command("user.create", {"name": "Owner", "username": "owner"}, id=USER),
    command("party.create", {"name": "Acme", "roles": ["customer", "supplier"]}, id=PARTY),
    command("product.create", {"name": "Tea", "price": "2.50", "vat_rate": "10"}, id=PRODUCT),
    command("bank.create", {"name": "House bank"}, id=BANK),
    command("invoice.create", {"type": "sales", "party_id": str(PARTY)}, id=INVOICE),
    command("order.create", {"type": "sales"}, id=ORDER),
    command("payment.create", {"amount": "5"}, id=PAYMENT),
    command("journal_entry.create", {}, id=ENTRY),
)

FILE = {"file_name": "a.png", "size": 3, "mime_type": "image/png", "sha256": "0" * 64, "storage_key": f"{COMPANY_ID}/a"}

# kind, data of the create, data of the update, topics of create, update and delete
ROUND_TRIPS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = [
    ("user", {"name": "Sara"}, {"name": "S."}, ("user.created.v1",), ("user.changed.v1",), ("user.deleted.v1",)),
    ("device", {"device_id": "till-1"}, {"name": "Till"}, ("device.registered.v1",), ("device.changed.v1",),
     ("device.removed.v1",)),
    ("session", {"user_id": str(USER), "expires_at": "2026-04-01T00:00:00Z"}, {"generation": 2}, ("session.opened.v1",),
     ("session.changed.v1",), ("session.closed.v1",)),
    ("party_group", {"name": "Retail"}, {"color": "red"}, ("party_group.created.v1",), ("party_group.changed.v1",),
     ("party_group.deleted.v1",)),
    ("party", {"name": "Bo", "customer_class": "retailer"}, {"phone": "1"}, ("party.created.v1",), ("party.changed.v1",),
     ("party.deleted.v1",)),
    ("product_category", {"name": "Drinks"}, {"icon": "cup"}, ("product_category.created.v1",),
     ("product_category.changed.v1",), ("product_category.deleted.v1",)),
    ("product", {"name": "Milk", "sku": "M1"}, {"price": "1.2"}, ("product.created.v1",), ("product.changed.v1",),
     ("product.deleted.v1",)),
    ("product_detail", {"product_id": str(PRODUCT), "prices": ["1", "2"]}, {"prices": ["1", "3"]},
     ("product_detail.created.v1",), ("product_detail.changed.v1",), ("product_detail.deleted.v1",)),
    ("order", {"type": "purchase", "party_id": str(PARTY)}, {"notes": "soon"}, ("order.placed.v1",), ("order.changed.v1",),
     ("order.deleted.v1",)),
    ("order_line", {"order_id": str(ORDER), "product_id": str(PRODUCT)}, {"position": 2},
     ("order_line.added.v1", "order.totalled.v1"), ("order_line.changed.v1",),
     ("order_line.removed.v1", "order.totalled.v1")),
    ("invoice", {"type": "sales", "invoice_number": "1"}, {"notes": "n"}, ("invoice.issued.v1",), ("invoice.changed.v1",),
     ("invoice.deleted.v1",)),
    ("invoice_line", {"invoice_id": str(INVOICE), "product_id": str(PRODUCT)}, {"position": 2},
     ("invoice_line.added.v1", "invoice.totalled.v1"), ("invoice_line.changed.v1",),
     ("invoice_line.removed.v1", "invoice.totalled.v1")),
    ("payment", {"amount": "1.00"}, {"method": "card"}, ("payment.recorded.v1",), ("payment.changed.v1",),
     ("payment.deleted.v1",)),
    ("unit", {"name": "Kilogram"}, {"abbreviation": "kg"}, ("unit.created.v1",), ("unit.changed.v1",), ("unit.deleted.v1",)),
    ("payment_split", {"amount": "1", "payment_id": str(PAYMENT)}, {"reference": "slip 3"}, ("payment_split.recorded.v1",),
     ("payment_split.changed.v1",), ("payment_split.deleted.v1",)),
    ("cheque", {"amount": "1", "payment_id": str(PAYMENT), "cheque_number": "77"}, {"status": "cleared"},
     ("cheque.recorded.v1",), ("cheque.changed.v1",), ("cheque.deleted.v1",)),
    ("bank_group", {"name": "Banks"}, {"notes": "n"}, ("bank_group.created.v1",), ("bank_group.changed.v1",),
     ("bank_group.deleted.v1",)),
    ("bank", {"name": "Main", "iban": "IR1"}, {"branch": "West"}, ("bank.created.v1",), ("bank.changed.v1",),
     ("bank.deleted.v1",)),
    ("cash", {"name": "Till"}, {"code": "7"}, ("cash.created.v1",), ("cash.changed.v1",), ("cash.deleted.v1",)),
    ("payment_account", {"name": "Till", "type": "bank", "bank_id": str(BANK)}, {"is_default": True},
     ("payment_account.opened.v1",), ("payment_account.changed.v1",), ("payment_account.closed.v1",)),
    ("account", {"code": "1001", "name": "Cash", "type": "asset"}, {"name": "Till"}, ("account.opened.v1",),
     ("account.changed.v1",), ("account.closed.v1",)),
    ("journal_entry", {"description": "d"}, {"reference": "r"}, ("journal_entry.drafted.v1",),
     ("journal_entry.changed.v1",), ("journal_entry.deleted.v1",)),
    ("journal_line", {"entry_id": str(ENTRY), "account_code": "1000", "debit": "1"}, {"account_code": "1100"},
     ("journal_line.added.v1",), ("journal_line.changed.v1",), ("journal_line.removed.v1",)),
    ("expense", {"amount": "9.5", "supplier_id": str(PARTY)}, {"category": "rent"}, ("expense.recorded.v1",),
     ("expense.changed.v1",), ("expense.deleted.v1",)),
    ("stock_movement", {"product_id": str(PRODUCT), "quantity": "4"}, {"notes": "n"}, ("stock_movement.recorded.v1",),
     ("stock_movement.changed.v1",), ("stock_movement.withdrawn.v1",)),
    ("custom_record", {"type": "stores", "data": {"name": "West"}}, {"data": {"name": "East"}}, ("custom_record.created.v1",),
     ("custom_record.changed.v1",), ("custom_record.deleted.v1",)),
    ("settings", {"name": "printer", "value": {"width": 80}}, {"value": {"width": 58}}, ("settings.created.v1",),
     ("settings.changed.v1",), ("settings.deleted.v1",)),
    ("number_series", {"prefix": "ORD-"}, {"last": 41}, ("number_series.started.v1",), ("number_series.changed.v1",),
     ("number_series.ended.v1",)),
    ("attachment", {**FILE, "record_kind": "party", "record_id": str(PARTY)}, {"title": "logo"}, ("attachment.stored.v1",),
     ("attachment.changed.v1",), ("attachment.deleted.v1",)),
    ("shift", {"cashier_id": str(USER), "till": "1"}, {"till": "2"}, ("shift.opened.v1",), ("shift.changed.v1",),
     ("shift.withdrawn.v1",)),
    ("held_sale", {"cart": {"lines": [1]}, "party_id": str(PARTY)}, {"label": "blue hat"}, ("held_sale.held.v1",),
     ("held_sale.changed.v1",), ("held_sale.discarded.v1",)),
    ("cash_transaction", {"amount": "5.00", "direction": "in"}, {"category": "misc"}, ("cash_transaction.recorded.v1",),
     ("cash_transaction.changed.v1",), ("cash_transaction.deleted.v1",)),
    ("coupon", {"code": "TEN", "percent": "10"}, {"max_uses": 5}, ("coupon.issued.v1",), ("coupon.changed.v1",),
     ("coupon.deleted.v1",)),
    ("attendance", {"employee_id": str(USER), "date": "2026-03-09"}, {"check_out": "2026-03-09T17:00:00Z"},
     ("attendance.marked.v1",), ("attendance.changed.v1",), ("attendance.deleted.v1",)),
    ("leave", {"employee_id": str(USER), "from_date": "2026-06-01", "to_date": "2026-06-03"}, {"to_date": "2026-06-04"},
     ("leave.requested.v1",), ("leave.changed.v1",), ("leave.withdrawn.v1",)),
    ("dispute", {"record_kind": "party", "record_id": str(PARTY), "reason": "who?"}, {"reason": "why?"},
     ("dispute.opened.v1",), ("dispute.changed.v1",), ("dispute.withdrawn.v1",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data", "changes", "created", "changed", "deleted"), ROUND_TRIPS, ids=[row[0] for row in ROUND_TRIPS]
)
def test_create_update_delete(kind, data, changes, created, changed, deleted) -> None:
    spec = Spec().given(*GIVEN)
    number = spec.warm.numbers.get(kind, 0) + 1

    spec.when(command(f"{kind}.create", data, id=X)).then(*created)
    record = spec.record(X)
    assert (record.kind, record.number, record.version, record.deleted) == (kind, number, 1, False)
    assert data.items() <= record.data.items() or kind in (
        "payment",
        "payment_split",
        "cheque",
        "expense",
        "session",
        "journal_line",
    )
    assert CATALOGUE[kind].state(record) is not None

    spec.when(command(f"{kind}.update", changes, id=X)).then(*changed)
    spec.shows(X, **changes)
    assert (spec.record(X).version, spec.result.changed) == (2, True)

    spec.when(command(f"{kind}.update", changes, id=X)).then()
    assert spec.result.changed is False

    spec.when(command(f"{kind}.delete", id=X)).then(*deleted)
    assert spec.record(X).deleted
    assert spec.record(X).data == {**spec.record(X).data, **changes}
    spec.when(command(f"{kind}.delete", id=X)).then()
    spec.when(command(f"{kind}.update", changes, id=X)).refused("record_deleted", "id")


def test_every_writable_kind_is_in_the_table() -> None:
    writable = {kind.name for kind in CATALOGUE.values() if kind.writable}
    assert writable - {"company"} == {row[0] for row in ROUND_TRIPS}


def test_every_reference_names_a_kind_that_exists() -> None:
    for kind in CATALOGUE.values():
        for field, target in kind.references.items():
            assert target in CATALOGUE, (kind.name, field)
            assert field in kind.field_names
        for field in kind.fixed | kind.kept | {name for unique in kind.unique for name in unique.fields}:
            assert field in kind.field_names, (kind.name, field)
        assert kind.parent is None or kind.parent in kind.field_names


def test_company() -> None:
    spec = Spec(currency="JPY", time_zone="Asia/Tokyo")
    spec.shows(COMPANY_ID, currency="JPY", is_active=True)
    spec.when(command("company.update", {"name": "Babel", "time_zone": "Asia/Tehran"}, id=COMPANY_ID))
    spec.then("company.changed.v1")
    spec.when(command("company.update", {"currency": "USD"}, id=COMPANY_ID)).refused("field_fixed", "data.currency")
    spec.when(command("company.update", {"time_zone": "Mars"}, id=COMPANY_ID)).refused("invalid_field", "data.time_zone")
    spec.when(command("company.delete", id=COMPANY_ID)).refused("still_referenced", "id")
    other = {"name": "Other", "codename": "other"}
    spec.when(command("company.create", other, id=X)).refused("invalid_field", "id")
    spec.when(command("company.create", other, id=COMPANY_ID)).refused("record_exists", "id")


def test_user_roles_and_passwords() -> None:
    spec = Spec().given(command("user.create", {"name": "O", "role": "tenantOwner"}, id=X))
    spec.when(command("user.update", {"role": "user"}, id=X)).refused("role_fixed", "data.role")
    spec.when(command("user.delete", id=X)).refused("role_fixed", "id")
    spec.when(command("user.change_password", id=X)).then("user.password-changed.v1")
    assert spec.log[-1].data == b"{}"


def test_session_refresh_counts_generations() -> None:
    spec = Spec().given(*GIVEN[:1])
    spec.given(command("session.create", {"user_id": str(USER), "expires_at": NOON.isoformat()}, id=X))
    spec.when(command("session.refresh", {"expires_at": "2026-05-01T00:00:00Z"}, id=X)).then("session.refreshed.v1")
    spec.shows(X, generation=2, expires_at="2026-05-01T00:00:00Z")


def test_a_party_with_unpaid_invoices_stays() -> None:
    spec = Spec().given(*GIVEN)
    spec.when(command("party.delete", id=PARTY)).refused("still_referenced", "id")
    spec.given(command("invoice.delete", id=INVOICE)).when(command("party.delete", id=PARTY)).then("party.deleted.v1")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"price": "-1"}, "data.price"),
        ({"cost": "-0.01"}, "data.cost"),
        ({"vat_rate": "100.5"}, "data.vat_rate"),
        ({"levy_rate": "-1"}, "data.levy_rate"),
    ],
)
def test_a_product_has_sensible_prices(data, path) -> None:
    spec = Spec().given(command("product.create", {"name": "Tea"}, id=X))
    spec.when(command("product.create", {"name": "Tea", **data})).refused("invalid_field", path)
    spec.when(command("product.update", data, id=X)).refused("invalid_field", path)


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"storage_key": f"{uid(7)}/a"}, "invalid_field", "data.storage_key"),
        ({"storage_key": f"{COMPANY_ID}/../x"}, "invalid_field", "data.storage_key"),
        ({"storage_key": str(COMPANY_ID)}, "invalid_field", "data.storage_key"),
        ({"record_kind": "party"}, "invalid_field", "data.record_id"),
        ({"record_id": str(PARTY)}, "invalid_field", "data.record_kind"),
        ({"record_kind": "bank", "record_id": str(PARTY)}, "reference_missing", "data.record_id"),
        ({"record_kind": "nothing", "record_id": str(PARTY)}, "invalid_field", "data.record_kind"),
        ({"sha256": "0" * 64 + "\n"}, "invalid_field", "data.sha256"),
        ({"size": -1}, "invalid_field", "data.size"),
    ],
)
def test_attachments_are_bound_and_kept_apart(data, code, path) -> None:
    Spec().given(*GIVEN).when(command("attachment.create", {**FILE, **data})).refused(code, path)


def test_an_attachment_is_bound_later() -> None:
    spec = Spec().given(*GIVEN, command("attachment.create", FILE, id=X))
    spec.when(command("attachment.update", {"record_kind": "order"}, id=X)).refused("invalid_field", "data.record_id")
    spec.when(command("attachment.update", {"record_kind": "order", "record_id": str(PARTY)}, id=X))
    spec.refused("reference_missing", "data.record_id")
    spec.when(command("attachment.update", {"record_kind": "order", "record_id": {"number": 1}}, id=X))
    spec.then("attachment.changed.v1").shows(X, record_id=str(ORDER))


def test_expense_rules() -> None:
    spec = Spec().given(*GIVEN, command("party.create", {"name": "Only customer"}, id=X))
    for data, code, path in (
        ({"amount": "0"}, "amount_not_positive", "data.amount"),
        ({"amount": "1.005"}, "too_many_decimals", "data.amount"),
        ({"amount": "1", "currency": "XXQ"}, "unknown_currency", "data.currency"),
        ({"amount": "1", "supplier_id": str(X)}, "party_role_missing", "data.supplier_id"),
        ({"amount": "1", "description": "x" * 256}, "invalid_field", "data.description"),
        ({"amount": "1", "attachments": [str(PARTY)]}, "reference_missing", "data.attachments[0]"),
    ):
        spec.when(command("expense.create", data)).refused(code, path)
    spec.given(command("attachment.create", FILE, id=uid(2)))
    data = {"amount": "7.5", "status": "requested", "requested_by": str(USER), "attachments": [str(uid(2))]}
    spec.given(command("expense.create", data, id=uid(3)))
    spec.shows(uid(3), amount="7.50", currency="USD", date="2026-03-10", status="requested")
    spec.when(command("expense.update", {"currency": "JPY"}, id=uid(3))).refused("too_many_decimals", "data.amount")
    spec.when(command("expense.update", {"status": "approved"}, id=uid(3))).refused("field_fixed", "data.status")
    spec.when(command("expense.update", {"date": None}, id=uid(3))).refused("invalid_field", "data.date")
    spec.when(command("expense.reject", {"answer": "no"}, id=uid(3))).then("expense.rejected.v1")
    spec.shows(uid(3), status="rejected", answer="no")
    spec.when(command("expense.approve", id=uid(3))).refused("already_resolved", "id")


def test_cheques_belong_to_their_payment() -> None:
    spec = Spec().given(*GIVEN)
    spec.given(command("payment.create", {"amount": "50", "cash_amount": "20", "direction": "out"}, id=uid(2)))
    spec.given(command("cheque.create", {"amount": "30", "payment_id": str(uid(2))}, id=X))
    spec.shows(X, currency="USD", direction="out", status="received", amount="30.00")
    bad = {"amount": "3", "payment_id": str(uid(2)), "currency": "EUR"}
    spec.when(command("cheque.create", bad)).refused("currency_mismatch", "data.currency")
    spec.when(command("payment.update", {"currency": "EUR"}, id=uid(2))).refused("currency_mismatch", "data.currency")
    spec.when(command("cheque.update", {"status": "bounced"}, id=X)).then("cheque.changed.v1")
    spec.when(command("cheque.update", {"amount": "0"}, id=X)).refused("amount_not_positive", "data.amount")
    spec.when(command("payment.update", {"cash_amount": "51"}, id=uid(2))).refused("invalid_field", "data.cash_amount")
    spec.when(command("payment.delete", id=uid(2))).then("cheque.deleted.v1", "payment.deleted.v1")
