"""Conflict policies: what happens to a write whose record has moved since the version that the write was based on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any


class Policy(Enum):
    """Per kind; see DESIGN section 7 and docs/concepts.md."""

    SERVER_WINS = "server_wins"
    MERGE = "merge"
    LATEST_WINS = "latest_wins"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a merge decided: `apply` is written, `lost` are client values that were not, `outcome` names the decision."""

    apply: dict[str, Any]
    lost: dict[str, Any]
    overwritten: dict[str, Any]
    outcome: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """Both sides of a conflict.

    `known` is the record as the client knew it: its base, and its own edits since. `current` is the record now. `foreign` says
    for every field that somebody else set since the base when they did so, by their clock.
    """

    known: dict[str, Any]
    current: dict[str, Any]
    foreign: dict[str, datetime]
    moved: bool

    def client_changes(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """The fields that the client really changed."""
        return {name: value for name, value in wanted.items() if self.known.get(name) != value}

    def contested(self, changes: dict[str, Any]) -> set[str]:
        """The fields that both sides changed, to different values."""
        return {name for name, value in changes.items() if name in self.foreign and self.current.get(name) != value}


def merge(policy: Policy, divergence: Divergence, wanted: dict[str, Any], occurred_at: datetime) -> Verdict:
    """Three-way merge of a client's `wanted` fields by `policy`. Exact: the log knows every field's last change."""
    changes = divergence.client_changes(wanted)
    if not changes:
        return Verdict({}, {}, {}, "nothing_changed")
    if policy is Policy.SERVER_WINS:
        return Verdict({}, changes, {}, "server_kept")
    if policy is Policy.MANUAL:
        return Verdict({}, changes, {}, "open")
    contested = divergence.contested(changes)
    later: set[str] = set()
    if policy is Policy.LATEST_WINS:
        later = {name for name in contested if occurred_at > divergence.foreign[name]}
    lost = {name: changes[name] for name in sorted(contested - later)}
    overwritten = {name: divergence.current.get(name) for name in sorted(later)}
    apply = {name: value for name, value in changes.items() if name not in lost}
    return Verdict(apply, lost, overwritten, "merged" if apply else "server_kept")
