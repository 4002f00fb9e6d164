"""The native dialect: `/ledger/v1`."""

from __future__ import annotations

from api.http_errors import Dialect
from api.native import changes, events, exports, imports, proofs, records, reports, sessions, shift_reports, state, writing
from api.native.errors import REFUSALS, refuse

NATIVE = Dialect(
    name="native",
    prefixes=("/ledger/",),
    handlers=[
        *sessions.HANDLERS,
        *writing.HANDLERS,
        *imports.HANDLERS,
        *records.HANDLERS,
        *events.HANDLERS,
        *exports.HANDLERS,
        *changes.HANDLERS,
        *state.HANDLERS,
        *proofs.HANDLERS,
        *reports.HANDLERS,
        *shift_reports.HANDLERS,
    ],
    refuse=refuse,
    refusals=REFUSALS,
)
