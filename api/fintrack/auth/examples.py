"""Examples of the auth service, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

USER_ID = "0197a5c1-6a10-7000-8000-000000000011"
BUSINESS_ID = "0197a5c1-6a10-7000-8000-000000000001"
SESSION_ID = "0197a5c1-6a10-7000-8000-000000000021"
CODE = "123456"
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.…"  # noqa: S105 - an example

LOG_IN = {"username": "admin@daftar.example", "password": "daftar-demo", "_business": "babil"}
LOGGED_OUT = {"status": "OK", "message": "User logged out successfully"}
_AVATAR = f"/bucket/download/{USER_ID}"
SESSION: dict[str, Any] = {
    "sessionId": SESSION_ID,
    "userId": USER_ID,
    "email": "admin@daftar.example",
    "fullname": "Demo owner",
    "name": "Demo owner",
    "avatar": _AVATAR,
    "roleId": "tenantOwner",
    "role": "tenantOwner",
    "emailVerified": True,
    "mobileVerified": False,
    "tenantId": BUSINESS_ID,
    "businessId": BUSINESS_ID,
    "tenantCodename": "babil",
    "businessCodename": "babil",
    "accessToken": _TOKEN,
    "userBucketToken": _TOKEN,
    "tenantBucketToken": _TOKEN,
}
USER: dict[str, Any] = {
    "id": USER_ID,
    "email": "mina@babil.example",
    "fullname": "Mina Karimi",
    "name": "Mina Karimi",
    "avatar": _AVATAR,
    "roleId": "accountant",
    "role": "accountant",
    "emailVerified": False,
    "mobile": None,
    "mobileVerified": False,
    "businessId": BUSINESS_ID,
    "isActive": True,
    "recordVersion": 1,
    "createdAt": "2026-11-20T08:30:00.000Z",
    "updatedAt": "2026-11-20T08:30:00.000Z",
    "_owner": USER_ID,
    "_archivedAt": None,
}
BUSINESS: dict[str, Any] = {
    "id": BUSINESS_ID,
    "name": "Babil",
    "businessCodename": "babil",
    "codename": "babil",
    "avatar": None,
    "isActive": True,
}
STARTED = {
    "status": "OK",
    "codeIndex": 1,
    "timeStamp": 1_795_192_200_000,
    "date": "2026-11-20T08:30:00.000Z",
    "expireTime": 86_400,
    "verificationType": "byLink",
}
VERIFIED = {"status": "OK", "isVerified": True, "email": "mina@babil.example", "mobileVerificationNeeded": False}
RESET = {"status": "OK", "isVerified": True, "email": "mina@babil.example", "userId": USER_ID}


def enveloped(action: str, name: str, payload: Any) -> dict[str, Any]:
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
