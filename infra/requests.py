"""The fingerprint of a request's body by meaning."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_ordered = msgspec.json.Encoder(order="deterministic")


def fingerprint_of(body: Any) -> bytes:
    """SHA-256 of a body's JSON with sorted keys: equal bodies have equal fingerprints however they were written."""
    return hashlib.sha256(_ordered.encode(body)).digest()
