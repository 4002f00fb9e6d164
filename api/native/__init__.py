"""The native dialect: `/ledger/v1`."""

from __future__ import annotations

from api.http_errors import Dialect
from api.native import events, exports, records, sessions, writing
from api.native.errors import refuse

NATIVE = Dialect(
    name="native",
    prefixes=("/ledger/",),
    handlers=[*sessions.HANDLERS, *writing.HANDLERS, *records.HANDLERS, *events.HANDLERS, *exports.HANDLERS],
    refuse=refuse,
)
