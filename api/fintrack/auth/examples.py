"""Examples of the auth service, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from api.fintrack.examples import BUSINESS_ID, SESSION_ID, USER_ID, answered

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

enveloped = answered
