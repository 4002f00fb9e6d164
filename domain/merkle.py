"""The Merkle tree over a log, as RFC 6962 (Certificate Transparency) defines it; here a leaf's data is an event's 32-byte hash.

Leaves count from 0: the event `seq` is the leaf `seq - 1`. A range of leaves is (start, end), without the end. Proofs are given
first as the ranges whose hashes they consist of, so that whoever stores the log can fetch all of them at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

Range = tuple[int, int]
Node = tuple[int, int]
"""A complete subtree: its level (it has 2**level leaves), and its place among those of its level, from 0."""

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a log without events."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def join(hashes: Sequence[bytes]) -> bytes:
    """The root over adjacent complete subtrees, from the largest to the smallest; of nothing, the empty root."""
    if not hashes:
        return EMPTY_ROOT
    *rest, root = hashes
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


def grow(peaks: list[bytes], place: int, leaf: bytes) -> list[tuple[Node, bytes]]:
    """Add the leaf at `place` to a tree, given by its complete subtrees, largest first; the subtrees that this completes."""
    made: list[tuple[Node, bytes]] = [((0, place), leaf)]
    level, node = 0, leaf
    while place & 1:
        level, place, node = level + 1, place >> 1, node_hash(peaks.pop(), node)
        made.append(((level, place), node))
    peaks.append(node)
    return made


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    peaks: list[bytes] = []
    for place, leaf in enumerate(leaves):
        grow(peaks, place, leaf)
    return join(peaks)


def peaks_of(leaves: Range) -> list[Node]:
    """The complete subtrees that a range consists of, largest first. The range is one that a proof can name."""
    start, end = leaves
    found: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def audit_ranges(place: int, size: int) -> list[Range]:
    """The ranges whose hashes are the audit path of a leaf in a tree of `size` leaves, from the leaf upwards."""
    start, end = 0, size
    found: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if place < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_ranges(earlier: int, later: int) -> list[Range]:
    """The ranges whose hashes prove that a tree of `later` leaves begins with the tree of `earlier` ones; 0 < earlier ≤ later."""
    start, end, whole = 0, later, True
    found: list[Range] = []
    while earlier < end:
        middle = start + _split(end - start)
        if earlier <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, whole = middle, False
    return ([] if whole else [(start, end)]) + found[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    if size < 2:
        raise ValueError("a single leaf has no halves")
    return 1 << ((size - 1).bit_length() - 1)
