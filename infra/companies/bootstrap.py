"""The first start: the service's own company with its administrator, and the sample business, whose owner is the same person.

A company is begun in one transaction with its users and their passwords: a start that is killed leaves it whole or not at all,
and the next start makes what is missing. What is there is left alone: a password that was changed since stays changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from domain.command import SYSTEM, Command
from domain.decision import Credential
from domain.errors import ValueTaken
from domain.needs import Needs
from infra.companies.directory import ROOT, ROOT_DATABASE_ID, find_company, get_company
from infra.database import Database
from infra.identity.accounts import check_new_password
from infra.identity.passwords import Passwords
from infra.ids import new_id
from infra.ledger import Ledger
from infra.reading.reader import Reader
from infra.roles import api_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore

Data = Mapping[str, object]

BUSINESS = "babil"
"""Codename of the sample business."""
ROOT_DATA: Data = {"name": "Daftar", "codename": ROOT, "database_id": ROOT_DATABASE_ID}

log = structlog.get_logger("daftar.bootstrap")


def ensure_super_admin(settings: Settings) -> list[str]:
    """Make what is missing of what the settings name, as the API's database role; returns the codenames of what was begun.

    Does nothing where they name no administrator. There is one superAdmin: where root has another already, he stays the only one.
    Raises InvalidField for a password that may not be one.
    """
    email, password = settings.super_admin_email, settings.super_admin_password
    if not email:
        return []
    check_new_password(password, demo=settings.demo)
    administrator = {"email": email, "name": "Administrator", "role": "superAdmin", "email_verified": True}
    owner = {"email": email, "name": "Owner", "role": "tenantOwner", "email_verified": True}
    database = Database(api_url(settings), size=1, name="daftar-bootstrap").open()
    try:
        ledger, begun = Ledger(PostgresStore(database)), []
        if find_company(database, ROOT) is None and begin_company(ledger, ROOT_DATA, [administrator], password):
            begun.append(ROOT)
        else:
            _ensure_administrator(ledger, database, administrator, password)
        if find_company(database, BUSINESS) is None:
            data = {"name": BUSINESS.capitalize(), "codename": BUSINESS, "currency": "USD"}
            if begin_company(ledger, data, [owner], password):
                begun.append(BUSINESS)
    finally:
        database.close()
    return begun


def _ensure_administrator(ledger: Ledger, database: Database, administrator: Data, password: str) -> None:
    root = get_company(database, ROOT).id
    if has_user(ledger, root, str(administrator["email"])):
        return
    if Reader(database).list_records(root, "user", filters={"role": ["superAdmin"]}, limit=1).total:
        log.warning("root has another superAdmin already; DAFTAR_SUPER_ADMIN_EMAIL makes no second one")
        return
    add_user(ledger, root, administrator, password)


def begin_company(ledger: Ledger, data: Data, users: Sequence[Data], password: str) -> bool:
    """Register a company with its users; False where somebody else just did. A database id that is taken is left out."""
    commands, credentials = _with_users(users, password)
    try:
        ledger.register_company([Command(kind="company", action="create", data=dict(data)), *commands], credentials=credentials)
    except ValueTaken as error:
        if error.details.get("field") != "database_id":
            return False
        rest = {name: value for name, value in data.items() if name != "database_id"}
        return begin_company(ledger, rest, users, password)
    return True


def has_user(ledger: Ledger, company_id: UUID, email: str) -> bool:
    """Whether a user has this e-mail."""
    found = ledger.store.read_records(company_id, Needs(unique={("user", "email", email.casefold())}))
    return bool(found.unique)


def add_user(ledger: Ledger, company_id: UUID, user: Data, password: str) -> None:
    """Make a user."""
    commands, credentials = _with_users([user], password)
    ledger.execute(company_id, commands, SYSTEM, credentials=credentials)


def _with_users(users: Sequence[Data], password: str) -> tuple[list[Command], list[Credential]]:
    ids = [new_id() for _ in users]
    commands = [Command(kind="user", action="create", id=i, data=dict(user)) for i, user in zip(ids, users, strict=True)]
    passwords = Passwords()
    return commands, [passwords.credential(user_id, password) for user_id in ids]
