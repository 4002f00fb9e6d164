"""Who asks: the session behind the token, the company it is for, the device that it speaks for, and what both may do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from api.http_errors import HttpRequest
from api.matrix import forms
from api.matrix.tables import NAMES
from api.roles import READERS, rank_of
from domain.command import Actor, Command
from domain.errors import CompanyNotFound, NotAllowed, ValueTaken
from domain.needs import Needs
from domain.record import Record
from infra.companies.directory import database_id_of
from infra.composition import Services
from infra.identity.identity import Principal
from infra.identity.tokens import Claims

LONGEST_DEVICE = 128

MANAGED = frozenset({"companies", "users"})
"""Tables that only managers write."""
SETTERS = frozenset({"accountant"})
"""Roles that, beside the managers, write settings."""


@dataclass(frozen=True, slots=True)
class Member:
    """A session that is open, and its company as this dialect numbers it."""

    services: Services
    principal: Principal
    company: Record
    company_number: int

    @property
    def actor(self) -> Actor:
        """The author of what is written."""
        return self.principal.actor

    @property
    def company_id(self) -> UUID:
        """The company's id."""
        return self.principal.company_id

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.data.get("time_zone", "UTC"))

    def check_may_write(self, table: str, path: str = "table") -> None:
        """Raise NotAllowed unless this role writes the table."""
        check_role(self.principal.role, table, path)


@dataclass(frozen=True, slots=True)
class Asker(Member):
    """A member on the device that syncs."""

    device: str
    device_record: Record

    @property
    def actor(self) -> Actor:
        """The author of what is pushed: local ids are the device's, whoever logged in there."""
        return msgspec.structs.replace(self.principal.actor, device_id=self.device_record.id)

    def check_may_write(self, table: str, path: str = "table") -> None:
        """Raise NotAllowed unless this role, on this device, writes the table."""
        check_role(self.principal.role, table, path)
        allowed = tables_of(self.device_record, "push_tables")
        if allowed is not None and table not in allowed:
            raise NotAllowed(f"This device may not push {table}.", path=path)

    def pulled_tables(self, asked: Mapping[str, str] | None, others: Mapping[str, str]) -> Mapping[str, str]:
        """What this device pulls: the tables asked for (own name → asked name), else those of `others` that it may pull.

        Raises NotAllowed for a table that is asked for by name and may not be pulled.
        """
        allowed = tables_of(self.device_record, "pull_tables")
        if allowed is None:
            return others if asked is None else asked
        if asked is None:
            return {own: name for own, name in others.items() if own in allowed}
        for own, name in asked.items():
            if own not in allowed:
                raise NotAllowed(f"This device may not pull {name}.", path="tables")
        return asked


def check_role(role: str, table: str, path: str) -> None:
    """Raise NotAllowed unless this role writes the table."""
    if role in READERS:
        raise NotAllowed(f"The role {role!r} may only read.", path=path)
    if table in MANAGED and not rank_of(role):
        raise NotAllowed(f"The role {role!r} may not change {table}.", path=path)
    if table == "settings" and not rank_of(role) and role not in SETTERS:
        raise NotAllowed(f"The role {role!r} may not change settings.", path=path)


def tables_of(device: Record, field: str) -> frozenset[str] | None:
    """The tables that a device is limited to, by their own names; None where it is not."""
    names = device.data.get(field)
    return None if names is None else frozenset(NAMES.get(name, name) for name in names)


def device_named(request: HttpRequest, form: Mapping[str, Any], default: str | None = None) -> str:
    """The device that the body names, else the header, else `default`. Raises InvalidField where there is none of them."""
    header = request.headers.get("x-device-id")
    return forms.text(form, "device_id", header or default, longest=LONGEST_DEVICE)


def member_of(services: Services, claims: Claims, form: Mapping[str, Any]) -> Member:
    """Who asks. Raises NotAuthenticated; CompanyNotFound for another company than the session's."""
    principal, number = _principal_of(services, claims, form)
    records = services.store.read_records(principal.company_id, Needs(ids={principal.company_id})).records
    return Member(services, principal, records[0], number)


def asker_of(services: Services, claims: Claims, form: Mapping[str, Any], device: str) -> Asker:
    """Who asks, on a device that is known from its first sync on.

    Raises NotAuthenticated; CompanyNotFound for another company than the session's; NotAllowed for a barred device.
    """
    principal, number = _principal_of(services, claims, form)
    company, device_record = _find(services, principal, device)
    if device_record is None:
        device_record = _register(services, principal, device)
    check_device(principal, device_record)
    return Asker(services, principal, company, number, device, device_record)


def find_asker(services: Services, claims: Claims, form: Mapping[str, Any], device: str) -> Asker | Member:
    """Who asks, without making an unknown device known: an asker where it is known, else a member."""
    principal, number = _principal_of(services, claims, form)
    company, device_record = _find(services, principal, device)
    if device_record is None:
        return Member(services, principal, company, number)
    check_device(principal, device_record)
    return Asker(services, principal, company, number, device, device_record)


def check_device(principal: Principal, device: Record) -> None:
    """Raise NotAllowed where the device is barred, or the token is another's."""
    if device.deleted or not device.data.get("is_active", True):
        raise NotAllowed("This device may no longer be used.", path="device_id")
    if principal.device_id is not None and principal.device_id != device.id:
        raise NotAllowed("This token belongs to another device; log in on this one.", path="device_id")


def _principal_of(services: Services, claims: Claims, form: Mapping[str, Any]) -> tuple[Principal, int]:
    principal = services.identity.confirm(claims)
    number = database_id_of(services.database, principal.company_id)
    if forms.number(form, "company_id", number) != number:
        raise CompanyNotFound
    return principal, number


def _find(services: Services, principal: Principal, device: str) -> tuple[Record, Record | None]:
    needs = Needs(ids={principal.company_id}, holders={("device", "device_id", device)})
    records = services.store.read_records(principal.company_id, needs).records
    company = next(record for record in records if record.kind == "company")
    return company, next((record for record in records if record.kind == "device"), None)


def _register(services: Services, principal: Principal, device: str) -> Record:
    """A device is known from its first sync on. Raises NotAllowed where the token belongs to another."""
    if principal.device_id is not None:
        raise NotAllowed("This token belongs to another device; log in on this one.", path="device_id")
    command = Command(kind="device", action="create", data={"device_id": device, "user_id": principal.user_id})
    with suppress(ValueTaken):  # another request of the same device was first
        services.ledger.execute(principal.company_id, [command], principal.actor)
    found = _find(services, principal, device)[1]
    assert found is not None, "it has just been registered"
    return found
