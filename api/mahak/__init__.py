"""The Mahak dialect: Sync API v3, V1 as its clients speak it and V2 as its guide has it."""

from __future__ import annotations

from api.http_errors import Dialect
from api.mahak import dead_letters, disputes, login, lookup, reading, upload
from api.mahak.errors import REFUSALS, refuse
from api.mahak.saving import handlers as saving

MAHAK = Dialect(
    name="mahak",
    prefixes=("/api/v3/",),
    handlers=[
        *login.HANDLERS,
        *reading.HANDLERS,
        *lookup.HANDLERS,
        *saving.HANDLERS,
        *upload.HANDLERS,
        *disputes.HANDLERS,
        *dead_letters.HANDLERS,
    ],
    refuse=refuse,
    refusals=REFUSALS,
    any_case=True,
)
