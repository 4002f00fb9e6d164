"""The kept Merkle tree: the same whatever the batches were, right where the projection is behind, and checked by verify."""

from __future__ import annotations

import random

import pytest

from domain.command import Command
from domain.errors import LogBroken, ProjectionBehind
from domain.merkle import audit_ranges, consistency_ranges, leaf_hash, root_of
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.verification import log_tree
from infra.verification.log import verify_all
from infra.verification.log_tree import CHUNK, await_tree, first_wrong_subtree, range_hashes, root_from_log
from projections.registry import PROJECTIONS

EVENTS = 2 * CHUNK + 100


@pytest.fixture
def shop(open_shop):
    """A shop with a log of a little more than two kept subtrees."""
    shop = open_shop()
    missing = EVENTS - shop.trade()
    shop.execute(*(Command(kind="party_group", action="create", data={"name": str(n)}) for n in range(missing)))
    return shop


def fold(worker, shop, until, sizes):
    with worker.connection() as connection:
        add_positions(connection, "tree")
        while (
            advance(connection, ProjectionFollower(PROJECTIONS["tree"]), shop.company_id, limit=next(sizes), until=until).seq
            < until
        ):
            pass


def leaves_of(owner, shop):
    rows = owner.execute("SELECT hash FROM events WHERE company_id = %s ORDER BY seq", (shop.company_id,))
    return [leaf_hash(hash_) for (hash_,) in rows]


@pytest.mark.tampers
def test_proofs_are_right_wherever_the_projection_stands(shop, owner, worker, api):
    leaves = leaves_of(owner, shop)
    assert len(leaves) == EVENTS
    chance = random.Random(3)
    ranges = [(0, size) for size in (0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, EVENTS)]
    for place in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 7, EVENTS - 1):
        ranges += audit_ranges(place, EVENTS)
    for earlier in (1, 1000, CHUNK, CHUNK + 1, 2 * CHUNK, EVENTS - 1, EVENTS):
        ranges += consistency_ranges(earlier, EVENTS)
    expected = [root_of(leaves[start:end]) for start, end in ranges]
    for until in (0, CHUNK - 1, CHUNK, EVENTS - 1, EVENTS):
        fold(worker, shop, until, iter(lambda: chance.randint(1, 700), None))
        rows = owner.execute("SELECT level, place, hash FROM tree_nodes ORDER BY 1, 2").fetchall()
        roots = [(0, 1, 0), (0, 1, 0)][: until // CHUNK]
        assert len(rows) == len(roots) + (until >= 2 * CHUNK)
        for level, place, hash_ in rows:
            assert hash_ == root_of(leaves[place << level : (place + 1) << level]).hex()
        assert owner.execute("SELECT seq FROM tree_peaks").fetchall() == ([(until,)] if until else [])
        with api.company(shop.company_id) as connection:
            assert range_hashes(connection, shop.company_id, ranges) == expected
    with api.company(shop.company_id) as connection:
        assert root_from_log(connection, shop.company_id, EVENTS) == root_of(leaves)
        owner.execute("DELETE FROM events WHERE seq = 3")
        with pytest.raises(LogBroken):
            root_from_log(connection, shop.company_id, EVENTS)


def test_a_request_waits_for_what_is_too_much_to_compute(shop, api, monkeypatch):
    await_tree(api, shop.company_id)
    monkeypatch.setattr(log_tree, "MOST_COMPUTED", CHUNK)
    monkeypatch.setattr(log_tree, "wait_for", lambda *args: (_ for _ in ()).throw(ProjectionBehind(wanted=args[3])))
    with pytest.raises(ProjectionBehind) as caught:
        await_tree(api, shop.company_id)
    assert caught.value.details["wanted"] == EVENTS - CHUNK


@pytest.mark.tampers
def test_verify_finds_a_kept_subtree_that_is_not_the_logs(shop, owner, worker, worker_url):
    fold(worker, shop, EVENTS, iter(lambda: 2_000, None))
    [report] = verify_all(worker_url, [shop.company_id], processes=1)
    assert (report.ok, report.tree_problem) == (True, None)
    for level in (11, 10):
        owner.execute("UPDATE tree_nodes SET hash = repeat('0', 64) WHERE level = %s AND place = 0", (level,))
        assert f"events 1 to {1 << level} " in first_wrong_subtree(owner, shop.company_id, EVENTS)
    [report] = verify_all(worker_url, [shop.company_id], processes=1)
    assert report.ok
    assert "events 1 to 1024 " in report.tree_problem
    owner.execute("UPDATE tree_nodes SET hash = 'rubbish'")
    assert first_wrong_subtree(owner, shop.company_id, EVENTS) is not None
    owner.execute("DELETE FROM events WHERE seq = 30")
    [report] = verify_all(worker_url, [shop.company_id], processes=1)
    assert (report.first_bad_seq, report.tree_problem) == (30, None)
