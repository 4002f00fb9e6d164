"""Businesses, as the auth service and the BFF show them: their names in one place."""

from __future__ import annotations

from collections.abc import Mapping

from api.fintrack.objects.object import Field, Object

ALSO: Mapping[str, str] = {"businessCodename": "codename"}
"""Fields that the auth service answers under a second name, too."""

BUSINESS = Object(
    name="business",
    plural="businesses",
    service="auth-api",
    kind="company",
    fields=(
        Field("name", "String", "name", required=True),
        Field("businessCodename", "String", "codename", settable="create"),
        Field("avatar", "String", "logo_url"),
        Field("currency", "String", "currency", settable="create"),
        Field("timeZone", "String", "time_zone", required=True),
        Field("country", "String", "country"),
        Field("address", "Text", "address"),
        Field("phone", "String", "phone"),
        Field("email", "String", "email"),
        Field("website", "String", "website"),
        Field("taxNumber", "String", "tax_number"),
    ),
    order="name",
)
"""The business itself; no business sees another."""
