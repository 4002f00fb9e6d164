"""A till of the test's company: a client that speaks the desktop dialect."""

from __future__ import annotations

from typing import Any

import pytest
from tills import Till


@pytest.fixture
def till(company: Any) -> Till:
    """A till at which the owner stands, with a product, a customer and a supplier."""
    return Till(company)
