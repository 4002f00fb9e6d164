"""`daftar audit`, and `daftar verify` with a signed head: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest
from commands import run_daftar
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.command import Command
from domain.event import GENESIS, chain_hash
from infra.reading.reader import Reader
from infra.store.rows import select_events

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_receipt.py"


@pytest.fixture
def daftar(settings):
    """Runs a command; its exit code, stdout and stderr."""
    return partial(run_daftar, settings)


def check(*files):
    done = subprocess.run([sys.executable, SCRIPT, *files], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_what_an_auditor_takes_away_holds(open_shop, daftar, tmp_path):
    shop = open_shop()
    seq = shop.trade()
    key, head, receipt, later = (tmp_path / name for name in ("key.pem", "head.json", "receipt.json", "later.json"))
    assert daftar("audit", "key", "--out", key) == (0, b"", f"wrote {key}\n")
    assert daftar("audit", "key")[1] == key.read_bytes()
    assert daftar("audit", "head", "--company", "babil", "--out", head)[0] == 0
    assert daftar("audit", "receipt", "--company", "babil", "--seq", 12, "--out", receipt)[0] == 0
    assert check(key, receipt)[1].startswith("OK: event 12 (")
    assert json.loads(daftar("audit", "key", "--json")[1])["key_id"] == json.loads(head.read_bytes())["key_id"]
    shop.trade()
    later.write_bytes(daftar("audit", "head", "--company", "babil", "--since", seq, "--json")[1])
    code, said = check(key, later, head)
    assert (code, f"continues the log of event {seq}" in said) == (0, True)
    changed = receipt.read_text().replace('"version": 1', '"version": 2')
    receipt.write_text(changed)
    assert check(key, receipt)[0] == 1


@pytest.mark.tampers
def test_verify_finds_a_log_that_was_rewritten_since_its_head_was_signed(open_shop, owner, daftar, tmp_path):
    shop, _ = open_shop(), open_shop("other", seed=2)
    shop.trade()
    head, key, rubbish = tmp_path / "head.json", tmp_path / "key.pem", tmp_path / "rubbish.json"
    daftar("audit", "head", "--company", "babil", "--out", head)
    daftar("audit", "key", "--out", key)
    shop.trade()
    code, out, _ = daftar("verify", "--processes", 1, "--signed-head", head)
    assert (code, out.startswith(b"1 company, ")) == (0, True)
    assert daftar("verify", "--processes", 1, "--company", "babil", "--signed-head", head, "--key", key)[0] == 0
    code, _, said = daftar("verify", "--company", "other", "--signed-head", head)
    assert (code, "is not the head of other" in said) == (2, True)
    signed = json.loads(head.read_bytes())
    rubbish.write_text(json.dumps({**signed, "root": signed["hash"]}))
    code, _, said = daftar("verify", "--signed-head", rubbish)
    assert (code, "its signature does not fit" in said) == (1, True)
    stranger = Ed25519PrivateKey.generate().public_key()
    key.write_bytes(stranger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    code, _, said = daftar("verify", "--signed-head", head, "--key", key)
    assert (code, "it was signed by the key" in said) == (1, True)
    for content in ("", "[]", "{}", '{"format": "daftar-signed-head-v1"}', json.dumps({**signed, "hash": "zz"}), "\0"):
        rubbish.write_text(content)
        code, _, said = daftar("verify", "--signed-head", rubbish)
        assert (code, "not a signed head" in said) == (2, True), said
        assert daftar("verify", "--signed-head", head, "--key", rubbish)[0] == 2
    for wrong in (["--signed-head", tmp_path / "none"], ["--key", key], ["--signed-head", head, "--head", "0" * 64 + "@1"]):
        assert daftar("verify", *wrong)[0] == 2

    previous = GENESIS  # a forger with the whole database rewrites one event and every hash after it
    for event in select_events(owner, shop.company_id, 0, 10_000):
        forged = msgspec.structs.replace(event, data=event.data.replace(b"Rent", b"Loot"))
        previous = chain_hash(previous, forged)
        values = (forged.data.decode(), previous, event.company_id, event.seq)
        owner.execute("UPDATE events SET data = %s, hash = %s WHERE company_id = %s AND seq = %s", values)
    owner.execute("UPDATE heads SET hash = %s WHERE company_id = %s", (previous, shop.company_id))
    assert daftar("verify", "--processes", 1)[0] == 0
    code, out, _ = daftar("verify", "--processes", 1, "--signed-head", head)
    assert (code, b"not the one whose head was" in out) == (1, True)


@pytest.mark.tampers
def test_no_receipt_of_what_is_not_what_was_written(open_shop, owner, daftar):
    open_shop().trade()
    owner.execute("UPDATE events SET data = data || ' ' WHERE seq = 12")
    code, out, said = daftar("audit", "receipt", "--company", "babil", "--seq", 12)
    assert (code, out, "log_broken" in said) == (1, b"", True)
    owner.execute("DELETE FROM events WHERE seq = 11")
    for seq in (1, 11, 12):
        assert daftar("audit", "receipt", "--company", "babil", "--seq", seq)[0] == 1
    owner.execute("DELETE FROM events WHERE seq > 13")  # where a search by time would look
    code, _, said = daftar("audit", "changes", "--company", "babil", "--from", "2026-01-01")
    assert (code, "log_broken" in said) == (1, True)


def test_changes_and_state(open_shop, api, daftar, tmp_path):
    shop = open_shop()
    before = shop.trade()
    shop.execute(Command(kind="party", action="update", id=shop.parties[0], data={"phone": "+98 21 7"}))
    code, out, _ = daftar("audit", "changes", "--company", "babil", "--record", shop.parties[0])
    assert code == 0
    assert "party.created.v1 party 1 Party 0 by nobody" in out.decode()
    assert "phone: " in out.decode()
    assert "→ +98 21 7" in out.decode()
    rows = daftar("audit", "changes", "--company", "babil", "--record", "party/1", "--format", "csv")[1].decode().splitlines()
    assert rows[0].startswith("seq,recorded_at,")
    assert rows[-1].endswith(",+98 21 7")
    lines = daftar("audit", "changes", "--company", "babil", "--kinds", "party,payment", "--format", "json")[1].splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"party", "payment"}
    assert daftar("audit", "changes", "--company", "babil", "--from", "2999-01-01", "--json") == (0, b"", "")

    documents = Reader(api).pull("records", shop.company_id, 0, 10_000, separator=b"\n").items.splitlines()
    out = tmp_path / "state.ndjson"
    code, _, said = daftar("audit", "state", "--company", "babil", "--out", out)
    assert (code, f"as of event {before + 1}" in said) == (0, True)
    assert sorted(out.read_bytes().splitlines()) == sorted(documents)
    then = daftar("audit", "state", "--company", "babil", "--at-seq", before, "--kinds", "party")
    assert b"+98 21 7" not in then[1]
    assert len(then[1].splitlines()) == 5
    assert daftar("audit", "state", "--company", "babil", "--at", "2001-01-01") == (0, b"", "0 records as of event 0\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["head"], 2, "--company"),
        (["head", "--company", "nobody"], 2, "no company 'nobody'"),
        (["head", "--company", "babil", "--since", "99999"], 1, "cursor_ahead"),
        (["head", "--company", "babil", "--out", "/nowhere/head.json"], 1, "/nowhere/head.json cannot be written"),
        (["head", "--company", "babil", "--out", "/"], 2, "is a directory"),
        (["receipt", "--company", "babil"], 2, "--seq"),
        (["receipt", "--company", "babil", "--seq", "0"], 2, "0 is not in the range"),
        (["receipt", "--company", "babil", "--seq", "99999"], 1, "event_not_found"),
        (["changes", "--company", "babil", "--record", "party/99"], 1, "record_not_found, record"),
        (["changes", "--company", "babil", "--user", "nobody@example.com"], 1, "record_not_found, actor"),
        (["changes", "--company", "babil", "--device", "till"], 1, "record_not_found, device"),
        (["changes", "--company", "babil", "--from", "soon"], 1, "invalid_field, from"),
        (["changes", "--company", "babil", "--kinds", "thing"], 1, "unknown_kind"),
        (["changes", "--company", "babil", "--kinds", ","], 2, "--kinds names no kind"),
        (["changes", "--company", "babil", "--format", "xml"], 2, "'xml' is not one of"),
        (["state", "--company", "babil", "--at-seq", "99999"], 1, "cursor_ahead"),
        (["state", "--company", "babil", "--at", "soon"], 1, "invalid_field, at"),
        (["state", "--company", "babil", "--at", "2026-01-01", "--at-seq", "1"], 2, "not for both"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_wrong_usage_says_what_is_wrong(daftar, company, arguments, code, said):
    ended, out, err = daftar("audit", *arguments)
    assert (ended, out) == (code, b"")
    assert said in err
    assert "Traceback" not in err


@pytest.fixture
def company(open_shop):
    return open_shop()
