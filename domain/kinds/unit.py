"""Unit of measure: what a product's quantities are counted in."""

from __future__ import annotations

from typing import Any

from domain.kind import Kind
from domain.policy import Policy
from domain.values import Fields, Line, Name


class Unit(Fields, frozen=True, kw_only=True):
    """`abbreviation` is what a line shows: `kg`, `pcs`."""

    name: Name
    abbreviation: Line | None = None
    extra: dict[str, Any] = {}


UNIT = Kind(name="unit", fields=Unit, policy=Policy.MERGE)
