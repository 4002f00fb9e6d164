"""Companies and tills of the desktop dialect. A password is hashed once for all of them: hashing is slow, as it should be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from tills import Till

from domain.command import Command
from domain.decision import Credential
from domain.needs import Needs
from infra.composition import Services
from infra.ids import new_id
from tests.api.conftest import PASSWORD, Company


class Registry:
    """Registers companies with an owner, and members, all with the same password, and opens their sessions without it."""

    def __init__(self, services: Services, client: Any) -> None:
        self.services, self.client = services, client
        self.hashed: Credential = services.passwords.credential(new_id(), PASSWORD)

    def company(self) -> Company:
        """A new company; its owner is logged in."""
        codename, user_id = f"c-{uuid4().hex[:12]}", new_id()
        email = f"owner@{codename}.example"
        company_id, _, _ = self.services.ledger.register_company(
            [
                Command(kind="company", action="create", data={"name": "A company", "codename": codename}),
                Command(kind="user", action="create", id=user_id, data={"name": "Owner", "email": email, "role": "tenantOwner"}),
            ],
            credentials=[dataclasses.replace(self.hashed, user_id=user_id)],
        )
        return self.logged_in(Company(company_id, codename, email, user_id, self.client))

    def logged_in(self, company: Company) -> Company:
        """The same with a new session."""
        user = self.services.store.read_records(company.id, Needs(ids={company.user_id})).records[0]
        granted = self.services.sessions.open(company.id, user, dialect="saimpex")
        return msgspec.structs.replace(company, token=granted.access_token, refresh_token=granted.refresh_token)

    def member(self, company: Company, role: str) -> Company:
        """A member of a company, logged in."""
        made = company.create("user", name=role, email=f"{role.lower()}-{uuid4().hex[:6]}@example.com", role=role)
        return self.logged_in(msgspec.structs.replace(company, user_id=UUID(made["id"])))


@pytest.fixture(scope="session")
def registry(services: Services, client: Any) -> Registry:
    """Where companies come from."""
    return Registry(services, client)


@pytest.fixture
def company(registry: Registry) -> Company:
    """A company of this test alone."""
    return registry.company()


@pytest.fixture
def member(registry: Registry, company: Company) -> Callable[[str], Company]:
    """Makes a user of a role in the test's company, logged in."""
    return lambda role: registry.member(company, role)


@pytest.fixture
def till(company: Company) -> Till:
    """A till at which the owner stands."""
    return Till(company)


@pytest.fixture(scope="module")
def shop(registry: Registry) -> Till:
    """A till of a company that the tests of a module share."""
    return Till(registry.company())
