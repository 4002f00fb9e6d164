"""How a device is: how far it has pulled and pushed, which conflicts are open, and what is still rejected and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.matrix import examples, forms
from api.matrix.access import Asker, Member, find_asker
from api.matrix.documents import Row, documents_of, moment_text
from api.matrix.rendering import PULLED_KINDS, Rows
from api.matrix.syncing import SyncRequest, sync_request
from domain.errors import CompanyNotFound, InvalidField
from infra.sync.change_reader import ChangeReader
from infra.sync.syncs import DeviceSync, Rejected

SHOWN = 100
"""Conflicts and rejected items in a status; the rest are counted, and listed by `/api/sync/conflicts`."""
MOST_PER_PAGE = 1_000
TAG = "Matrix: sync"


class Health(msgspec.Struct, kw_only=True):
    """That the service answers."""

    status: str = "ok"
    timestamp: str
    service: str = "Daftar"


class DeviceQuery(msgspec.Struct, kw_only=True):
    """Which device of which company; the header `X-Device-Id` may name the device as well."""

    company_id: int | None = None
    device_id: str | None = None


class ConflictQuery(DeviceQuery, kw_only=True):
    """Which conflicts."""

    status: Literal["open", "settled", "all"] = "open"
    page: Annotated[int, Meta(ge=1, le=10**9)] = 1
    per_page: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] = 100


class RejectedQuery(DeviceQuery, kw_only=True):
    """Which rejected items to discard: their numbers, separated by commas; none for all of the device."""

    numbers: str | None = None


class SyncState(msgspec.Struct, kw_only=True):
    """The device as its app knows it."""

    device_id: str
    last_sync_version: int
    current_version: int
    pending_changes: int
    last_sync_at: str | None
    is_synced: bool


class Point(msgspec.Struct, kw_only=True):
    """A version, and when."""

    version: int
    at: str | None


class DeviceState(msgspec.Struct, kw_only=True):
    """The device in figures. `lag` is in versions; `conflicts` and `rejections` are all there ever were."""

    is_known: bool
    last_pull: Point
    last_push: Point
    lag: int
    pulls: int
    pushes: int
    pulled_items: int
    pushed_items: int
    syncs_per_day: float
    average_pull_milliseconds: float
    average_push_milliseconds: float
    conflicts: int
    rejections: int
    pull_tables: list[str] | None
    push_tables: list[str] | None


class RejectedItem(msgspec.Struct, kw_only=True):
    """An item of a push that was rejected and has not succeeded since."""

    number: int
    place: str
    code: str
    message: str
    field: str
    attempts: int
    first_at: str | None
    last_at: str | None
    item: Any


class SyncStatus(msgspec.Struct, kw_only=True):
    """The state of a device, of its company's open conflicts, and of what is still rejected."""

    success: bool = True
    status: SyncState
    device: DeviceState
    open_conflicts: int
    conflicts: list[Row]
    rejected_items: int
    rejected: list[RejectedItem]


class Conflicts(msgspec.Struct, kw_only=True):
    """A page of conflicts, newest first."""

    success: bool = True
    conflicts: list[Row]
    total: int
    page: int
    per_page: int


class Discarded(msgspec.Struct, kw_only=True):
    """How many rejected items were discarded."""

    success: bool = True
    discarded: int


