"""Settings: named documents of a company's preferences. Two people's changes are never mixed: a conflict waits for a person."""

from __future__ import annotations

from typing import Any

from domain.kind import Kind, Unique
from domain.policy import Policy
from domain.values import Fields, Name, Text


class Settings(Fields, frozen=True, kw_only=True):
    """`name` is the document's, `value` the whole document: an update replaces it."""

    name: Name
    value: dict[str, Any]
    description: Text | None = None


SETTINGS = Kind(
    name="settings",
    fields=Settings,
    policy=Policy.MANUAL,
    unique=(Unique("name", ("name",)),),
    fixed=frozenset({"name"}),
)
