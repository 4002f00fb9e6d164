"""Conflict policies: what happens to a write whose record has moved since the version that the write was based on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

Outcome = Literal["merged", "server_kept", "open"]


class Policy(Enum):
    """Per kind: the server's record stands; fields are merged; the later writer has its way; or a person decides."""

    SERVER_WINS = "server_wins"
    MERGE = "merge"
    LATEST_WINS = "latest_wins"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a merge decided.

    `apply` is written, `lost` are the client's values that were not, `overwritten` the server's values that the client's
    replaced; `outcome` names the decision.
    """

    apply: dict[str, Any]
    lost: dict[str, Any]
    overwritten: dict[str, Any]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Divergence:
    """Both sides of a conflict.

    `known` is the record as the client knew it: its base, and its own edits since. `current` is the record now. `foreign` says
    for every field that somebody else set since the base when they did so, by their clock. `same` compares a field's values.
    """

    known: dict[str, Any]
    current: dict[str, Any]
    foreign: dict[str, datetime]
    moved: bool
    same: Callable[[str, Any, Any], bool]

    def client_changes(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """The fields that the client really changed."""
        return {name: value for name, value in wanted.items() if not self.same(name, self.known.get(name), value)}

    def differing(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Those changes that are not what the record says already."""
        return {name: value for name, value in changes.items() if not self.same(name, self.current.get(name), value)}

    def contested(self, changes: dict[str, Any]) -> set[str]:
        """The fields that both sides changed, to different values."""
        return {name for name in self.differing(changes) if name in self.foreign}


def merge(policy: Policy, divergence: Divergence, wanted: dict[str, Any], occurred_at: datetime) -> Verdict | None:
    """Three-way merge of a client's `wanted` fields by `policy`, or None where there is nothing to write.

    Exact: the log knows every field's last change.
    """
    changes = divergence.differing(divergence.client_changes(wanted))
    if not changes:
        return None
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
