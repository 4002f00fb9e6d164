"""Signed heads and receipts, checked as an auditor would: by the script in docs/, with the public key and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from domain.merkle import leaf_hash
from infra.composition import Services
from infra.verification.proofs import SignedHead

from .conftest import Company

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_receipt.py"
Check = Callable[..., tuple[int, str]]


@pytest.fixture
def check(company: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs the script on JSON values; its exit code and what it says."""
    key = tmp_path / "key.pem"
    key.write_text(company.client.get("/ledger/v1/signing-key").json()["pem"])

    names: dict[str, Any] = {"__name__": "verify_receipt"}
    exec(compile(SCRIPT.read_text("utf-8"), str(SCRIPT), "exec"), names)

    def run(*values: Any, key: Path = key) -> tuple[int, str]:
        files = []
        for place, value in enumerate(values):
            file = tmp_path / f"{place}.json"
            file.write_text(json.dumps(value))
            files.append(str(file))
        capsys.readouterr()  # the server's log
        code = names["main"](str(key), *files)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def write(company: Company, count: int) -> None:
    company.execute(*[{"type": "party.create", "data": {"name": f"Pârty {n} ‰ 💶", "extra": {"rate": 1.50}}} for n in range(count)])


def test_every_event_has_a_receipt_that_holds(company: Company, check: Check) -> None:
    write(company, 30)
    head = company.head()
    for seq in (1, 2, 3, 16, 17, head - 1, head):
        receipt = company.get(f"/events/{seq}/receipt").json()
        assert receipt["event"]["seq"] == seq
        code, said = check(receipt)
        assert (code, said[:3]) == (0, "OK:"), said
    event = company.get(f"/events?after={head - 1}").json()["events"][0]
    assert receipt["hash"] == event["hash"] == company.get("/head").json()["hash"]
    sealed = bytes.fromhex(event["sealed"]).partition(b"\n")[0] if "sealed" in event else None
    assert receipt["event"]["data"] == (msgspec.json.decode(sealed) if sealed else event["data"])
    assert receipt["canonical"].encode().endswith(b"\n" + receipt["canonical"].partition("\n")[2].encode())


