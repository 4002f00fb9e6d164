"""Device: an installation that syncs; and session: one log-in, which ends by logging out or by a stolen refresh token."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from domain.decision import Decision
from domain.event import Changed
from domain.kind import Action, Kind, Unique
from domain.policy import Policy
from domain.record import Record
from domain.values import Count, Fields, Line, Name, always


class Device(Fields, frozen=True, kw_only=True):
    """`device_id` is the name the installation gave itself; whoever logs in there, it is one device."""

    device_id: Name
    name: Line | None = None
    platform: Line | None = None
    app_version: Line | None = None
    user_id: UUID | None = None
    pull_tables: list[str] | None = None
    push_tables: list[str] | None = None
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


DEVICE = Kind(
    name="device",
    fields=Device,
    policy=Policy.MERGE,
    references={"user_id": "user"},
    unique=(Unique("device_id", ("device_id",)),),
    fixed=frozenset({"device_id"}),
    verbs=("registered", "changed", "removed"),
    personal=frozenset({"name", "extra"}),
    person="user_id",
)


class Session(Fields, frozen=True, kw_only=True):
    """`generation` counts refreshes: a refresh token of an older generation is stolen or replayed, and ends the session."""

    user_id: UUID
    device_id: UUID | None = None
    dialect: Literal["native", "mahak", "saimpex", "matrix", "fintrack"] = always("native")
    generation: Count = always(1)
    expires_at: datetime


class Refresh(Fields, frozen=True, kw_only=True):
    """Extend a session by one generation."""

    expires_at: datetime


class SessionRefreshed(Changed, frozen=True, kw_only=True):
    """The session's tokens were renewed; those of earlier generations are void."""

    generation: Count
    expires_at: datetime


def _refresh(decision: Decision, record: Record, data: Refresh) -> None:
    changes = {"generation": record.data["generation"] + 1, "expires_at": data.expires_at.isoformat()}
    decision.change(SESSION, record, changes, SessionRefreshed)


SESSION = Kind(
    name="session",
    fields=Session,
    policy=Policy.SERVER_WINS,
    references={"user_id": "user", "device_id": "device"},
    fixed=frozenset({"user_id", "device_id", "dialect"}),
    verbs=("opened", "changed", "closed"),
    actions={"refresh": Action(Refresh, _refresh)},
    extra_events={"session.refreshed.v1": SessionRefreshed},
)
