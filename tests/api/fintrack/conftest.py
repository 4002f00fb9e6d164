"""A business, and callers of every role in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from buckets import Bucket
from fintrack_business import BUSINESS_ROLES, ROOT_ROLES, Business, User
from fintrack_clients import Caller

from domain.command import SYSTEM, Command
from domain.needs import Needs
from infra.composition import Services
from infra.ids import new_id


@pytest.fixture
def owner(company: Any) -> Caller:
    """The owner of the test's business."""
    return Caller(company.client, company.codename, company.token)


@pytest.fixture
def caller(company: Any, services: Services) -> Callable[[str], Caller]:
    """Makes a user of a role in the test's business, with an open session."""

    def make(role: str) -> Caller:
        user_id = new_id()
        data = {"name": role, "email": f"{uuid4().hex}@example.com", "role": role}
        services.ledger.execute(company.id, [Command(kind="user", action="create", id=user_id, data=data)], SYSTEM)
        user = services.store.read_records(company.id, Needs(ids={user_id})).records[0]
        granted = services.sessions.open(company.id, user, dialect="fintrack")
        return Caller(company.client, company.codename, granted.access_token)

    return make


@pytest.fixture
def theirs(services: Services, client: Any) -> Caller:
    """The owner of another business."""
    codename, user_id = f"t-{uuid4().hex[:12]}", new_id()
    data = {"name": "Owner", "email": f"owner@{codename}.example", "role": "tenantOwner"}
    company_id, _, _ = services.ledger.register_company(
        [
            Command(kind="company", action="create", data={"name": "Another", "codename": codename}),
            Command(kind="user", action="create", id=user_id, data=data),
        ]
    )
    user = services.store.read_records(company_id, Needs(ids={user_id})).records[0]
    return Caller(client, codename, services.sessions.open(company_id, user, dialect="fintrack").access_token)


@pytest.fixture(scope="module")
def business(services: Services, client: Any) -> Business:
    """A business for the tests of a module."""
    return Business(services, client)


@pytest.fixture(scope="module")
def crew(services: Services, client: Any) -> dict[str, User]:
    """A caller of every role, in one business and in root."""
    business, root = Business(services, client), Business(services, client, "root")
    callers = {role: business.user(role) for role in BUSINESS_ROLES}
    return {**callers, **{role: root.user(role) for role in ROOT_ROLES}}


@pytest.fixture
def open_bucket(services: Services) -> Callable[..., Bucket]:
    """Gives a user's token of a bucket, as logging in does; by default the user's own."""

    def make(user: Any, name: str | None = None) -> Bucket:
        principal = services.identity.confirm(services.identity.authenticate(user.token), anybody=True)
        name = name or f"{user.user_id}-public-user-bucket"
        return Bucket(name, services.bucket_tokens.sign(principal, name), user.client, user)

    return make


@pytest.fixture
def bucket(company: Any, open_bucket: Callable[..., Bucket]) -> Bucket:
    return open_bucket(company)


@pytest.fixture
def revealed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes are told in the answer, as in development."""
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, reveal_codes=True))
