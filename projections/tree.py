"""The Merkle tree over each log's hashes, of which only the larger complete subtrees are kept.

A subtree of 1,024 events and every larger one gets a row when its last event is written, and is never changed. Whatever else a
proof needs is computed from the hashes of fewer than 1,024 events at either end.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.event import RecordedEvent
from domain.merkle import grow, leaf_hash
from projections.projection import Changes, Row, Table, View

LOWEST_LEVEL = 10
"""Subtrees of 2**10 leaves are the smallest that are kept."""
HEX_DIGITS = 64

TREE_NODES = Table(
    name="tree_nodes",
    columns={"level": "integer", "place": "bigint", "hash": "text"},
    key=("level", "place"),
    append_only=True,
)
"""The root of each complete subtree of 2**level events: `place` counts those of its level from 0, `hash` is hexadecimal."""
TREE_PEAKS = Table(name="tree_peaks", columns={"seq": "bigint", "peaks": "text"}, key=("seq",))
"""One row: the complete subtrees that the first `seq` events consist of, largest first, hexadecimal, to go on from."""


class HashMissing(ValueError):
    """The fold was given events without their hashes, or not from where it stands."""


class TreeProjection:
    """Complete subtrees."""

    name = "tree"
    version = 1
    kinds: frozenset[str] | None = None
    tables = (TREE_NODES, TREE_PEAKS)
    inline = False

    def fold(self, company_id: UUID, events: Sequence[RecordedEvent], view: View) -> Changes:
        """Add each event's hash as a leaf."""
        if not events:
            return Changes()
        before = events[0].seq - 1
        peaks = self._peaks(view, before)
        nodes: list[Row] = []
        for place, event in enumerate(events, before):
            if event.seq != place + 1 or not event.hash:
                raise HashMissing(f"the tree of company {company_id} needs the hash of event {place + 1}")
            for (level, number), node in grow(peaks, place, leaf_hash(event.hash)):
                if level >= LOWEST_LEVEL:
                    nodes.append((level, number, node.hex()))
        changes = Changes()
        changes.inserts[TREE_NODES] = nodes
        changes.deletes[TREE_PEAKS] = [(before,)] if before else []
        changes.inserts[TREE_PEAKS] = [(events[-1].seq, b"".join(peaks).hex())]
        return changes

    def _peaks(self, view: View, seq: int) -> list[bytes]:
        if seq == 0:
            return []
        for (text,) in view.find(TREE_PEAKS, ("seq",), [(seq,)], ("peaks",)):
            return [bytes.fromhex(text[place : place + HEX_DIGITS]) for place in range(0, len(text), HEX_DIGITS)]
        raise HashMissing(f"the tree does not stand at {seq}")
