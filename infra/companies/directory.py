"""The directory of companies: who there is, before any company's own books are opened."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec

from domain.command import Command
from domain.errors import CompanyNotFound, ValueTaken
from domain.needs import Needs
from domain.record import Record
from infra.database import CompanyConnections, Database
from infra.ledger import Ledger

ROOT = "root"
"""Codename of the service's own company, whose users run the service for the others."""
ROOT_DATABASE_ID = 1000
"""Just below the first number that is given out."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A company in the directory. `database_id` is how Mahak clients name it."""

    id: UUID
    codename: str
    database_id: int
    created_at: datetime


_COLUMNS = "SELECT company_id, codename, database_id, created_at FROM companies"


def list_companies(database: Database) -> list[Listed]:
    """Every company, by codename."""
    with database.connection() as connection:
        rows = connection.execute(f"{_COLUMNS} ORDER BY codename").fetchall()
    return [Listed(id=row[0], codename=row[1], database_id=row[2], created_at=row[3]) for row in rows]


def find_company(database: Database, codename: str) -> Listed | None:
    """The company with this codename, or None."""
    with database.connection() as connection:
        row = connection.execute(f"{_COLUMNS} WHERE codename = %s", (codename,)).fetchone()
    return Listed(id=row[0], codename=row[1], database_id=row[2], created_at=row[3]) if row else None


def get_company(database: Database, codename: str) -> Listed:
    """The company with this codename. Raises CompanyNotFound, naming it."""
    found = find_company(database, codename)
    if found is None:
        raise CompanyNotFound(f"There is no company {codename!r}.", path="company", company=codename)
    return found


def company_record(ledger: Ledger, company_id: UUID) -> Record:
    """The company's own record: name, currency, time zone and so on. Raises CompanyNotFound."""
    records = ledger.store.read_records(company_id, Needs(ids={company_id})).records
    if not records:
        raise CompanyNotFound
    return records[0]


def ensure_root(ledger: Ledger, database: Database) -> Listed:
    """The service's own company, begun if it is missing; safe to call at the same time from several processes."""
    found = find_company(database, ROOT)
    if found is not None:
        return found
    data = {"name": "Daftar", "codename": ROOT, "database_id": ROOT_DATABASE_ID}
    with suppress(ValueTaken):  # somebody else was faster
        ledger.register_company([Command(kind="company", action="create", data=data)])
    return get_company(database, ROOT)


def database_id_of(database: CompanyConnections, company_id: UUID) -> int:
    """The number by which clients that know no UUIDs name a company. Raises CompanyNotFound."""
    with database.company(company_id) as connection:
        row = connection.execute("SELECT database_id FROM companies WHERE company_id = %s", (company_id,)).fetchone()
    if row is None:
        raise CompanyNotFound
    return int(row[0])
