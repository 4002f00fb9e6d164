"""What a batch came to, in the words of each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.mahak.collections import COLLECTIONS
from api.mahak.collections.collection import Collection
from api.mahak.errors import code_of
from api.mahak.saving.batch import Item
from api.mahak.saving.execution import Saved, field_of
from api.mahak.values import write_code

ANSWERED = (
    "banks",
    "bankGroups",
    "currencies",
    "cashes",
    "checklists",
    "cheques",
    "expenses",
    "expenseGroups",
    "extraDatas",
    "orderDetails",
    "orders",
    "personGroups",
    "people",
    "personAddresses",
    "pictures",
    "productCategories",
    "productDetails",
    "products",
    "receipts",
    "settings",
    "transactions",
    "visitors",
    "visitorCashes",
    "visitorBanks",
    "visitorIncomes",
    "visitorExpenses",
    "visitorPeople",
    "visitorProducts",
    "costLevelNames",
    "notRegisters",
    "promotions",
    "promotionDetails",
    "promotionEntities",
    "returnReasons",
    "transferAccounts",
    "transferStores",
    "transferStoreDetails",
    "visitorLocations",
    "productProperties",
    "propertyDescriptions",
    "propertyDescriptionValues",
    "incomes",
    "incomeGroups",
    "projects",
    "stores",
    "photoGalleries",
    "productDetailStoreAssets",
    "missions",
    "missionDetails",
    "units",
    "companies",
    "payments",
    "paymentCheques",
    "mahakpays",
    "taxOrderReceipts",
)
"""The collections of a captured answer, in their order, which is not that of a pull."""
NOT_ANSWERED = frozenset({"regions", "orderTaxStatuses"})
"""Collections for which the vendor's server has no results, unless a client sends some all the same."""


def answer_v1(saved: Mapping[str, Sequence[Saved]]) -> dict[str, Any]:
    """`Result` is false as soon as one row was refused; every collection has its `Results`, in the order of the request."""
    objects: dict[str, Any] = {}
    for name in (*ANSWERED, *sorted(NOT_ANSWERED & saved.keys())):
        rows = saved.get(name, ())
        if rows or name not in NOT_ANSWERED:
            objects[COLLECTIONS[name].saved_name] = {"Results": [_result_v1(row) for row in rows]}
    is_whole = all(row.error is None for rows in saved.values() for row in rows)
    return {"Result": is_whole, "Data": {"Objects": objects}}


def _result_v1(row: Saved) -> dict[str, Any]:
    item = row.item
    if row.error is not None:
        error: dict[str, Any] = {"Property": _property(row), "Error": row.error.message, "Code": code_of(type(row.error))}
        return {"Result": False, "Index": item.index + 1, "Errors": [error]}
    told: dict[str, Any] = {"Result": True, "Index": item.index + 1, "EntityId": row.id}
    if item.client_id:
        told["EntityClientId"] = item.client_id
    if code := _code_of(item):
        told["EntityCode"] = code
    told["RowVersion"] = row.version
    if row.outcome:
        told["AdditionalData"] = {"Conflict": row.outcome}
    return told


def _property(row: Saved) -> str:
    assert row.error is not None
    if named := row.error.details.get("properties"):
        return str(named)
    field = field_of(row.item, row.error)
    return field[:1].upper() + field[1:]


def answer_v2(saved: Mapping[str, Sequence[Saved]], names: Mapping[str, str]) -> dict[str, Any]:
    """For every collection that was sent: its highest version and its rows' ids, in the order of the request.

    `names` are those that the request has for them. Beside them, under `objects`, the same as the vendor has it.
    """
    data: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for name, rows in saved.items():
        collection = COLLECTIONS[name]
        records = [_record_v2(collection, row) for row in rows]
        data[names[name]] = {"rowVersion": max((row.version for row in rows), default=0), "records": records}
        results = [_result_v2(row) for row in rows]
        objects[collection.saved_name[:1].lower() + collection.saved_name[1:]] = {"results": results}
    return {
        "success": True,
        "result": True,
        "code": 0,
        "message": "Data saved successfully",
        "data": {**data, "objects": objects},
    }


def _record_v2(collection: Collection, row: Saved) -> dict[str, Any]:
    item = row.item
    told: dict[str, Any] = {collection.id_wire or "id": row.id}
    if collection.client_wire:
        told[collection.client_wire] = item.client_id
    if collection.also:
        told[f"{collection.also}Id"] = row.id
        told[f"{collection.also}ClientId"] = item.client_id
    told |= {"deleted": item.deleted, "rowVersion": row.version}
    if row.outcome:
        told["conflict"] = row.outcome
    return told


def _result_v2(row: Saved) -> dict[str, Any]:
    item = row.item
    told = {"result": True, "index": item.index + 1, "entityId": row.id, "rowVersion": row.version}
    if item.client_id:
        told["entityClientId"] = item.client_id
    return {**told, "entityCode": code} if (code := _code_of(item)) else told


def _code_of(item: Item) -> int:
    """The accounting program's code, where the row says one that is a number."""
    code_wire = item.collection.code_wire
    code = item.row.get(code_wire.lower()) if code_wire else None
    return write_code(code) if isinstance(code, int | str) and not isinstance(code, bool) else 0