def tamperings(receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A receipt with one thing changed each."""
    head, event = receipt["signed_head"], receipt["event"]
    found = {f"head.{name}": {"signed_head": {**head, name: _other(value)}} for name, value in head.items()}
    found |= {f"event.{name}": {"event": {**event, name: _other(value)}} for name, value in event.items()}
    found["canonical and event"] = {
        "canonical": receipt["canonical"].replace('"name":"P', '"name":"Q'),
        "event": {**event, "data": {**event["data"], "name": "Q" + event["data"]["name"][1:]}},
    }
    found["canonical"] = {"canonical": receipt["canonical"] + " "}
    found["previous"] = {"previous_hash": _other(receipt["previous_hash"])}
    found["hash"] = {"hash": _other(receipt["hash"])}
    found["path"] = {"audit_path": [_other(receipt["audit_path"][0]), *receipt["audit_path"][1:]]}
    found["path cut"] = {"audit_path": receipt["audit_path"][:-1]}
    found["path longer"] = {"audit_path": [*receipt["audit_path"], receipt["hash"]]}
    found["nothing"] = {"signed_head": {}}
    found["format"] = {"format": "daftar-receipt-v0"}
    return {name: {**receipt, **change} for name, change in found.items()}


def _other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {**value, "number": 999}
    if isinstance(value, str) and value:
        return value[:-5] + ("00000" if value[-5:] != "00000" else "11111")
    return "00000000-0000-0000-0000-000000000001"


def test_whatever_is_changed_in_a_receipt_is_noticed(company: Company, check: Check, tmp_path: Path) -> None:
    write(company, 9)
    receipt = company.get(f"/events/{company.head() - 2}/receipt").json()
    assert check(receipt)[0] == 0
    for name, changed in tamperings(receipt).items():
        code, said = check(changed)
        assert (code, said[:6]) == (1, "WRONG:"), (name, said)
    other = tmp_path / "other.pem"
    stranger = Ed25519PrivateKey.generate().public_key()
    other.write_bytes(stranger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "another key" in check(receipt, key=other)[1]
    assert check([1], key=other) == (1, "WRONG: it is incomplete (TypeError('list indices must be integers or slices, not str'))\n")
    assert check(receipt, key=tmp_path / "missing")[0] == 2


def test_the_script_runs_by_itself(company: Company, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(company.client.get("/ledger/v1/signing-key").json()["pem"])
    (tmp_path / "receipt.json").write_bytes(company.get("/events/1/receipt").content)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "key.pem", "receipt.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert done.stdout.startswith("OK: event 1 (company.registered.v1) is in the log; company ")
    assert subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, check=False).returncode == 2


def test_a_later_head_continues_an_earlier_one(company: Company, check: Check) -> None:
    earlier = company.get("/head/signed").json()
    assert check(earlier)[0] == 0
    assert earlier["hash"] == company.get("/head").json()["hash"]
    write(company, 11)
    later = company.get(f"/head/signed?since={earlier['seq']}").json()
    code, said = check(later, earlier)
    assert (code, "continues the log of event" in said) == (0, True), said
    same = company.get(f"/head/signed?since={later['seq']}").json()
    assert check(same, later)[0] == 0
    assert check(company.get("/head/signed").json(), earlier)[0] == 1, "no proof was asked for"
    path = later["consistency"]["path"]
    changed = {**later, "consistency": {**later["consistency"], "path": [_other(path[0]), *path[1:]]}}
    assert check(changed, earlier)[0] == 1
    assert check(later, {**earlier, "root": _other(earlier["root"])})[0] == 1
    assert check(earlier, later)[0] == 1, "the other way round"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/events/0/receipt", 404, "event_not_found"),
        ("/events/999999/receipt", 404, "event_not_found"),
        ("/events/99999999999999999999/receipt", 404, "event_not_found"),
        ("/events/x/receipt", 404, "event_not_found"),
        ("/events/-1/receipt", 404, "event_not_found"),
        ("/events/1/receipt?what=1", 422, "invalid_field"),
        ("/head/signed?since=999999", 409, "cursor_ahead"),
        ("/head/signed?since=0", 422, "invalid_field"),
        ("/head/signed?since=x", 422, "invalid_field"),
        ("/head/signed?signed=true", 422, "invalid_field"),
        ("/signing-key?x=1", 422, "invalid_field"),
    ],
)
def test_bad_requests_are_refused(company: Company, path: str, status: int, code: str) -> None:
    refused = company.get(path)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text


def test_who_may_ask(company: Company) -> None:
    assert company.client.get("/ledger/v1/head/signed").status_code == 401
    assert company.client.get("/ledger/v1/events/1/receipt").status_code == 401
    key = company.client.get("/ledger/v1/signing-key").json()
    assert key["algorithm"] == "Ed25519"
    assert key["key_id"] == company.get("/head/signed").json()["key_id"]


def test_a_signing_key_of_its_own(tmp_path: Path) -> None:
    from infra.settings import SettingsError, load
    from infra.verification.signing import signing_key

    key = Ed25519PrivateKey.generate()
    pem = tmp_path / "signing.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    seed = base64.b64encode(key.private_bytes_raw()).decode()
    by_file, by_seed = (signing_key(load({"DAFTAR_SIGNING_KEY": given})) for given in (str(pem), seed))
    assert by_file.id == by_seed.id
    derived = [signing_key(load({"DAFTAR_SECRET_KEY": letter * 40})).id for letter in "aab"]
    assert derived[0] == derived[1] != derived[2]
    assert seed not in repr(load({"DAFTAR_SIGNING_KEY": seed}))
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    pem.write_bytes(X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for wrong in (str(pem), "secret-thing", str(tmp_path), base64.b64encode(b"short").decode(), "x\0y"):
        with pytest.raises(SettingsError, match="DAFTAR_SIGNING_KEY") as caught:
            signing_key(load({"DAFTAR_SIGNING_KEY": wrong}))
        assert "secret-thing" not in str(caught.value)
    with pytest.raises(SettingsError):
        signing_key(load({}))


def test_a_sealed_event_is_checked_with_and_without_its_key(company: Company, check: Check, services: Services) -> None:
    """The form of events with personal data: what is left without them and the ciphertext are hashed, in place of the data."""
    receipt = company.get("/events/1/receipt").json()
    columns = receipt["canonical"].partition("\n")[0]
    secret, person, clear = bytes(range(32)), company.user_id, b'{"number":1,"name":"Mina"}'
    left = b'{"number":1}'
    ciphertext = AESGCM(secret).encrypt(bytes(12), clear, person.bytes + left)
    canonical = columns.encode() + b"\n" + left + b"\n" + ciphertext.hex().encode()
    hash_ = hashlib.sha256(bytes(32) + canonical).digest()
    head = {**receipt["signed_head"], "seq": 1, "hash": hash_.hex(), "root": leaf_hash(hash_).hex(), "signature": ""}
    message = msgspec.convert(head, SignedHead).message()
    head["signature"] = base64.b64encode(services.signing_key.sign(message)).decode()
    event = {**receipt["event"], "data": {"number": 1}}
    sealed = {
        "format": receipt["format"],
        "event": event,
        "canonical": canonical.decode(),
        "previous_hash": "00" * 32,
        "hash": hash_.hex(),
    }
    sealed |= {"audit_path": [], "signed_head": head}
    opened = {"key": secret.hex(), "person_id": str(person), "data": {"number": 1, "name": "Mina"}}
    assert check(sealed)[0] == 0
    assert check({**sealed, "opened": opened})[0] == 0
    for name, value in (("key", "11" * 32), ("person_id", str(company.id)), ("data", {"number": 1, "name": "Nima"}), ("key", "x")):
        code, said = check({**sealed, "opened": {**opened, name: value}})
        assert (code, said[:6]) == (1, "WRONG:"), said
    assert check({**sealed, "event": {**event, "data": opened["data"]}})[0] == 1
