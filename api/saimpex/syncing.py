"""Sync: is the server there, how far are the caches behind, and which device is this."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.saimpex import tags, values
from api.saimpex.access import now
from api.saimpex.deltas import said
from api.saimpex.envelope import Envelope
from api.saimpex.forms import LONGEST_DEVICE, Form, field
from api.saimpex.posted import receive
from api.saimpex.values import Row
from domain.command import Command
from domain.errors import NotAllowed, ValueTaken
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.sync.syncs import Syncs

DIALECT = "saimpex"
CACHES = {"products": ("product", "stock_movement"), "customers": ("party",), "suppliers": ("party",), "settings": ("company",)}
"""The caches of the desktop app: the kinds of which a change is one of the cache's."""
DEVICE = Form(
    "DesktopDevice",
    field("device_id", values.text(LONGEST_DEVICE), required=True),
    field("device_name", values.text(), "name", also=("name",)),
    field("app_version", values.text()),
    field("platform", values.text()),
)
_TIME = "2026-05-28T10:15:00.000000Z"
_DEVICE: Row = {"device_id": "desktop-abc123", "device_name": "Counter PC 1", "last_seen_at": _TIME, "registered_at": _TIME}


class Ping(msgspec.Struct, kw_only=True):
    """The server's clock."""

    server_time: str


class Status(msgspec.Struct, kw_only=True):
    """`device` is null where none was named, or it was never registered. A cursor is the time of a cache's last change."""

    server_time: str
    device: dict[str, Any] | None
    master_data_cursors: dict[str, str]


class StatusQuery(msgspec.Struct, kw_only=True):
    """Which device."""

    device_id: str | None = None


@endpoint(
    "GET",
    "/api/desktop/sync/ping",
    Operation(
        id="saimpexPing",
        summary="Whether the server can be reached, and the session is still open",
        tag=tags.SYNC,
        answers={200: Answer("It can.", Envelope[Ping], {"status": "true", "data": {"server_time": _TIME}, "message": "OK"})},
    ),
)
async def ping(request: HttpRequest) -> ASGIResponse:
    """The server's clock, for an open session."""
    claims, services = claims_of(request), services_of(request)
    head = await services.heads.current(claims.cid)
    if not services.identity.is_known(claims, head):
        await services.threads.run(services.identity.confirm, claims)
    return said({"server_time": values.time_text(now())}, "OK")


@endpoint(
    "GET",
    "/api/desktop/sync/status",
    Operation(
        id="saimpexStatus",
        summary="The server's clock, the device, and when each cache changed last",
        tag=tags.SYNC,
        query=StatusQuery,
        answers={
            200: Answer(
                "The state.",
                Envelope[Status],
                {
                    "status": "true",
                    "data": {"server_time": _TIME, "device": _DEVICE, "master_data_cursors": dict.fromkeys(CACHES, _TIME)},
                    "message": "OK",
                },
            )
        },
    ),
)
async def status(request: HttpRequest) -> ASGIResponse:
    """How things stand."""
    claims, services = claims_of(request), services_of(request)
    given = dict(query_pairs(request)).get("device_id")
    device = values.text(LONGEST_DEVICE)(given, "device_id") if given else None
    return said(await services.threads.run(_status, services, claims, device), "OK")


def _status(services: Services, claims: Claims, device: str | None) -> Row:
    principal = services.identity.confirm(claims)
    found = _device(services, principal.company_id, device) if device is not None else None
    if found is not None and device is not None:
        Syncs(services.database, DIALECT).note_pull(principal.company_id, device, principal.head)
    changed = services.deltas.last_changes(principal.company_id, {kind for kinds in CACHES.values() for kind in kinds})
    began = services.deltas.first(principal.company_id)
    cursors = {name: max((changed[kind] for kind in kinds if kind in changed), default=began) for name, kinds in CACHES.items()}
    return {
        "server_time": values.time_text(now()),
        "device": device_row(found) if found is not None else None,
        "master_data_cursors": {name: values.time_text(moment) for name, moment in cursors.items()},
    }


def _device(services: Services, company_id: Any, device: str) -> Record | None:
    needs = Needs(holders={("device", "device_id", device)})
    return next(iter(services.store.read_records(company_id, needs).records), None)


def device_row(device: Record, last_seen: Any = None) -> Row:
    """A device; it is seen now."""
    return {
        "id": device.number,
        "device_id": device.data["device_id"],
        "device_name": device.data.get("name"),
        "app_version": device.data.get("app_version"),
        "platform": device.data.get("platform"),
        "last_seen_at": values.time_text(last_seen or now()),
        "registered_at": values.time_text(device.created_at),
    }


@endpoint(
    "POST",
    "/api/desktop/sync/registerDevice",
    Operation(
        id="saimpexRegisterDevice",
        summary="Make this installation known, or tell its new version",
        tag=tags.SYNC,
        body=DEVICE.struct,
        body_example={"device_id": "desktop-abc123", "device_name": "Counter PC 1", "app_version": "1.0.0", "platform": "darwin"},
        answers={200: Answer("The device.", Envelope[Row], {"status": "true", "data": {"device": _DEVICE}, "message": "OK"})},
        refusals=(NotAllowed,),
    ),
)
async def register_device(request: HttpRequest) -> ASGIResponse:
    """Once is enough; again does no harm."""
    claims, services = claims_of(request, "write"), services_of(request)
    async with receive(request) as posted:
        read = DEVICE.read(posted.row)
    return said(await services.threads.run(_register, services, claims, read), "Device registered successfully")


def _register(services: Services, claims: Claims, read: Row) -> Row:
    principal = services.identity.confirm(claims)
    found = _device(services, principal.company_id, read["device_id"])
    if found is not None and not found.data.get("is_active", True):
        raise NotAllowed("This device may no longer be used.", path="device_id")
    if found is None:
        command = Command(kind="device", action="create", data={**read, "user_id": principal.user_id})
    else:
        changes = {name: value for name, value in read.items() if name != "device_id"}
        command = Command(kind="device", action="update", id=found.id, data=changes)
    try:
        services.ledger.execute(principal.company_id, [command], principal.actor)
    except ValueTaken:  # another request of the same device was first
        return _register(services, claims, read)
    found = _device(services, principal.company_id, read["device_id"])
    assert found is not None, "it has just been registered"
    return {"device": device_row(found), **device_row(found)}


HANDLERS = [ping, status, register_device]
