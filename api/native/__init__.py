"""The native dialect: `/ledger/v1`."""

from __future__ import annotations

from api.http_errors import Dialect
from api.native import events, records, sessions, writing
from api.native.errors import REFUSALS, refuse

NATIVE = Dialect(
    name="native",
    prefixes=("/ledger/",),
    handlers=[*sessions.HANDLERS, *writing.HANDLERS, *records.HANDLERS, *events.HANDLERS],
    refuse=refuse,
    refusals=REFUSALS,
)
