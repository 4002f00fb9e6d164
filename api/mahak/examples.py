"""Examples of requests and answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

LOG_IN_V1: Any = {"userName": "visitor1", "password": "5f4dcc3b5aa765d61d8327deb882cf99", "databaseId": 0, "packageNo": "2002"}
LOG_IN_V2: Any = {"username": "user1", "password": "secure_password_here", "databaseId": 1001, "packageNumber": 2002}
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.…"  # noqa: S105 - the beginning of any token

LOGGED_IN_V1: Any = {
    "Result": True,
    "Data": {
        "UserToken": _TOKEN,
        "SyncId": 17,
        "VisitorId": 3,
        "DatabaseId": 1001,
        "UserTitle": "Sara",
        "MahakId": "babil",
        "ServerTime": "2026-11-20T14:08:31.2500000",
        "PackageNo": 2002,
        "CreditDay": 0,
        "HasRadara": False,
        "WithDataTransfer": True,
    },
}
LOGGED_IN_V2: Any = {
    "success": True,
    "result": True,
    "code": 0,
    "message": "Logged in",
    "token": _TOKEN,
    "expireDate": "2026-11-27T10:38:31Z",
    "data": {"userToken": _TOKEN, "visitorId": 3, "databaseId": 1001},
}

PULL_V1: Any = {"fromBankVersion": 0, "fromOrderVersion": 16500, "orderTypes": [201, 299], "pageSize": 100}
PULL_V2: Any = {"banksRowVersion": 0, "ordersRowVersion": 16500, "customersRowVersion": 18000}

_BANK: Any = {"bankId": 1, "bankClientId": 101, "bankCode": 300, "name": "Saman Bank", "deleted": False, "rowVersion": 2200}
PULLED_V1: Any = {
    "Result": True,
    "Data": {"Objects": {"Banks": [{name[0].upper() + name[1:]: value for name, value in _BANK.items()}], "Orders": None}},
}
PULLED_V2: Any = {
    "success": True,
    "code": 0,
    "message": "Data retrieved successfully",
    "result": True,
    "data": {"banks": {"records": [_BANK], "rowVersion": 2200, "hasMore": False}, "objects": {"banks": [_BANK]}},
    "hasMore": False,
}

COMMIT: Any = {
    "orders": [{"orderClientId": 100, "orderType": 201, "personId": 20, "orderDate": "2026-08-09T10:00:00", "visitorId": 3}],
    "orderDetails": [{"orderDetailClientId": 1001, "orderClientId": 100, "productDetailId": 50, "count1": 2, "price": 47500}],
}
SAVED_V1: Any = {
    "Result": False,
    "Data": {
        "Objects": {
            "Orders": {"Results": [{"Result": True, "Index": 1, "EntityId": 501, "EntityClientId": 100, "RowVersion": 16505}]},
            "OrderDetails": {
                "Results": [
                    {
                        "Result": False,
                        "Index": 1,
                        "Errors": [{"Property": "ProductDetailId", "Error": "There is no productDetail …", "Code": 2001}],
                    }
                ]
            },
        }
    },
}
SAVED_V2: Any = {
    "success": True,
    "result": True,
    "code": 0,
    "message": "Data saved successfully",
    "data": {
        "orders": {
            "rowVersion": 16505,
            "records": [{"orderId": 501, "orderClientId": 100, "deleted": False, "rowVersion": 16505}],
        },
        "objects": {
            "orders": {"results": [{"result": True, "index": 1, "entityId": 501, "rowVersion": 16505, "entityClientId": 100}]}
        },
    },
}

SOLVE_ORDER: Any = {
    "databaseId": 1001,
    "disputeItems": [{"id": 501, "code": 7, "resolution": "Two were missing", "correction": {"discount": 95000}}],
}
SOLVE: Any = {
    "databaseId": 1001,
    "entityName": "Receipt",
    "disputeItems": [{"id": 12, "rw": 16505, "reason": "The customer paid 40, not 45"}],
}
SOLVED: Any = {
    "success": True,
    "result": True,
    "code": 0,
    "message": "Disputes saved",
    "data": {"disputes": [{"id": 501, "code": "7", "disputeIds": [3], "status": "resolved", "rowVersion": 16511}]},
}

_LETTER: Any = {
    "number": 12,
    "family": "V2",
    "entities": ["orders", "orderDetails"],
    "code": 2001,
    "error": "reference_missing",
    "field": "orders[0].personId",
    "attempts": 3,
    "firstAt": "2026-11-20T10:38:31Z",
    "lastAt": "2026-11-20T11:00:02Z",
}
_LETTER_ANSWER: Any = {"success": True, "result": True, "code": 0, "message": ""}
_LETTER_ERROR: Any = {"entity": "orders", "index": 0, "field": "personId", "code": 2001, "message": "There is no person 20."}
LETTERS: Any = {**_LETTER_ANSWER, "data": {"deadLetters": [_LETTER], "total": 1, "hasMore": False}}
LETTER: Any = {
    **_LETTER_ANSWER,
    "data": {**_LETTER, "message": "There is no person 20.", "errors": [_LETTER_ERROR], "batch": COMMIT},
}
RETRIED: Any = {**_LETTER_ANSWER, "message": "Accepted", "data": {"number": 12, "accepted": True, "answer": SAVED_V2}}
DISCARDED: Any = {**_LETTER_ANSWER, "data": {"discarded": 1}}
