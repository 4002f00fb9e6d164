"""Which company is meant: by any of its names, or by who wants to log in without naming one."""

from __future__ import annotations

from uuid import UUID

from infra.database import Database

MOST_COMPANIES_OF_EMAIL = 20
"""Companies in which a password is tried, where somebody logs in by e-mail alone."""

_FIND_COMPANY = b"SELECT company_id FROM companies WHERE codename = %b"
_FIND_COMPANY_BY_ID = b"SELECT company_id FROM companies WHERE company_id = %b"
_FIND_COMPANY_BY_DATABASE = b"SELECT company_id FROM companies WHERE database_id = %b"
_COMPANIES_OF_EMAIL = b"SELECT company_id FROM companies_of_email(%b, %b)"
_COMPANIES_OF_USERNAME = b"SELECT company_id FROM companies_of_username(%b, %b)"


def company_named(database: Database, name: str | int | UUID) -> UUID | None:
    """The company with this id, codename (also a text that is a UUID) or database id."""
    value: str | int | UUID = name
    if isinstance(name, int):
        statement = _FIND_COMPANY_BY_DATABASE
    elif (company_id := _as_uuid(name)) is not None:
        statement, value = _FIND_COMPANY_BY_ID, company_id
    elif "\0" in str(name):
        return None  # no codename, and no text to PostgreSQL
    else:
        statement, value = _FIND_COMPANY, str(name).casefold()
    with database.connection() as connection:
        row = connection.execute(statement, (value,), binary=True).fetchone()
    return row[0] if row else None


def companies_of_email(database: Database, email: str) -> list[UUID]:
    """The companies in which a user has this e-mail, oldest first."""
    return _companies_of(database, _COMPANIES_OF_EMAIL, email)


def companies_of_username(database: Database, name: str) -> list[UUID]:
    """The companies in which a user has this user name or e-mail, oldest first."""
    return _companies_of(database, _COMPANIES_OF_USERNAME, name)


def companies_meant(database: Database, named: str | int | None, name: str, *, by_username: bool = False) -> list[UUID]:
    """The companies in which somebody of this name may want to log in: the one that he names, if there is one, else all that know
    his e-mail (or his user name).
    """
    if named is None:
        return companies_of_username(database, name) if by_username else companies_of_email(database, name)
    found = company_named(database, named)
    return [found] if found is not None else []


def _companies_of(database: Database, statement: bytes, name: str) -> list[UUID]:
    with database.connection() as connection:
        rows = connection.execute(statement, (name.casefold(), MOST_COMPANIES_OF_EMAIL), binary=True).fetchall()
    return [row[0] for row in rows]


def _as_uuid(name: str | UUID) -> UUID | None:
    try:
        return name if isinstance(name, UUID) else UUID(name)
    except ValueError:
        return None
