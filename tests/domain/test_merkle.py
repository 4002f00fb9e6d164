"""The tree is RFC 6962's: every range, path and proof, for every size up to 70, against the definition and the offline script."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from domain.merkle import EMPTY_ROOT, Range, audit_ranges, consistency_ranges, grow, join, leaf_hash, node_hash, peaks_of, root_of

LARGEST = 70
LEAVES = [leaf_hash(bytes([place])) for place in range(LARGEST)]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_receipt", Path(__file__).parents[2] / "docs" / "verify_receipt.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def defined(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(defined(leaves[:half]), defined(leaves[half:]))


@pytest.fixture(scope="module")
def kept() -> dict[tuple[int, int], bytes]:
    """Every complete subtree, as growing the tree leaf by leaf names them; its root is checked at every size."""
    nodes: dict[tuple[int, int], bytes] = {}
    peaks: list[bytes] = []
    for place, leaf in enumerate(LEAVES):
        nodes.update(grow(peaks, place, leaf))
        assert join(peaks) == defined(LEAVES[: place + 1]) == root_of(LEAVES[: place + 1])
    return nodes


def hash_of(kept: dict[tuple[int, int], bytes], leaves: Range) -> bytes:
    return join([kept[node] for node in peaks_of(leaves)])


def test_the_vectors_of_certificate_transparency() -> None:
    """From the reference implementation's tests (certificate-transparency, merkle_tree_test)."""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(one)) for one in data]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_audit_path_consists_of_subtrees_and_leads_to_the_root(kept: dict[tuple[int, int], bytes]) -> None:
    for size in range(1, LARGEST + 1):
        for place in range(size):
            ranges = audit_ranges(place, size)
            root = LEAVES[place]
            for start, end in ranges:
                assert hash_of(kept, (start, end)) == defined(LEAVES[start:end])
                sibling = hash_of(kept, (start, end))
                root = node_hash(sibling, root) if end <= place else node_hash(root, sibling)
            assert root == defined(LEAVES[:size])


def test_every_consistency_proof_is_accepted_and_no_other_past(kept: dict[tuple[int, int], bytes], script: ModuleType) -> None:
    for later in range(1, LARGEST + 1):
        for earlier in range(1, later + 1):
            path = [hash_of(kept, leaves).hex() for leaves in consistency_ranges(earlier, later)]
            head = {"company_id": "a", "seq": later, "root": defined(LEAVES[:later]).hex()}
            head["consistency"] = {"seq": earlier, "path": path}
            then = {"company_id": "a", "seq": earlier, "root": defined(LEAVES[:earlier]).hex()}
            script.check_consistency(head, then)
            with pytest.raises(ValueError, match="does not begin"):
                script.check_consistency(head, {**then, "root": defined(LEAVES[: earlier - 1]).hex()})
            for wrong in ([*path, path[0] if path else then["root"]], path[:-1] if path else ["00"]):
                with pytest.raises(ValueError, match=r"too long|too short|empty|does not begin"):
                    script.check_consistency({**head, "consistency": {"seq": earlier, "path": wrong}}, then)
    with pytest.raises(ValueError, match="not the earlier one"):
        script.check_consistency({"company_id": "a", "seq": 0}, {"company_id": "a", "seq": 0})
