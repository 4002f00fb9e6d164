"""Examples of the OpenAPI document: a shop, its owner, and two devices."""

from __future__ import annotations

from typing import Any

_MOMENT = "2025-12-13T10:00:00.000000Z"
_DEVICE = "7e1c3a52-8a0d-4a1e-9c53-0d8f5f3c7b11"

REGISTER: dict[str, Any] = {
    "name": "Mina Sami",
    "email": "mina@bazaar.example",
    "password": "correct horse battery",
    "password_confirmation": "correct horse battery",
    "company_name": "Bazaar",
    "primary_currency": "EUR",
    "device_id": _DEVICE,
}
LOG_IN: dict[str, Any] = {"email": "mina@bazaar.example", "password": "correct horse battery", "device_id": _DEVICE}
COMPANY: dict[str, Any] = {
    "id": 1003,
    "subscriber_id": None,
    "name": "Bazaar",
    "primary_currency": "EUR",
    "financial_year_start_month": 1,
    "is_active": True,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "deleted_at": None,
    "pivot": {
        "user_id": 1,
        "company_id": 1003,
        "role": "owner",
        "user_group_id": None,
        "is_active": True,
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    },
}
USER: dict[str, Any] = {
    "id": 1,
    "email": "mina@bazaar.example",
    "full_name": "Mina Sami",
    "role": "owner",
    "is_active": True,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "companies": [COMPANY],
}
_TOKENS: dict[str, Any] = {
    "token": "eyJhbGciOiJIUzI1NiJ9.…",
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.…",
    "expires_at": "2026-01-12T10:00:00Z",
}
SESSION: dict[str, Any] = {"success": True, "message": "Login successful", "user": USER, **_TOKENS, "company_id": 1003}
ME: dict[str, Any] = {"success": True, "user": USER}
REFRESHED: dict[str, Any] = {"success": True, **_TOKENS}
INVITED: dict[str, Any] = {
    "success": True,
    "code": "1003-Zk3…",
    "role": "accountant",
    "email": None,
    "expires_at": "2025-12-16T10:00:00Z",
}
PARTY: dict[str, Any] = {
    "id": 123,
    "company_id": 1003,
    "name": "Shirin",
    "party_type": "customer",
    "customer_class": "retailer",
    "phone": None,
    "email": None,
    "address": None,
    "opening_balance": "0.00",
    "credit_limit": None,
    "payment_terms_days": None,
    "is_active": True,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "deleted_at": None,
}
PULL: dict[str, Any] = {"device_id": _DEVICE, "last_version": 42, "tables": ["parties", "products", "invoices"]}
PULLED: dict[str, Any] = {
    "success": True,
    "changes": [
        {
            "id": 43,
            "table": "parties",
            "record_id": 123,
            "operation": "UPDATE",
            "data": PARTY,
            "version": 43,
            "timestamp": _MOMENT,
        }
    ],
    "current_version": 50,
    "has_more": False,
}
PUSH: dict[str, Any] = {
    "device_id": _DEVICE,
    "changes": [
        {
            "table": "parties",
            "local_id": "temp_001",
            "operation": "INSERT",
            "data": {"name": "Shirin", "party_type": "customer"},
            "timestamp": "2025-12-13T09:55:00Z",
        }
    ],
}
PUSHED: dict[str, Any] = {
    "success": True,
    "conflicts": [],
    "id_mappings": {"temp_001": 123, "parties:temp_001": 123},
    "current_version": 51,
    "errors": [],
    "results": [
        {
            "index": 0,
            "table": "parties",
            "operation": "INSERT",
            "local_id": "temp_001",
            "record_id": 123,
            "status": "applied",
            "version": 51,
        }
    ],
}
STATUS: dict[str, Any] = {
    "success": True,
    "status": {
        "device_id": _DEVICE,
        "last_sync_version": 42,
        "current_version": 51,
        "pending_changes": 3,
        "last_sync_at": _MOMENT,
        "is_synced": False,
    },
    "device": {
        "is_known": True,
        "last_pull": {"version": 42, "at": _MOMENT},
        "last_push": {"version": 40, "at": _MOMENT},
        "lag": 9,
        "pulls": 12,
        "pushes": 4,
        "pulled_items": 120,
        "pushed_items": 31,
        "syncs_per_day": 5.3,
        "average_pull_milliseconds": 14.2,
        "average_push_milliseconds": 21.0,
        "conflicts": 1,
        "rejections": 0,
        "pull_tables": None,
        "push_tables": None,
    },
    "open_conflicts": 0,
    "conflicts": [],
    "rejected_items": 0,
    "rejected": [],
}
RESOLVE: dict[str, Any] = {
    "device_id": _DEVICE,
    "conflict_id": 7,
    "resolution": "merged",
    "fields": {"description": "Printed on every invoice"},
}
RESOLVED: dict[str, Any] = {
    "success": True,
    "resolved": [
        {"conflict_id": 7, "status": "settled", "resolution": "merged", "table": "settings", "record_id": 2, "server_record": {}}
    ],
    "errors": [],
    "current_version": 52,
}
