"""Who saves, and in which company."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from api.roles import check_may_write
from domain.command import Actor
from infra.composition import Services
from infra.identity.tokens import Claims


@dataclass(frozen=True, slots=True)
class Writer:
    """Who saves, in which company: its zone and currency are what its rows leave unsaid. `head` is where its log ended then."""

    company_id: UUID
    actor: Actor
    zone: ZoneInfo
    currency: str
    head: int


def writer_of(services: Services, claims: Claims) -> Writer:
    """Who saves. Raises NotAuthenticated, NotAllowed."""
    principal, record = services.identity.confirm_with_company(claims)
    check_may_write(principal.role, "")
    company, zone = record.data, ZoneInfo(record.data.get("time_zone", "UTC"))
    return Writer(claims.cid, principal.actor, zone, company.get("currency", "USD"), principal.head)
