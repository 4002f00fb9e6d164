"""Who saves, and in which company."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from api.roles import check_may_write
from domain.command import Actor
from domain.errors import CompanyNotFound
from domain.needs import Needs
from infra.composition import Services
from infra.identity.tokens import Claims


@dataclass(frozen=True, slots=True)
class Writer:
    """Who saves, in which company: its zone and currency are what its rows leave unsaid."""

    company_id: UUID
    actor: Actor
    zone: ZoneInfo
    currency: str


def writer_of(services: Services, claims: Claims) -> Writer:
    """Who saves. Raises NotAuthenticated, NotAllowed, CompanyNotFound."""
    principal = services.identity.confirm(claims)
    check_may_write(principal.role, "")
    found = services.store.read_records(claims.cid, Needs(ids={claims.cid})).records
    if not found:
        raise CompanyNotFound
    company = found[0].data
    return Writer(claims.cid, principal.actor, ZoneInfo(company.get("time_zone", "UTC")), company.get("currency", "USD"))
