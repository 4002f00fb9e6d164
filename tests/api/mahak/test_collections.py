"""The collections, both ways: what a client writes is read as our fields, and written back as it came."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from api.documents import Document
from api.mahak.collections import ALL, OF_VENDOR
from api.mahak.collections.plan import Plan
from api.mahak.collections.view import Known
from domain.catalogue import CATALOGUE
from domain.errors import InvalidField

TEHRAN = ZoneInfo("Asia/Tehran")
SAMPLES = {"i": 1, "l": 7, "d": "1.5", "s": "a text", "b": True, "t": "2025-11-29 12:00:00"}
WRITTEN = {"i": 1, "l": 7, "d": 1.5, "s": "a text", "b": True, "t": "2025-11-29T12:00:00"}
PLANS = [(f"{plan.name}, {plan.kind}", plan) for collection in ALL for plan in collection.plans.values()]
SPECIAL = {"type": "sales", "currency": "USD", "journalEntryCode": "7"}


def row_of(plan: Plan) -> dict[str, Any]:
    """A row with a value in every field, and its names in lower case."""
    row = {wire: SAMPLES[letter] for wire, letter in plan.collection.types.items()}
    row |= {wire: value for wire, value in SPECIAL.items() if isinstance(row.get(wire), str)}
    row["orderType"] = 203 if plan.kind == "order" else 201
    return {wire.lower(): value for wire, value in row.items()}


def document(plan: Plan, data: dict[str, Any]) -> Document:
    """A record that says this."""
    known = {"type": plan.name, **data} if plan.kind == "custom_record" else data
    moment = "2026-11-20T08:48:48.123456Z"
    return Document(
        kind=plan.kind, id="1", number=3, seq=9, version=1, created_at=moment, updated_at=moment, data=known,
        client_id=f"{plan.collection.entity}:7",
    )  # fmt: skip


@pytest.mark.parametrize(("name", "plan"), PLANS, ids=[name for name, _ in PLANS])
def test_a_whole_row_is_fields_of_ours(name: str, plan: Plan) -> None:
    said = plan.names(row_of(plan), TEHRAN, f"{plan.name}[0]")
    data = plan.data(row_of(plan), TEHRAN, f"{plan.name}[0]")
    kind = CATALOGUE[plan.kind]
    assert set(data) <= set(kind.field_names), name
    assert {link.ours[0] for link in plan.view.links if link.ours} >= set(said.links)
    assert said.id == (1 if plan.collection.id_wire else 0)
    assert said.client_id == (0 if not plan.collection.client_wire else 1 if plan.collection.client_wire == "cityID" else 7)
    assert said.row_version == 7
    optional = msgspec.json.encode({field: value for field, value in data.items() if value is not None})
    msgspec.json.decode(optional, type=kind.changes)


@pytest.mark.parametrize("collection", OF_VENDOR, ids=[collection.name for collection in OF_VENDOR])
def test_rows_that_the_ledger_has_no_kind_for_come_back_as_they_went(collection: Any) -> None:
    plan = collection.plans.get("custom_record")
    if plan is None or len(collection.plans) > 1:
        return
    data = plan.data(row_of(plan), TEHRAN, collection.name)
    row = msgspec.json.decode(msgspec.json.encode(plan.row_v1(document(plan, data), Known())))
    assert [wire[0].upper() + wire[1:] for wire in collection.types] == list(row)
    linked = {f"{link.prefix}{end}" for link in plan.view.links for end in ("Id", "ClientId", "Code")}
    framework = {"deleted", "rowVersion", collection.id_wire, collection.client_wire, *collection.bookkeeping}
    for wire, letter in collection.types.items():
        if wire not in linked | framework:
            assert row[wire[0].upper() + wire[1:]] == WRITTEN[letter], wire


WRONG: list[tuple[str, str, Any]] = [
    ("banks", "name", {"a": 1}),
    ("banks", "name", ["x"]),
    ("banks", "bankId", "x"),
    ("banks", "bankId", 2**31),
    ("banks", "bankClientId", 2**63),
    ("banks", "bankGroupId", "x"),
    ("banks", "deleted", "perhaps"),
    ("banks", "rowVersion", 1.5),
    ("cashes", "avalDore", "1,000"),
    ("cashes", "mogodi", "NaN"),
    ("cashes", "mogodi", "1e400"),
    ("orders", "orderType", 206),
    ("orders", "orderDate", "yesterday"),
    ("orders", "orderDate", 20251129),
    ("orders", "immediate", 2),
    ("orderDetails", "discountType", 3),
    ("orderDetails", "count1", True),
    ("cheques", "type", 7),
    ("people", "latitude", "north"),
    ("people", "birthDate", "1990-02-30"),
]


def read_all(plan: Plan, row: dict[str, object], path: str) -> None:
    """Read everything that a row says."""
    plan.names(row, TEHRAN, path)
    plan.data(row, TEHRAN, path)


def test_what_is_wrong_in_a_row_is_told_with_its_field() -> None:
    by_name = {collection.name: collection for collection in ALL}
    for name, wire, value in WRONG:
        plan = by_name[name].plan_of_row({wire.lower(): value})
        if (name, wire) == ("orders", "orderType"):
            plan = by_name[name].plans["invoice"]
        with pytest.raises(InvalidField) as caught:
            read_all(plan, {wire.lower(): value}, f"{name}[3]")
        assert wire in caught.value.path, (name, wire, value)


def test_dates_are_read_as_every_client_writes_them() -> None:
    plan = next(collection for collection in ALL if collection.name == "orders").plans["invoice"]
    for text, day, kept in (
        ("2025-11-29T12:00:00", "2025-11-29", "2025-11-29T12:00:00"),
        ("2025-11-29 12:00:00", "2025-11-29", "2025-11-29T12:00:00"),
        ("2025-11-29T12:00:00.1234567", "2025-11-29", "2025-11-29T12:00:00.123456"),
        ("2025-11-29T22:00:00Z", "2025-11-30", "2025-11-30T01:30:00"),
        ("2025-11-29T12:00:00+03:30", "2025-11-29", "2025-11-29T12:00:00"),
        ("2025-11-29", "2025-11-29", None),
        ("2025-11-29T00:00:00", "2025-11-29", None),
    ):
        data = plan.data({"ordertype": 201, "orderdate": text}, TEHRAN, "orders[0]")
        assert data["issue_date"] == day
        assert (data.get("extra") or {}).get("orderDate") == kept


def test_zero_null_and_absent_name_nothing() -> None:
    plan = next(collection for collection in ALL if collection.name == "orders").plans["invoice"]
    for value in (0, None, "0", ""):
        said = plan.names({"personid": value, "orderid": value, "orderclientid": value}, TEHRAN, "orders[0]")
        assert (said.id, said.client_id, said.links) == (0, 0, {})
    said = plan.names({"personid": "12", "customerid": 0}, TEHRAN, "orders[0]")
    assert (said.links["party_id"].id, said.links["party_id"].path) == (12, "orders[0].personId")
    assert plan.names({"customerid": 20}, TEHRAN, "orders[0]").links["party_id"].id == 20
