"""Examples for the OpenAPI document: forms and answers of objects, made from their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.fintrack.objects import OBJECTS
from api.fintrack.objects.object import IDENTITY, Api, Field, Object
from api.fintrack.topics import SYSTEM_FIELDS
from api.fintrack.values import NIL

BUSINESS_ID = "0197a5c1-6a10-7000-8000-000000000001"
USER_ID = "0197a5c1-6a10-7000-8000-000000000011"
SESSION_ID = "0197a5c1-6a10-7000-8000-000000000021"
ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

_OF_TYPE: Mapping[str, Any] = {
    "ID": ID,
    "String": "text",
    "Text": "text",
    "Double": 100.5,
    "Integer": 1,
    "Date": "2026-03-21T00:00:00.000Z",
    "Boolean": True,
    "Object": {},
}
_OF_NAME: Mapping[str, Any] = {
    "currency": "USD",
    "name": "Shirin",
    "contactName": "Shirin Ahmadi",
    "contactEmail": "info@example.com",
    "phone": "+98 21 5550 0100",
    "taxNumber": "10100302746",
    "address": "12 Garden Street",
    "notes": "Pays by the end of the month",
    "invoiceNumber": "A-1",
    "dueDate": "2026-04-20T00:00:00.000Z",
    "sku": "TEA-1",
    "vatRate": 20,
    "quantity": 2,
    "unitPrice": 100,
    "vatAmount": 40,
    "total": 240,
    "totalAmount": 240,
    "description": "Black tea",
    "productOrService.name": "Black tea",
    "productOrService.description": "Of the spring harvest",
    "expense.description": "Rent of March",
    "expense.notes": "Paid in cash",
    "fullname": "Mina Karimi",
    "user.email": "mina@babil.example",
    "roleId": "accountant",
    "business.name": "Babil",
    "businessCodename": "babil",
    "timeZone": "Asia/Tehran",
    "country": "IR",
    "category": "rent",
    "method": "bank transfer",
    "payerName": "Shirin",
    "reference": "TR-1",
    "email": "info@example.com",
    "balance": 240,
    "balanceCurrency": "USD",
    "businessId": BUSINESS_ID,
    "isActive": True,
    "recordVersion": 1,
    "createdAt": "2026-03-21T08:30:00.000Z",
    "updatedAt": "2026-03-21T08:30:00.000Z",
    "_owner": USER_ID,
    "id": ID,
}
_ITEM = {"productOrServiceId": NIL, "quantity": 2, "description": "Black tea", "unitPrice": 100, "vatRate": 20}


def every_name(object_: Object) -> tuple[str, ...]:
    """The names of all that an object has."""
    return (*IDENTITY, *object_.by_wire, *sorted(object_.derived - object_.by_wire.keys()), *SYSTEM_FIELDS)


def new_form(object_: Object) -> dict[str, Any]:
    """A form of a new object that is taken as it is, but for the ids of others that it has to name."""
    fields = [one for one in object_.fields if one.settable != "never" and (one.required or one.type != "ID")]
    form = {one.wire: _value(object_, one) for one in fields}
    return {**form, "customerId": ID, "items": [_ITEM]} if object_.kind == "invoice" else form


def written(object_: Object, action: str) -> dict[str, Any]:
    """What an API that writes an object answers."""
    row = {**_row(object_, every_name(object_)), **({"isActive": False} if action == "delete" else {})}
    return answered(action, object_.name, row)


def read(object_: Object, api: Api) -> dict[str, Any]:
    """What an API that reads objects answers: a to-one join is a list in lists."""
    row = _row(object_, object_.selected.get(api) or every_name(object_))
    for join in object_.joins.get(api, ()):
        found = _row(OBJECTS[join.of], join.fields) if join.name != "supplier" or object_.kind != "invoice" else None
        one = [found] if found is not None else []
        row[join.name] = found if api == "get" and join.link else one
    return answered("get", object_.name, row) if api == "get" else answered("list", object_.plural, [row])


def _row(object_: Object, names: Iterable[str]) -> dict[str, Any]:
    """An object; an invoice is one of sales."""
    row: dict[str, Any] = {}
    for name in names:
        one = object_.by_wire.get(name)
        row[name] = _OF_NAME[name] if one is None else _value(object_, one)
        if one is not None and one.type == "Enum":
            row[one.index_name] = 0
    return {**row, "supplierId": None} if object_.kind == "invoice" and "supplierId" in row else row


def _value(object_: Object, one: Field) -> Any:
    if one.type == "Enum":
        return one.options[0][0]
    return _OF_NAME.get(f"{object_.name}.{one.wire}", _OF_NAME.get(one.wire, _OF_TYPE[one.type]))


def answered(action: str, name: str, payload: Any) -> dict[str, Any]:
    """An answer of a business API."""
    is_list = isinstance(payload, list)
    methods = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
    body: dict[str, Any] = {
        "status": "OK",
        "statusCode": 201 if action == "create" else 200,
        "elapsedMs": 12,
        "ssoTime": 2,
        "source": "db",
        "cacheKey": "c2f8d3b6a1e04f57b8a9c0d1e2f3a4b5",
        "userId": USER_ID,
        "sessionId": SESSION_ID,
        "requestId": "4f1c9a52b77d4f0f8a3c6d2e1b0a9f88",
        "dataName": name,
        "method": methods.get(action, "GET"),
        "action": action,
        "appVersion": "0.1.0",
        "rowCount": len(payload) if is_list else 1,
        name: payload,
    }
    if is_list:
        paging = {"pageNumber": 1, "pageRowCount": 25, "totalRowCount": len(payload), "pageCount": 1}
        body |= {"paging": paging, "filters": [], "uiPermissions": []}
    return body
