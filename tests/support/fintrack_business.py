"""A FinTrack business for tests: its users of every role, and calls to the auth service in their name."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx

from domain.command import SYSTEM, Command
from domain.decision import Credential
from infra.companies.bootstrap import ROOT_DATA
from infra.companies.directory import ROOT
from infra.identity.companies import company_named
from infra.identity.passwords import Passwords
from infra.ids import new_id

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another correct horse"
MOBILE = "+905551234567"
EMAIL, MOBILE_FLOW = "email-verification", "mobile-verification"
RESET, RESET_MOBILE = "password-reset-by-email", "password-reset-by-mobile"
BUSINESS_ROLES = ("tenantOwner", "tenantAdmin", "tenantUser", "owner", "accountant", "user")
ROOT_ROLES = ("superAdmin", "saasAdmin", "saasUser")


@cache
def _credential(passwords: Passwords) -> Credential:
    """Hashing is slow on purpose; the same password need not be hashed for every user of a test."""
    return passwords.credential(new_id(), PASSWORD)


def new_person(**more: Any) -> dict[str, Any]:
    """The form of a user that there is not yet."""
    return {"email": f"new-{uuid4().hex[:8]}@example.com", "password": NEW_PASSWORD, "fullname": "Mina Karimi", **more}


class User:
    """A user who is logged in."""

    def __init__(self, client: Any, codename: str, email: str, user_id: UUID, role: str) -> None:
        self.client, self.codename, self.email, self.id, self.role = client, codename, email, user_id, role
        self.token = ""

    def login(self, password: str = PASSWORD, **more: Any) -> httpx.Response:
        """Log in to his own business."""
        body = {"username": self.email, "password": password, **more}
        answer = self.client.post("/auth-api/login", json=body, headers={"mbx-business-codename": self.codename})
        self.client.cookies.clear()
        if answer.status_code == 200:
            self.token = answer.json()["accessToken"]
        return answer

    def call(self, method: str, path: str, body: Any = None, *, codename: str = "", **more: Any) -> httpx.Response:
        """A call to the auth service in his name, by default about his own business."""
        headers = {"Authorization": f"Bearer {self.token}", "mbx-business-codename": codename or self.codename}
        return self.client.request(method, f"/auth-api{path}", json=body, headers={**headers, **more.pop("headers", {})}, **more)

    def is_in(self) -> bool:
        """Whether his token still opens something."""
        return self.call("GET", "/currentuser").status_code == 200


class Business:
    """A business and its users; for root the service's own company."""

    def __init__(self, services: Any, client: Any, codename: str = "") -> None:
        self.services, self.client = services, client
        self.codename = codename or f"f-{uuid4().hex[:12]}"
        data = ROOT_DATA if self.codename == ROOT else {"name": f"Business {self.codename}", "codename": self.codename}
        found = company_named(services.database, self.codename)
        if found is None:
            found, _, _ = services.ledger.register_company([Command(kind="company", action="create", data=dict(data))])
        self.id: UUID = found
        self.headers = {"mbx-business-codename": self.codename}

    def make(self, role: str = "user", *, verified: bool = True, **more: Any) -> User:
        """A user who has proved his e-mail, not logged in."""
        user_id, email = new_id(), f"{role.lower()}-{uuid4().hex[:8]}@example.com"
        data = {"name": role, "email": email, "role": role, "email_verified": verified, **more}
        credential = dataclasses.replace(_credential(self.services.passwords), user_id=user_id)
        command = Command(kind="user", action="create", id=user_id, data=data)
        self.services.ledger.execute(self.id, [command], SYSTEM, credentials=[credential])
        return User(self.client, self.codename, data["email"], user_id, role)

    def user(self, role: str = "user", **more: Any) -> User:
        """A user who is logged in."""
        user = self.make(role, **more)
        assert user.login().status_code == 200
        return user

    def post(self, path: str, body: Any) -> httpx.Response:
        """A call without a session, about this business."""
        return self.client.post(f"/auth-api{path}", json=body, headers=self.headers)

    def start(self, flow: str, email: str) -> httpx.Response:
        """Ask for a code."""
        return self.post(f"/verification-services/{flow}/start", {"email": email})

    def complete(self, flow: str, email: str, code: Any, password: str = "") -> httpx.Response:
        """Send the code back, with the new password where it is for one."""
        body = {"email": email, "secretCode": code, **({"password": password} if password else {})}
        return self.post(f"/verification-services/{flow}/complete", body)
