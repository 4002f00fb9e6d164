"""Which business a call without a session is for, and whom it names there; and how such calls are counted."""

from __future__ import annotations

from uuid import UUID

from api.attempts import count_attempt
from api.fintrack.asking import Asked
from domain.record import Record
from infra.companies.directory import ROOT, company_record
from infra.composition import Services
from infra.identity.companies import companies_of_email, company_named


async def count(asked: Asked, what: str, *parts: str) -> None:
    """Count an attempt in the business that is addressed. Raises TooManyRequests."""
    await count_attempt(asked.request, what, asked.codename, *parts)


def addressed(asked: Asked, email: str) -> UUID | None:
    """The business that the request names, else the only one that has a user with this e-mail, else root."""
    database = asked.services.database
    if asked.named is not None:
        return company_named(database, asked.named)
    companies = companies_of_email(database, email)
    return companies[0] if len(companies) == 1 else company_named(database, ROOT)


def user_named(asked: Asked, email: str) -> tuple[UUID, Record] | None:
    """The business and the user of this e-mail there, also one who archived himself; None where there is none."""
    company_id = addressed(asked, email)
    user = asked.services.accounts.find(company_id, email) if company_id is not None else None
    return (company_id, user) if company_id is not None and user is not None else None


def name_of(services: Services, company_id: UUID) -> str:
    """The name of a business."""
    return str(company_record(services.ledger, company_id).data["name"])
