"""Who asks, on the sync's endpoints: the session behind the token, the company it is for, and the device it speaks for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from api.http_errors import HttpRequest
from api.matrix import forms
from domain.command import Actor, Command
from domain.errors import CompanyNotFound, NotAllowed, ValueTaken
from domain.needs import Needs
from domain.record import Record
from infra.companies import database_id_of
from infra.composition import Services
from infra.identity import Principal
from infra.tokens import Claims


@dataclass(frozen=True, slots=True)
class Asker:
    """A session that is open, its company as this dialect numbers it, and the device that syncs."""

    services: Services
    principal: Principal
    company: Record
    company_number: int
    device: str
    device_record: Record

    @property
    def actor(self) -> Actor:
        """The author of what is pushed: local ids are the device's, whoever logged in there."""
        return msgspec.structs.replace(self.principal.actor, device_id=self.device_record.id)

    @property
    def company_id(self) -> UUID:
        """The company's id."""
        return self.principal.company_id

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.data.get("time_zone", "UTC"))


def device_named(request: HttpRequest, form: dict[str, Any]) -> str:
    """The device that the body names, else the header. Raises InvalidField."""
    header = request.headers.get("x-device-id")
    return forms.text(form, "device_id", header or None, longest=128)


def asker_of(services: Services, claims: Claims, form: dict[str, Any], device: str) -> Asker:
    """Who asks. Raises NotAuthenticated; CompanyNotFound for another company than the session's; NotAllowed for a barred device."""
    principal = services.identity.confirm(claims)
    number = database_id_of(services.database, principal.company_id)
    if forms.number(form, "company_id", number) != number:
        raise CompanyNotFound
    company, device_record = _find(services, principal, device)
    if device_record is None:
        device_record = _register(services, principal, device)
    if device_record.deleted or not device_record.data.get("is_active", True):
        raise NotAllowed("This device may no longer be used.", path="device_id")
    if principal.device_id is not None and principal.device_id != device_record.id:
        raise NotAllowed("This token belongs to another device; log in on this one.", path="device_id")
    return Asker(services, principal, company, number, device, device_record)


def _find(services: Services, principal: Principal, device: str) -> tuple[Record, Record | None]:
    needs = Needs(ids={principal.company_id}, holders={("device", "device_id", device)})
    records = services.store.read_records(principal.company_id, needs).records
    company = next(record for record in records if record.kind == "company")
    return company, next((record for record in records if record.kind == "device"), None)


def _register(services: Services, principal: Principal, device: str) -> Record:
    """A device is known from its first sync on."""
    command = Command(kind="device", action="create", data={"device_id": device, "user_id": principal.user_id})
    with suppress(ValueTaken):  # another request of the same device was first
        services.ledger.execute(principal.company_id, [command], principal.actor)
    found = _find(services, principal, device)[1]
    assert found is not None, "it has just been registered"
    return found
