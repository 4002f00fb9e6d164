"""A business whose owner calls the FinTrack services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fintrack_clients import Caller


@pytest.fixture
def owner(company: Any) -> Caller:
    """The owner of the test's business."""
    return Caller(company.client, company.codename, company.token)


@pytest.fixture
def caller(company: Any, member: Callable[[str], Any]) -> Callable[[str], Caller]:
    """Makes a user of a role in the test's business."""

    def make(role: str) -> Caller:
        return Caller(company.client, company.codename, company.token if role == "tenantOwner" else member(role).token)

    return make
