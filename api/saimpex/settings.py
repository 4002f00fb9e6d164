"""The vendor: read whole or since a cursor, and changed."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.saimpex import tags, values
from api.saimpex.access import managers
from api.saimpex.deltas import DeltaQuery, Pull, said
from api.saimpex.envelope import Envelope
from api.saimpex.files import pictures_of, shown_as
from api.saimpex.forms import Form, field
from api.saimpex.rows import VENDOR_EXTRAS, VENDOR_TEXTS, vendor_row
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Plan, writes
from infra.companies.directory import database_id_of

VENDOR = Form(
    "VendorSettings",
    field("name", values.name),
    *(field(name, values.text(20_000)) for name in VENDOR_TEXTS if name not in ("name", "currency")),
    field("image", values.text(), "logo_url", also=("logo",)),
    field("registration_number", values.text()),
    field("gst_no", values.text(), "tax_number", also=("tax_number",)),
    *(field(name, values.document, f"extra.{name}", type_=Any) for name in VENDOR_EXTRAS),
)
EXAMPLE: Row = {"id": 1001, "name": "Épicerie du Port", "currency": "MRU", "time_zone": "Africa/Nouakchott", "status": 1}


class DeltaOfSettings(msgspec.Struct, kw_only=True):
    """`settings` is the vendor where anything of it changed since, else null."""

    settings: dict[str, Any] | None
    deleted_ids: list[int]
    sync_cursor: str


@endpoint(
    "GET",
    "/api/desktop/getSettings",
    Operation(
        id="saimpexGetSettings",
        summary="The vendor; with `updated_since`, in `settings`, if it changed",
        tag=tags.SETTINGS,
        query=DeltaQuery,
        answers={
            200: Answer(
                "The vendor, or what changed.",
                (Envelope[Row], Envelope[DeltaOfSettings]),
                {"status": "true", "data": EXAMPLE, "message": "Success"},
            )
        },
    ),
)
async def get_settings(request: HttpRequest) -> ASGIResponse:
    """The vendor itself, or what changed of it."""
    pull = Pull.read(request)
    if pull.since is not None and await pull.is_at_head():
        return said(_delta(None, values.time_text(pull.since.moment)))
    return said(await pull.services.threads.run(_read, pull))


def _delta(settings: Row | None, cursor: str) -> Row:
    return {"settings": settings, "deleted_ids": [], "sync_cursor": cursor}


def _read(pull: Pull) -> Row:
    delta = pull.look("company")
    number = database_id_of(pull.services.database, pull.claims.cid)
    row = vendor_row(delta.items[0].record, number) if delta.items else None
    if pull.since is None:
        assert row is not None, "a log begins with its company"
        return row
    return _delta(row, pull.cursor(delta))


@writes(
    "updateSettings",
    id="saimpexUpdateSettings",
    tag=tags.SETTINGS,
    summary="Change the vendor, perhaps with a new logo",
    form=VENDOR,
    body_example={"name": "Épicerie du Port", "address": "Rue 12, Nouakchott"},
    answer=Row,
    example=EXAMPLE,
    gate=managers,
    message="Settings updated successfully",
    files="image",
)
def update_settings(asked: Asked) -> Plan:
    """The fields that were sent."""
    till = asked.till
    data = {name: value for name, value in asked.values.items() if not name.startswith("extra.")}
    own = {name.removeprefix("extra."): value for name, value in asked.values.items() if name.startswith("extra.")}
    if own:
        merged = {**till.company.data.get("extra", {}), **own}
        data["extra"] = {name: value for name, value in merged.items() if value is not None}
    logos = pictures_of(asked.stored, "company", till.principal.company_id, "logos")
    data |= shown_as("logo_url", logos)
    command = asked.command("company", "update", data, till.principal.company_id)
    number = database_id_of(till.services.database, till.principal.company_id)
    return Plan([command, *logos], lambda made: vendor_row(made.record(), number))


HANDLERS = [get_settings, *update_settings]
