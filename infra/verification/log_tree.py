"""The Merkle tree of a company's log, computed where it is asked for: kept subtrees, and the hashes of a few events.

The projection `tree` keeps the complete subtrees of 1,024 events and more. What it has not reached yet, and what is smaller, is
computed from the log, so that an answer never depends on how far the projection is; only its cost does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from domain.errors import LogBroken
from domain.merkle import Node, Range, grow, join, leaf_hash, node_hash, peaks_of, root_of
from infra.database import Connection, Database
from infra.followers.waiting import wait_for
from projections.tree import LOWEST_LEVEL

CHUNK = 1 << LOWEST_LEVEL
PAGE = 64 * CHUNK
MOST_COMPUTED = PAGE
"""Events that a request computes the tree of itself; for more, it waits for the projection."""

_NODES = b"""
SELECT n.level, n.place, n.hash FROM unnest(%b::int[], %b::bigint[]) AS wanted (level, place)
JOIN tree_nodes n ON n.company_id = %b AND n.level = wanted.level AND n.place = wanted.place
"""
_LEAVES = b"SELECT seq, hash FROM events WHERE company_id = %b AND seq > %b AND seq <= %b ORDER BY seq"
_GAP = b"""
SELECT h.seq, coalesce(p.seq, 0) FROM heads h LEFT JOIN positions p ON p.company_id = h.company_id AND p.follower = 'tree'
WHERE h.company_id = %b
"""
_LEVEL = b"SELECT place, hash FROM tree_nodes WHERE company_id = %b AND level = %b AND place < %b ORDER BY place"


def await_tree(database: Database, company_id: UUID) -> None:
    """Wait until no more than MOST_COMPUTED events are left to compute. Raises ProjectionBehind."""
    with database.company(company_id) as connection:
        head, reached = connection.execute(_GAP, (company_id,)).fetchone() or (0, 0)
    if head - reached > MOST_COMPUTED:
        wait_for(database, "tree", company_id, head - MOST_COMPUTED)


def range_hashes(connection: Connection, company_id: UUID, ranges: Sequence[Range]) -> list[bytes]:
    """The hash of each range of leaves, in the ranges' order, from one look-up of kept subtrees and a few reads of the log."""
    peaks = [peaks_of(leaves) for leaves in ranges]
    large = sorted({node for nodes in peaks for node in nodes if node[0] >= LOWEST_LEVEL})
    known = _kept(connection, company_id, large)
    for node in large:
        if node not in known:
            known[node] = _computed(connection, company_id, node)
    for start, nodes in _small(peaks).items():
        leaves = leaves_of(connection, company_id, (start, max((place + 1) << level for level, place in nodes)))
        for level, place in nodes:
            begin = (place << level) - start
            known[level, place] = root_of(leaves[begin : begin + (1 << level)])
    return [join([known[node] for node in nodes]) for nodes in peaks]


def leaves_of(connection: Connection, company_id: UUID, leaves: Range) -> list[bytes]:
    """The leaf hashes of a range. Raises LogBroken."""
    rows = connection.execute(_LEAVES, (company_id, *leaves), binary=True).fetchall()
    if len(rows) != leaves[1] - leaves[0]:
        raise LogBroken(f"Events are missing between {leaves[0] + 1} and {leaves[1]}.")
    return [leaf_hash(hash_) for _, hash_ in rows]


def _small(peaks: Sequence[Sequence[Node]]) -> dict[int, list[Node]]:
    """The subtrees that are not kept, by the first leaf of the 1,024 they are among."""
    found: dict[int, list[Node]] = {}
    for nodes in peaks:
        for level, place in nodes:
            if level < LOWEST_LEVEL:
                found.setdefault((place << level) // CHUNK * CHUNK, []).append((level, place))
    return found


def _kept(connection: Connection, company_id: UUID, nodes: Sequence[Node]) -> dict[Node, bytes]:
    if not nodes:
        return {}
    levels, places = zip(*nodes, strict=True)
    rows = connection.execute(_NODES, (list(levels), list(places), company_id))
    return {(level, place): bytes.fromhex(hash_) for level, place, hash_ in rows.fetchall()}


def _computed(connection: Connection, company_id: UUID, node: Node) -> bytes:
    """The root of a subtree from its kept halves, where there are some, else from its events."""
    level, place = node
    if level == LOWEST_LEVEL:
        return root_of(leaves_of(connection, company_id, (place << level, (place + 1) << level)))
    halves = [(level - 1, 2 * place), (level - 1, 2 * place + 1)]
    known = _kept(connection, company_id, halves)
    left, right = (known.get(half) or _computed(connection, company_id, half) for half in halves)
    return node_hash(left, right)


def root_from_log(connection: Connection, company_id: UUID, size: int) -> bytes:
    """The root over the first `size` events, from the log alone, a page at a time in memory. Raises LogBroken."""
    peaks: list[bytes] = []
    for start in range(0, size, PAGE):
        for place, leaf in enumerate(leaves_of(connection, company_id, (start, min(start + PAGE, size))), start):
            grow(peaks, place, leaf)
    return join(peaks)


# Verification -------------------------------------------------------------------------------------


def first_wrong_subtree(connection: Connection, company_id: UUID, size: int) -> str | None:
    """What is wrong with the kept subtrees of the first `size` events, each computed anew from the log; None: nothing.

    Rows that the projection has not made yet are not missed. Raises LogBroken.
    """
    expected: dict[Node, bytes] = {}
    for start in range(0, size - size % CHUNK, PAGE):
        end = min(start + PAGE, size - size % CHUNK)
        leaves = leaves_of(connection, company_id, (start, end))
        for begin in range(0, len(leaves), CHUNK):
            expected[LOWEST_LEVEL, (start + begin) // CHUNK] = root_of(leaves[begin : begin + CHUNK])
    level, count = LOWEST_LEVEL, size // CHUNK
    while count:
        for place, kept in _of_level(connection, company_id, level, count):
            if expected[level, place] != kept:
                first, last = (place << level) + 1, (place + 1) << level
                return f"the kept root of events {first} to {last} is not theirs; run `daftar projections rebuild tree`"
        for place in range(count // 2):
            expected[level + 1, place] = node_hash(expected[level, 2 * place], expected[level, 2 * place + 1])
        level, count = level + 1, count // 2
    return None


def _of_level(connection: Connection, company_id: UUID, level: int, count: int) -> Iterator[tuple[int, bytes]]:
    for place, hash_ in connection.execute(_LEVEL, (company_id, level, count)).fetchall():
        try:
            yield place, bytes.fromhex(hash_)
        except ValueError:
            yield place, b""
