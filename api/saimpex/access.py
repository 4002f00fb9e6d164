"""Who asks: the session behind the token, its company, the till that it speaks for, and what their role may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from api.roles import CLOSERS, READERS, rank_of
from domain.command import Actor, Command
from domain.errors import NotAllowed
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services
from infra.identity.identity import Principal
from infra.identity.tokens import Claims
from infra.ids import new_id
from infra.reading.shifts import open_shifts, opened_at

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


def bookkeepers(role: str) -> None:
    """Those who see the books: everybody but those who only work at a till."""
    if role in ("user", "staff"):
        raise NotAllowed(f"The role {role!r} does not see the books; ask a manager or an accountant.")


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
    """A member at a device; None where the request names none, or one that is to be made known with what is written."""

    device: Record | None = None
    newcomer: Command | None = None
    """The command that makes the device known; it goes with what the request writes, so that a refusal leaves nothing."""
    shift: Record | None = None
    """The open shift of whoever asks."""

    def open_shift_id(self, moment: datetime | None = None) -> UUID | None:
        """The shift in whose drawer money goes: the last one that was open at the moment, else now.

        Whoever asks has one of their own, or opened one for a cashier: at this till, or without naming any.
        """
        if self.shift is not None and (moment is None or opened_at(self.shift) <= moment):
            return self.shift.id
        shifts = open_shifts(self.services.database, self.principal.company_id, moment)
        own = [one for one in shifts if one.data["cashier_id"] == str(self.principal.user_id)]
        if not own and self.shift is None:
            here = [one for one in shifts if self.name is not None and one.data.get("till") == self.name]
            made = [one for one in shifts if self._is_opened_by_me(one)]
            own = here or (made if len(made) == 1 else [])
        return max(own, key=opened_at).id if own else None

    def _is_opened_by_me(self, shift: Record) -> bool:
        """Whether whoever asks opened it, at no till that is known to be another one."""
        return shift.created_by == self.principal.user_id and (self.name is None or shift.data.get("till") is None)

    @property
    def name(self) -> str | None:
        """What the device calls itself; None where the request names none."""
        found = self.device or self.newcomer
        return found.data["device_id"] if found is not None else None

    @property
    def actor(self) -> Actor:
        """The author of what is written."""
        actor = self.principal.actor
        known = self.device.id if self.device is not None else self.newcomer.id if self.newcomer is not None else None
        return actor if known is None else msgspec.structs.replace(actor, device_id=known)


def member_of(services: Services, claims: Claims) -> Member:
    """Who asks. Raises NotAuthenticated."""
    principal, loaded = services.identity.confirm_and_load(claims, Needs(ids={claims.cid}))
    return Member(services, principal, loaded.records[0])


def till_of(services: Services, claims: Claims, device: str | None) -> Till:
    """Who asks, at a device that is known from what it first writes on. Raises NotAuthenticated; NotAllowed where it is barred."""
    needs = Needs(ids={claims.cid}, holders={("shift", "open_shift", str(claims.sub))})
    if device is not None:
        needs.holders.add(("device", "device_id", device))
    principal, loaded = services.identity.confirm_and_load(claims, needs)
    found = {record.kind: record for record in loaded.records}
    known, newcomer = found.get("device"), None
    if known is not None and not known.data.get("is_active", True):
        raise NotAllowed("This device may no longer be used.", path="device_id")
    if device is not None and known is None:
        data = {"device_id": device, "user_id": principal.user_id}
        newcomer = Command(kind="device", action="create", id=new_id(), data=data)
    return Till(services, principal, found["company"], known, newcomer, found.get("shift"))


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(timezone.utc)
