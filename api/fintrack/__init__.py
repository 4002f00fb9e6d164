"""The FinTrack dialect: `/auth-api`, `/bucket`, `/bff-service` and its six business services."""

from __future__ import annotations

from api.fintrack import auth, bucket, default_routes, machines, services
from api.fintrack.bff import HANDLERS as BFF_HANDLERS
from api.fintrack.errors import REFUSALS, refuse
from api.http_errors import Dialect

FINTRACK = Dialect(
    name="fintrack",
    prefixes=(
        "/auth-api",
        "/bucket",
        "/bff-service",
        "/customermanagement-api",
        "/suppliermanagement-api",
        "/invoicemanagement-api",
        "/paymentmanagement-api",
        "/expensemanagement-api",
        "/productcatalog-api",
    ),
    handlers=[*auth.HANDLERS, *bucket.HANDLERS, *services.HANDLERS, *machines.HANDLERS, *BFF_HANDLERS, *default_routes.HANDLERS],
    refuse=refuse,
    refusals=REFUSALS,
)
