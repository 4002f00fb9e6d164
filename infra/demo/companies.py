"""The demo's companies: the service's own with its administrator, and a sample business that every dialect reaches.

A company is begun in one transaction with its users and their passwords: a start that is killed leaves it whole or not at all,
and the next start makes what is missing.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from domain.command import SYSTEM, Command
from domain.decision import Credential
from domain.errors import ValueTaken
from domain.needs import Needs
from infra.companies import ROOT, ROOT_DATABASE_ID, find_company, get_company
from infra.database import Database
from infra.demo_password import DEMO_EMAIL, DEMO_PASSWORD
from infra.ids import new_id
from infra.ledger import Ledger
from infra.passwords import Passwords
from infra.roles import api_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore

User = dict[str, object]

BUSINESS = "babil"
BUSINESS_DATABASE_ID = 1001
BUSINESS_PACKAGE_NUMBER = 2002
TILL_USER = "user1"

_ADMINISTRATOR: User = {"email": DEMO_EMAIL, "name": "Demo administrator", "role": "superAdmin", "email_verified": True}
_OWNER: User = {"email": DEMO_EMAIL, "name": "Demo owner", "role": "tenantOwner", "email_verified": True}
_TILL: User = {"username": TILL_USER, "name": "Demo till", "role": "accountant"}


class DemoInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to log in to, the codenames of the companies that were made just now, and what to tell people."""

    email: str
    codename: str
    database_id: int
    created: list[str]
    announcement: list[str]


def ensure_demo(settings: Settings) -> DemoInfo:
    """Make what is missing of the demo, as the API's database role. The schema must be up to date."""
    database = Database(api_url(settings), size=1, name="daftar-demo").open()
    try:
        ledger = Ledger(PostgresStore(database))
        created = []
        if find_company(database, ROOT) is None and _begin(
            ledger, {"name": "Daftar", "codename": ROOT, "database_id": ROOT_DATABASE_ID}, [_ADMINISTRATOR]
        ):
            created.append(ROOT)
        elif not _has_user(ledger, get_company(database, ROOT).id, DEMO_EMAIL):
            _add_user(ledger, get_company(database, ROOT).id, _ADMINISTRATOR)
        if ensure_business(ledger, database, BUSINESS):
            created.append(BUSINESS)
        database_id = get_company(database, BUSINESS).database_id
    finally:
        database.close()
    announcement = [
        f"demo login      {DEMO_EMAIL}, password {DEMO_PASSWORD} (a demo password: never in production)",
        f"demo companies  {BUSINESS} (the sample business), {ROOT} (administration)",
        f"Mahak           DatabaseId {database_id}, PackageNumber {BUSINESS_PACKAGE_NUMBER}, user {TILL_USER}, same password",
    ]
    return DemoInfo(email=DEMO_EMAIL, codename=BUSINESS, database_id=database_id, created=created, announcement=announcement)


def ensure_business(ledger: Ledger, database: Database, codename: str) -> bool:
    """Begin a sample business in USD, owned by the demo's e-mail and password, unless it is there; whether it was begun."""
    if find_company(database, codename) is not None:
        return False
    data: dict[str, object] = {"name": codename.capitalize(), "codename": codename, "currency": "USD"}
    if codename == BUSINESS:
        data |= {"database_id": BUSINESS_DATABASE_ID, "package_number": BUSINESS_PACKAGE_NUMBER}
    return _begin(ledger, data, [_OWNER, _TILL])


def _begin(ledger: Ledger, data: dict[str, object], users: list[User]) -> bool:
    """Register a company with its users; False where somebody else just did. A database id that is taken is left out."""
    commands, credentials = _with_users(users)
    try:
        ledger.register_company([Command(kind="company", action="create", data=data), *commands], credentials=credentials)
    except ValueTaken as error:
        if error.details.get("field") != "database_id":
            return False
        rest = {name: value for name, value in data.items() if name != "database_id"}
        return _begin(ledger, rest, users)
    return True


def _with_users(users: list[User]) -> tuple[list[Command], list[Credential]]:
    ids = [new_id() for _ in users]
    commands = [Command(kind="user", action="create", id=i, data=user) for i, user in zip(ids, users, strict=True)]
    passwords = Passwords()
    return commands, [passwords.credential(user_id, DEMO_PASSWORD) for user_id in ids]


def _has_user(ledger: Ledger, company_id: UUID, email: str) -> bool:
    found = ledger.store.read_records(company_id, Needs(unique={("user", "email", email.casefold())}))
    return bool(found.unique)


def _add_user(ledger: Ledger, company_id: UUID, user: User) -> None:
    commands, credentials = _with_users([user])
    ledger.execute(company_id, commands, SYSTEM, credentials=credentials)
