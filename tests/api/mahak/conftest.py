"""A company with a package number, and a client of the Sync API that speaks for its owner."""

from __future__ import annotations

from typing import Any

import pytest
from mahak_clients import PACKAGE, PASSWORD, Client


@pytest.fixture
def mahak(company: Any) -> Client:
    """The owner's app."""
    body = {"type": "company.update", "id": str(company.id), "data": {"package_number": PACKAGE}}
    assert company.execute(body).status_code == 200
    found = company.client.post("/API/v3/Sync/Login", json={"userName": company.email, "password": PASSWORD})
    assert found.json()["Result"] is True, found.text
    client = Client(company, found.json()["Data"]["DatabaseId"])
    client.visitor_id = found.json()["Data"]["VisitorId"]
    return client
