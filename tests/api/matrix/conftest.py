"""Two devices of one company, each of which has pulled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matrix_devices import Device


@pytest.fixture
def device(company: Any) -> Callable[..., Device]:
    """Makes a device of the test's company that has pulled once."""

    def make(name: str, token: str = "") -> Device:
        made = Device(company.client, token or company.token, name)
        made.pull()
        return made

    return make


@pytest.fixture
def devices(device: Callable[..., Device]) -> list[Device]:
    """Two devices."""
    return [device("tablet"), device("phone")]