@endpoint(
    "GET",
    "/api/health",
    Operation(
        id="matrixHealth",
        summary="Whether the service answers",
        tag=TAG,
        answers={200: Answer("It does.", Health, {"status": "ok", "timestamp": "2025-12-13T10:00:00+00:00", "service": "Daftar"})},
        secured=False,
    ),
)
async def health(request: HttpRequest) -> ASGIResponse:  # noqa: ARG001 - every handler has this shape
    """That the service answers; `/health` says how its parts are."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return answer(Health(timestamp=now), headers=NO_STORE)


@endpoint(
    "GET",
    "/api/sync/status",
    Operation(
        id="matrixStatus",
        summary="How far a device is",
        tag=TAG,
        query=DeviceQuery,
        answers={200: Answer("The device's state.", SyncStatus, examples.STATUS)},
        refusals=(CompanyNotFound,),
    ),
)
async def status(request: HttpRequest) -> ASGIResponse:
    """The state of a device; one that never synced has everything before it."""
    asked = await sync_request(request)
    return answer(await asked.services.threads.run(_status, asked), headers=NO_STORE)


def _status(asked: SyncRequest) -> SyncStatus:
    member = find_asker(asked.services, asked.claims, asked.form, asked.device)
    company_id, device = member.company_id, asked.device
    sync = asked.syncs.find(company_id, device)
    head = asked.services.store.head(company_id).seq
    device_id = member.device_record.id if isinstance(member, Asker) else None
    pending = ChangeReader(asked.services.database).pending(company_id, sync.pulled_seq, PULLED_KINDS, device_id)
    conflicts = list_conflicts(asked, member, "open", 1, SHOWN)
    return SyncStatus(
        status=SyncState(
            device_id=device,
            last_sync_version=sync.pulled_seq,
            current_version=head,
            pending_changes=pending,
            last_sync_at=_text(max(filter(None, (sync.pulled_at, sync.pushed_at)), default=None)),
            is_synced=pending == 0,
        ),
        device=_device_state(member, sync, head),
        open_conflicts=conflicts.total,
        conflicts=conflicts.conflicts,
        rejected_items=asked.syncs.count_rejected(company_id, device),
        rejected=[_rejected_item(one) for one in asked.syncs.rejected(company_id, device, SHOWN)],
    )


def _device_state(member: Member, sync: DeviceSync, head: int) -> DeviceState:
    days = (datetime.now(timezone.utc) - sync.first_at).total_seconds() / 86_400 if sync.first_at else 0.0
    record = member.device_record.data if isinstance(member, Asker) else {}
    return DeviceState(
        is_known=isinstance(member, Asker),
        last_pull=Point(version=sync.pulled_seq, at=_text(sync.pulled_at)),
        last_push=Point(version=sync.pushed_seq, at=_text(sync.pushed_at)),
        lag=max(0, head - sync.pulled_seq),
        pulls=sync.pulls,
        pushes=sync.pushes,
        pulled_items=sync.pulled_items,
        pushed_items=sync.pushed_items,
        syncs_per_day=round((sync.pulls + sync.pushes) / max(days, 1.0), 2),
        average_pull_milliseconds=round(sync.pull_seconds * 1_000 / max(sync.pulls, 1), 1),
        average_push_milliseconds=round(sync.push_seconds * 1_000 / max(sync.pushes, 1), 1),
        conflicts=sync.conflicts,
        rejections=sync.refusals,
        pull_tables=record.get("pull_tables"),
        push_tables=record.get("push_tables"),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)


def _rejected_item(one: Rejected) -> RejectedItem:
    return RejectedItem(
        number=one.number,
        place=one.place,
        code=one.code,
        message=one.message,
        field=one.field,
        attempts=one.attempts,
        first_at=_text(one.first_at),
        last_at=_text(one.last_at),
        item=msgspec.json.decode(one.item),
    )


# Conflicts ------------------------------------------------------------------------------------------


def list_conflicts(asked: SyncRequest, member: Member, status: str, page: int, per_page: int) -> Conflicts:
    """A page of the company's conflicts."""
    filters = {} if status == "all" else {"status": [status]}
    listing = asked.services.reader.list_records(
        member.company_id, "conflict", filters=filters, sort="seq", descending=True, limit=per_page, offset=(page - 1) * per_page
    )
    reader = ChangeReader(asked.services.database)
    rows = Rows(reader, asked.services.store, member.company_id, member.company_number)
    return Conflicts(conflicts=rows.conflicts(documents_of(listing.items)), total=listing.total, page=page, per_page=per_page)


@endpoint(
    "GET",
    "/api/sync/conflicts",
    Operation(
        id="matrixConflicts",
        summary="The conflict inbox",
        description="Conflicts with both versions, newest first: those that wait for a person, or `status=settled`, or `all`.",
        tag=TAG,
        query=ConflictQuery,
        answers={
            200: Answer(
                "A page of conflicts.", Conflicts, {"success": True, "conflicts": [], "total": 0, "page": 1, "per_page": 100}
            )
        },
        refusals=(CompanyNotFound,),
    ),
)
async def conflicts(request: HttpRequest) -> ASGIResponse:
    """A page of conflicts."""
    asked = await sync_request(request)
    form = asked.form
    wanted = forms.text(form, "status", "open")
    if wanted not in ("open", "settled", "all"):
        raise InvalidField("The status must be one of open, settled, all.", path="status")
    page, per_page = paging(form)

    def work() -> Conflicts:
        return list_conflicts(asked, find_asker(asked.services, asked.claims, form, asked.device), wanted, page, per_page)

    return answer(await asked.services.threads.run(work), headers=NO_STORE)


def paging(form: Mapping[str, Any], per_page: int = 100) -> tuple[int, int]:
    """The page and how many it holds. Raises InvalidField."""
    page = forms.number(form, "page", 1, least=1, most=10**9)
    return page, forms.number(form, "per_page", per_page, least=1, most=MOST_PER_PAGE)


# Rejected items -------------------------------------------------------------------------------------


@endpoint(
    "DELETE",
    "/api/sync/rejected",
    Operation(
        id="matrixDiscardRejected",
        summary="Discard rejected items of a device",
        description="What was rejected stays listed in the status until the same item succeeds, or is discarded here.",
        tag=TAG,
        query=RejectedQuery,
        answers={200: Answer("How many there were.", Discarded, {"success": True, "discarded": 2})},
        refusals=(CompanyNotFound,),
    ),
)
async def discard(request: HttpRequest) -> ASGIResponse:
    """Forget rejected items."""
    asked = await sync_request(request)
    given = forms.text(asked.form, "numbers", "", longest=20_000)
    parts = [part.strip() for part in given.split(",") if part.strip()]
    numbers = [forms.number({"numbers": part}, "numbers") for part in parts] if given else None

    def work() -> Discarded:
        member = find_asker(asked.services, asked.claims, asked.form, asked.device)
        return Discarded(discarded=asked.syncs.discard(member.company_id, asked.device, numbers))

    return answer(await asked.services.threads.run(work))


HANDLERS = [health, status, conflicts, discard]
