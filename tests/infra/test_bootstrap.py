"""The first start: the administrator that the settings name, root, and the sample business."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from domain.errors import InvalidField
from infra.companies.bootstrap import ensure_super_admin
from infra.companies.directory import list_companies
from infra.composition import Services
from infra.demo import ensure_demo
from infra.settings import Settings, SettingsError, load

EMAIL, PASSWORD = "ops@example.com", "a long enough secret"


@pytest.fixture
def given(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, super_admin_email=EMAIL, super_admin_password=PASSWORD)


def users(settings: Settings) -> dict[str, list[tuple[str, str, bool]]]:
    """The users of every company: e-mail, role, whether the e-mail is verified."""
    services = Services(settings)
    services.database.open()
    try:
        found = {}
        for company in list_companies(services.database):
            listing = services.reader.list_records(company.id, "user")
            records = msgspec.json.decode(b"[" + listing.items + b"]")
            found[company.codename] = [
                (r["data"].get("email", ""), r["data"]["role"], r["data"]["email_verified"]) for r in records
            ]
        return found
    finally:
        services.database.close()


def log_in(settings: Settings, codename: str, password: str) -> str:
    services = Services(settings)
    services.database.open()
    try:
        return services.sessions.log_in(codename, EMAIL, password).role
    finally:
        services.database.close()


def test_the_administrator_is_made_once(given: Settings) -> None:
    assert ensure_super_admin(given) == ["root", "babil"]
    made = {"root": [(EMAIL, "superAdmin", True)], "babil": [(EMAIL, "tenantOwner", True)]}
    assert users(given) == made
    assert ensure_super_admin(given) == []
    later = msgspec.structs.replace(given, super_admin_password="another long secret")
    assert ensure_super_admin(later) == []
    assert users(given) == made
    assert (log_in(given, "root", PASSWORD), log_in(given, "babil", PASSWORD)) == ("superAdmin", "tenantOwner")


def test_starts_at_the_same_time_make_it_once(given: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = [name for names in pool.map(ensure_super_admin, [given] * 4) for name in names]
    assert sorted(begun) == ["babil", "root"]
    assert [len(found) for found in users(given).values()] == [1, 1]


def test_there_is_one_super_admin(given: Settings) -> None:
    ensure_super_admin(given)
    ensure_super_admin(msgspec.structs.replace(given, super_admin_email="other@example.com"))
    assert users(given)["root"] == [(EMAIL, "superAdmin", True)]


def test_nothing_is_made_where_nobody_is_named(settings: Settings) -> None:
    assert ensure_super_admin(settings) == []
    assert users(settings) == {}


def test_the_demos_password_is_refused_outside_a_demo(given: Settings) -> None:
    with pytest.raises(InvalidField, match="published"):
        ensure_super_admin(msgspec.structs.replace(given, super_admin_password="daftar-demo"))
    assert users(given) == {}


def test_a_demo_takes_the_administrator_of_the_settings(given: Settings) -> None:
    info = ensure_demo(msgspec.structs.replace(given, demo=True))
    assert info.email == EMAIL
    assert not any(PASSWORD in line for line in info.announcement)
    found = users(given)
    assert found["root"] == [(EMAIL, "superAdmin", True)]
    assert (EMAIL, "tenantOwner", True) in found["babil"]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DAFTAR_SUPER_ADMIN_EMAIL": EMAIL}, "DAFTAR_SUPER_ADMIN_PASSWORD: at least 8"),
        ({"DAFTAR_SUPER_ADMIN_EMAIL": "ops", "DAFTAR_SUPER_ADMIN_PASSWORD": PASSWORD}, "DAFTAR_SUPER_ADMIN_EMAIL"),
        ({"DAFTAR_SMTP_URL": "http://x"}, "DAFTAR_SMTP_URL: a URL"),
        ({"DAFTAR_SMTP_URL": "smtp://u:p@x"}, "not sent in the clear"),
        ({"DAFTAR_SMTP_URL": "smtp://x:y"}, "DAFTAR_SMTP_URL: its port"),
        ({"DAFTAR_SMTP_URL": "smtp://x"}, "DAFTAR_MAIL_FROM is needed"),
        ({"DAFTAR_SMS_URL": "ftp://x"}, "DAFTAR_SMS_URL: a URL"),
        ({"DAFTAR_REVEAL_CODES": "yes", "DAFTAR_REQUIRE_HTTPS": "yes"}, "DAFTAR_REVEAL_CODES is for development"),
    ],
)
def test_settings_that_cannot_be(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(environment)


def test_no_secret_is_shown() -> None:
    shown = repr(
        load(
            {
                "DAFTAR_SUPER_ADMIN_EMAIL": EMAIL,
                "DAFTAR_SUPER_ADMIN_PASSWORD": PASSWORD,
                "DAFTAR_SMTP_URL": "smtps://user:hidden@mail",
                "DAFTAR_MAIL_FROM": "a@b.c",
                "DAFTAR_SMS_URL": "https://sms/?key=hidden",
                "DAFTAR_SMS_TOKEN": "hidden",
            }
        )
    )
    assert PASSWORD not in shown
    assert "hidden" not in shown
