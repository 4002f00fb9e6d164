"""The Matrix Accounts dialect: `/api/auth`, `/api/sync`, and its data endpoints."""

from __future__ import annotations

from api.http_errors import Dialect
from api.matrix import auth, data, parties, pull, push, resolving, status
from api.matrix.errors import REFUSALS, refuse

MATRIX = Dialect(
    name="matrix",
    prefixes=(
        "/api/auth",
        "/api/sync",
        "/api/health",
        "/api/companies",
        "/api/parties",
        "/api/products",
        "/api/invoices",
        "/api/transactions",
    ),
    handlers=[
        *auth.HANDLERS,
        pull.pull,
        push.push,
        *status.HANDLERS,
        *resolving.HANDLERS,
        *data.HANDLERS,
        *parties.HANDLERS,
    ],
    refuse=refuse,
    refusals=REFUSALS,
)
