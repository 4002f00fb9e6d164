"""The fingerprint of a request that carries an idempotency key: what it asked for, by meaning, without its passwords."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from infra.requests import fingerprint_of


def request_fingerprint(label: str, body: bytes, secret_key: str) -> bytes:
    """SHA-256 of the label (method and path) and the body, whatever the order of its keys; of its bytes where it is not JSON.

    Passwords take part only as HMACs, so that a stored fingerprint cannot be used to guess them.
    """
    try:
        value: Any = msgspec.json.decode(body) if body else {}
        if b"password" in body:
            value = _veiled(value, secret_key.encode())
        return fingerprint_of([label, value])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return hmac.digest(secret_key.encode(), label.encode() + b"\n" + body, hashlib.sha256)


def _veiled(value: Any, key: bytes) -> Any:
    if isinstance(value, dict):
        return {
            name: hmac.digest(key, str(item).encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
            if "password" in name
            else _veiled(item, key)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_veiled(item, key) for item in value]
    return value
