"""Check a receipt or a signed head of Daftar without Daftar: `python verify_receipt.py KEY.pem FILE [EARLIER_HEAD]`.

KEY.pem is the deployment's public key, FILE a receipt or a signed head. With EARLIER_HEAD, a signed head saved before, FILE's
log must begin with the log of then: FILE is then a signed head asked for with `since`. Says OK or what is wrong; exit code 0, 1
or, for files that cannot be read, 2. Needs Python 3.9 and the package `cryptography`. Trees are as in RFC 6962.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HEAD = ["format", "company_id", "seq", "hash", "root", "recorded_at", "signed_at", "key_id"]
COLUMNS = [
    *("company_id", "seq", "kind", "record_id", "version", "topic", "recorded_at", "occurred_at"),
    *("actor_id", "device_id", "command_id", "correlation_id"),
]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def check(right: object, wrong: str) -> None:
    if not right:
        raise ValueError(wrong)


def check_head(head: dict[str, Any], key: Any) -> None:
    """The signature covers a JSON array of the fields in HEAD, without white space."""
    check(head["format"] == "daftar-signed-head-v1", "the signed head has an unknown format")
    check(head["key_id"] == sha256(key.public_bytes_raw()).hex(), "the head was signed by another key")
    message = json.dumps([head[name] for name in HEAD], separators=(",", ":"), ensure_ascii=False).encode()
    try:
        key.verify(base64.b64decode(head["signature"]), message)
    except InvalidSignature:
        raise ValueError("the signature of the head does not fit") from None


def check_receipt(receipt: dict[str, Any], key: Any) -> None:
    """Canonical bytes → the event's hash → its leaf → the root → the signature; and what is shown is what was hashed."""
    head, event, canonical = receipt["signed_head"], receipt["event"], receipt["canonical"].encode()
    check_head(head, key)
    columns, data, *sealed = canonical.split(b"\n", 2)
    check(json.loads(columns) == [event[name] for name in COLUMNS], "the event that is shown is not the one that was hashed")
    check(json.loads(data) == event["data"], "the data that is shown is not the one that was hashed")
    if sealed and (opened := receipt.get("opened")):  # personal data: the chain has what is left without them, and the ciphertext
        cipher, person = AESGCM(bytes.fromhex(opened["key"])), UUID(opened["person_id"]).bytes
        try:
            clear = cipher.decrypt(bytes(12), bytes.fromhex(sealed[0].decode()), person + data)
        except InvalidTag:
            raise ValueError("the key does not open what was sealed") from None
        check(json.loads(clear) == opened["data"], "the personal data that are shown are not those that were sealed")
    check(event["company_id"] == head["company_id"], "the event and the head are of different companies")
    hash_ = sha256(bytes.fromhex(receipt["previous_hash"]), canonical)
    check(hash_.hex() == receipt["hash"], "the hash is not that of the event")
    check(1 <= event["seq"] <= head["seq"], "the event is beyond the head")
    place, last, root = event["seq"] - 1, head["seq"] - 1, sha256(b"\x00", hash_)
    for sibling in map(bytes.fromhex, receipt["audit_path"]):
        check(last, "the audit path is too long")
        if place & 1 or place == last:
            root = sha256(b"\x01", sibling, root)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            root = sha256(b"\x01", root, sibling)
        place, last = place >> 1, last >> 1
    check(not last and root.hex() == head["root"], "the audit path does not lead to the root of the head")


def check_consistency(head: dict[str, Any], earlier: dict[str, Any]) -> None:
    """RFC 9162, section 2.1.4.2: both roots follow from one path."""
    check(head["company_id"] == earlier["company_id"], "the heads are of different companies")
    proof = head.get("consistency") or {"seq": head["seq"], "path": []}
    check(proof["seq"] == earlier["seq"], f"the head has no proof since {earlier['seq']}: ask for it with since={earlier['seq']}")
    check(1 <= earlier["seq"] <= head["seq"], "the earlier head is not the earlier one")
    path = [bytes.fromhex(one) for one in proof["path"]]
    place, last = earlier["seq"] - 1, head["seq"] - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if place == 0 or earlier["seq"] == head["seq"]:
        path.insert(0, bytes.fromhex(earlier["root"]))
    check(path, "the proof is empty")
    then = now = path[0]
    for sibling in path[1:]:
        check(last, "the proof is too long")
        if place & 1 or place == last:
            then, now = sha256(b"\x01", sibling, then), sha256(b"\x01", sibling, now)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            now = sha256(b"\x01", now, sibling)
        place, last = place >> 1, last >> 1
    check(earlier["seq"] == head["seq"] or not last, "the proof is too short")
    check(then.hex() == earlier["root"] and now.hex() == head["root"], "the log does not begin with the log of the earlier head")


def main(key_file: str, file: str, earlier_file: str | None = None) -> int:
    try:
        key = load_pem_public_key(Path(key_file).read_bytes())
        given = json.loads(Path(file).read_bytes())
        earlier = json.loads(Path(earlier_file).read_bytes()) if earlier_file else None
    except (OSError, ValueError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    try:
        check_receipt(given, key) if "event" in given else check_head(given, key)
        head = given.get("signed_head", given)
        if earlier is not None:
            check_head(earlier, key)
            check_consistency(head, earlier)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"WRONG: {error if isinstance(error, ValueError) else f'it is incomplete ({error!r})'}")
        return 1
    what = f"event {given['event']['seq']} ({given['event']['topic']}) is in the log" if "event" in given else "the head is signed"
    since = f", and continues the log of event {earlier['seq']}" if earlier else ""
    print(f"OK: {what}; company {head['company_id']}, {head['seq']} events, recorded {head['recorded_at']}{since}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
