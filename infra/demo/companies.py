"""The demo's companies: the service's own with its administrator, and a sample business that every dialect reaches."""

from __future__ import annotations

import msgspec

from infra.companies.bootstrap import BUSINESS, ROOT_DATA, add_user, begin_company, has_user
from infra.companies.directory import ROOT, find_company, get_company
from infra.database import Database
from infra.identity.demo_password import DEMO_EMAIL, DEMO_PASSWORD
from infra.ledger import Ledger
from infra.roles import api_url
from infra.settings import Settings
from infra.store.postgres import PostgresStore

BUSINESS_DATABASE_ID = 1001
BUSINESS_PACKAGE_NUMBER = 2002
TILL_USER = "user1"


class DemoInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to log in to, the codenames of the companies that were made just now, and what to tell people."""

    email: str
    codename: str
    database_id: int
    created: list[str]
    announcement: list[str]


def ensure_demo(settings: Settings) -> DemoInfo:
    """Make what is missing of the demo, as the API's database role. The schema must be up to date.

    Its administrator and owner are those of the settings, where these name one, else those of the published password.
    """
    email, password = settings.super_admin_email, settings.super_admin_password
    told = "the password in DAFTAR_SUPER_ADMIN_PASSWORD"
    if not email:
        email, password, told = DEMO_EMAIL, DEMO_PASSWORD, f"password {DEMO_PASSWORD} (a demo password: never in production)"
    administrator = {"email": email, "name": "Demo administrator", "role": "superAdmin", "email_verified": True}
    database = Database(api_url(settings), size=1, name="daftar-demo").open()
    try:
        ledger = Ledger(PostgresStore(database))
        created = []
        if find_company(database, ROOT) is None and begin_company(ledger, ROOT_DATA, [administrator], password):
            created.append(ROOT)
        elif not has_user(ledger, get_company(database, ROOT).id, email):
            add_user(ledger, get_company(database, ROOT).id, administrator, password)
        if ensure_business(ledger, database, BUSINESS, email=email, password=password):
            created.append(BUSINESS)
        database_id = get_company(database, BUSINESS).database_id
    finally:
        database.close()
    announcement = [
        f"demo login      {email}, {told}",
        f"demo companies  {BUSINESS} (the sample business), {ROOT} (administration)",
        f"Mahak           DatabaseId {database_id}, PackageNumber {BUSINESS_PACKAGE_NUMBER}, user {TILL_USER}, same password",
    ]
    return DemoInfo(email=email, codename=BUSINESS, database_id=database_id, created=created, announcement=announcement)


def ensure_business(
    ledger: Ledger, database: Database, codename: str, *, email: str = DEMO_EMAIL, password: str = DEMO_PASSWORD
) -> bool:
    """Begin a sample business in USD with an owner and a till, unless it is there; whether it was begun."""
    if find_company(database, codename) is not None:
        return False
    data: dict[str, object] = {"name": codename.capitalize(), "codename": codename, "currency": "USD"}
    if codename == BUSINESS:
        data |= {"database_id": BUSINESS_DATABASE_ID, "package_number": BUSINESS_PACKAGE_NUMBER}
    owner = {"email": email, "name": "Demo owner", "role": "tenantOwner", "email_verified": True}
    till = {"username": TILL_USER, "name": "Demo till", "role": "accountant"}
    return begin_company(ledger, data, [owner, till], password)
