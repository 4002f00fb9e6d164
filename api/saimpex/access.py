"""Who asks: the session behind the token, its company, the till that it speaks for, and what their role may do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from api.roles import CLOSERS, READERS, rank_of
from domain.command import Actor, Command
from domain.errors import NotAllowed, ValueTaken
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services
from infra.identity import Principal
from infra.tokens import Claims

Gate = Callable[[str], None]
"""Raises NotAllowed unless a role may do something."""


def writers(role: str) -> None:
    """Everybody but those who only read: cashiers sell, count their drawer, and ask for leave."""
    if role in READERS:
        raise NotAllowed(f"The role {role!r} may only read.")


def keepers(role: str) -> None:
    """Those who keep the books: managers and accountants."""
    if not rank_of(role) and role not in CLOSERS:
        raise NotAllowed(f"The role {role!r} may not do this; ask a manager or an accountant.")


def managers(role: str) -> None:
    """Those who manage the company."""
    if not rank_of(role):
        raise NotAllowed(f"The role {role!r} may not do this; ask a manager.")


def is_manager(role: str) -> bool:
    """Whether the role sees and does what is others'."""
    return rank_of(role) > 0 or role in CLOSERS


@dataclass(frozen=True, slots=True)
class Member:
    """A session that is open, and its company."""

    services: Services
    principal: Principal
    company: Record

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.data.get("time_zone", "UTC"))

    @property
    def currency(self) -> str:
        """The company's currency."""
        return str(self.company.data["currency"])


@dataclass(frozen=True, slots=True)
class Till(Member):
    """A member at a device; None where the request names none."""

    device: Record | None = None
    shift: Record | None = None
    """The open shift of whoever asks."""

    def open_shift_id(self, moment: datetime | None = None) -> UUID | None:
        """The open shift, if it was open at the moment."""
        if self.shift is None or (moment is not None and moment < datetime.fromisoformat(self.shift.data["opened_at"])):
            return None
        return self.shift.id

    @property
    def actor(self) -> Actor:
        """The author of what is written."""
        actor = self.principal.actor
        return actor if self.device is None else msgspec.structs.replace(actor, device_id=self.device.id)


def member_of(services: Services, claims: Claims) -> Member:
    """Who asks. Raises NotAuthenticated."""
    principal, loaded = services.identity.confirm_and_load(claims, Needs(ids={claims.cid}))
    return Member(services, principal, loaded.records[0])


def till_of(services: Services, claims: Claims, device: str | None) -> Till:
    """Who asks, at a device that is known from its first request on. Raises NotAuthenticated; NotAllowed where it is barred."""
    till = _find(services, claims, device)
    if device is not None and till.device is None:
        command = Command(kind="device", action="create", data={"device_id": device, "user_id": till.principal.user_id})
        with suppress(ValueTaken):  # another request of the same device was first
            services.ledger.execute(claims.cid, [command], till.principal.actor)
        till = _find(services, claims, device)
    if till.device is not None and not till.device.data.get("is_active", True):
        raise NotAllowed("This device may no longer be used.", path="device_id")
    return till


def _find(services: Services, claims: Claims, device: str | None) -> Till:
    needs = Needs(ids={claims.cid}, holders={("shift", "open_shift", str(claims.sub))})
    if device is not None:
        needs.holders.add(("device", "device_id", device))
    principal, loaded = services.identity.confirm_and_load(claims, needs)
    found = {record.kind: record for record in loaded.records}
    return Till(services, principal, found["company"], found.get("device"), found.get("shift"))


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(timezone.utc)
