"""The Matrix Accounts dialect: `/api/auth`, `/api/sync`, and its read-only lists."""

from __future__ import annotations

from litestar.handlers import post

from api.http_errors import Dialect
from api.matrix.errors import refuse
from api.matrix.syncing import pull, push

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
        post("/api/sync/pull", status_code=200, include_in_schema=False)(pull),
        post("/api/sync/push", status_code=200, include_in_schema=False)(push),
    ],
    refuse=refuse,
)
