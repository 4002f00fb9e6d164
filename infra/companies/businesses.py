"""Businesses as those see them who run the service: the list of them, and closing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.command import Actor, Command
from domain.errors import CompanyNotFound
from domain.needs import Needs
from domain.record import Record, decode_record
from infra.companies.directory import ROOT
from infra.database import Database
from infra.identity.companies import company_named
from infra.identity.sessions import Sessions
from infra.ledger import Ledger

_LIST = b"SELECT document, total FROM businesses(%b, %b)"


@dataclass(frozen=True, slots=True)
class Businesses:
    """A page of businesses, and how many there are in all."""

    records: list[Record]
    total: int


def list_businesses(database: Database, limit: int, offset: int) -> Businesses:
    """The businesses that are open, in the order in which they were begun; the service's own company is none."""
    with database.connection() as connection:
        rows = connection.execute(_LIST, (limit, offset), binary=True).fetchall()
    return Businesses([decode_record(row[0]) for row in rows if row[0] is not None], rows[0][1] if rows else 0)


def read_business(database: Database, ledger: Ledger, reference: UUID | str) -> Record:
    """An open business by its id or codename, the service's own company too. Raises CompanyNotFound."""
    company_id = company_named(database, reference)
    found = ledger.store.read_records(company_id, Needs(ids={company_id})).records if company_id else []
    if not found or not found[0].data.get("is_active", True):
        raise CompanyNotFound("There is no such business.")
    return found[0]


def update_business(ledger: Ledger, company_id: UUID, changes: Mapping[str, Any], actor: Actor) -> Record:
    """Change a business's particulars; returns its record. Raises what an update raises."""
    if changes:
        command = Command(kind="company", action="update", id=company_id, data=dict(changes))
        ledger.execute(company_id, [command], actor)
    return ledger.store.read_records(company_id, Needs(ids={company_id})).records[0]


def close_business(sessions: Sessions, company_id: UUID, actor: Actor) -> Record:
    """Close a business: nobody logs in any more, and every session ends. Its books are kept. Raises CompanyNotFound for root's."""
    business = read_business(sessions.users.database, sessions.ledger, company_id)
    if business.data["codename"] == ROOT:
        raise CompanyNotFound("There is no such business.")
    closed = update_business(sessions.ledger, company_id, {"is_active": False}, actor)
    sessions.end_all(company_id, actor)
    return closed
