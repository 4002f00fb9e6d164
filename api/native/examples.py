"""Examples of the OpenAPI document."""

from __future__ import annotations

from typing import Any

COMPANY_ID = "0197a6b2-7c4e-7d11-9f61-0d2a3b4c5d6e"
RECORD_ID = "0197a6b3-1f00-7a52-8c0b-5a4b3c2d1e0f"
MOMENT = "2026-03-21T08:30:00.000001Z"

RECORD: dict[str, Any] = {
    "kind": "party",
    "id": RECORD_ID,
    "number": 1,
    "seq": 24,
    "version": 1,
    "deleted": False,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "data": {"name": "Shirin Rugs", "email": "orders@shirin.example"},
}
EVENT: dict[str, Any] = {
    "seq": 24,
    "recorded_at": MOMENT,
    "occurred_at": MOMENT,
    "kind": "party",
    "record_id": RECORD_ID,
    "version": 1,
    "topic": "party.created.v1",
    "actor_id": COMPANY_ID,
    "device_id": None,
    "command_id": None,
    "correlation_id": None,
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "data": {"number": 1, "name": "Shirin Rugs"},
}
RESULT: dict[str, Any] = {
    "type": "party.create",
    "kind": "party",
    "id": RECORD_ID,
    "number": 1,
    "seq": 24,
    "version": 1,
    "deleted": False,
    "changed": True,
    "idempotent_replay": False,
}
OUTCOME: dict[str, Any] = {"results": [RESULT], "seq": 24, "idempotent_replay": False}
BATCH: dict[str, Any] = {
    "commands": [
        {"type": "party.create", "client_id": "customer-1", "data": {"name": "Shirin Rugs"}},
        {"type": "product.create", "client_id": "product-1", "data": {"name": "Green tea, 500 g", "price": "4.50"}},
        {
            "type": "invoice.create",
            "data": {
                "type": "sales",
                "party_id": {"client_id": "customer-1"},
                "lines": [{"product_id": {"client_id": "product-1"}, "quantity": 3}],
            },
        },
    ]
}
GRANTED: dict[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.…",
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.…",
    "expires_at": MOMENT,
    "company_id": COMPANY_ID,
    "user_id": RECORD_ID,
    "session_id": RECORD_ID,
    "role": "owner",
}
HISTORY: dict[str, Any] = {
    "kind": "party",
    "id": RECORD_ID,
    "number": 1,
    "history": [
        {
            "seq": 24,
            "version": 1,
            "topic": "party.created.v1",
            "recorded_at": MOMENT,
            "occurred_at": MOMENT,
            "actor": {"id": COMPANY_ID, "name": "Mina"},
            "device": None,
            "changes": [{"field": "name", "from": None, "to": "Shirin Rugs"}],
        }
    ],
    "cursor": 24,
    "has_more": False,
}
SIGNED_HEAD: dict[str, Any] = {
    "format": "daftar-signed-head-v1",
    "company_id": COMPANY_ID,
    "seq": 12,
    "hash": EVENT["hash"],
    "root": "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
    "recorded_at": MOMENT,
    "signed_at": MOMENT,
    "key_id": "8c4a2b0e6f1d3a59b7e0c2d4f6a8091b3c5d7e9f0a1b2c3d4e5f60718293a4b5",
    "signature": "bm90IGEgcmVhbCBzaWduYXR1cmUsIG9ubHkgaXRzIGxlbmd0aCBpcyByaWdodCwgaXQgaXMgNjQgYnl0ZXM=",
}
RECEIPT: dict[str, Any] = {
    "format": "daftar-receipt-v1",
    "event": {"company_id": COMPANY_ID, **{name: value for name, value in EVENT.items() if name != "hash"}},
    "canonical": "[…]\n{…}",
    "previous_hash": SIGNED_HEAD["root"],
    "hash": EVENT["hash"],
    "audit_path": [SIGNED_HEAD["root"]],
    "signed_head": SIGNED_HEAD,
}
