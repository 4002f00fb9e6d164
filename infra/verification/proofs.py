"""Proofs of a log that can be checked without it: signed heads, receipts of single events, and consistency of two heads.

A signed head states a company's last event, the hash of its chain and the root of the Merkle tree over all events. A receipt
holds an event's canonical bytes, and the path from it to the root of a signed head. Both are modelled on Certificate
Transparency (RFC 6962); `docs/verify_receipt.py` checks them.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timezone
from typing import Any, Literal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.errors import CompanyNotFound, CursorAhead, EventNotFound, InvalidField, LogBroken
from domain.event import GENESIS, JSON, RecordedEvent, canonical_bytes, chain_hash
from domain.merkle import audit_ranges, consistency_ranges
from infra.database import Connection
from infra.store.rows import select_events
from infra.store.sealing import is_intact
from infra.verification.log_tree import range_hashes
from infra.verification.signing import SigningKey, is_signed, key_id


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """The RFC 6962 proof that this log begins with the first `seq` events of an earlier head, whose root was `root`."""

    seq: int
    root: str
    path: list[str]


class SignedHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a log ended, signed. `hash`, `root` and `key_id` are hexadecimal, `signature` is base64."""

    format: Literal["daftar-signed-head-v1"]
    company_id: UUID
    seq: int
    hash: str
    root: str
    recorded_at: datetime
    signed_at: datetime
    key_id: str
    signature: str
    consistency: Consistency | None = None

    def message(self) -> bytes:
        """What is signed: a JSON array of everything else but the proof, without white space, in the order of the fields."""
        return JSON.encode(
            (self.format, self.company_id, self.seq, self.hash, self.root, self.recorded_at, self.signed_at, self.key_id)
        )


class ReceiptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event, to read; `canonical` has the same, to hash."""

    company_id: UUID
    seq: int
    kind: str
    record_id: UUID
    version: int
    topic: str
    recorded_at: datetime
    occurred_at: datetime
    actor_id: UUID | None
    device_id: UUID | None
    command_id: UUID | None
    correlation_id: UUID | None
    data: Any


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The personal data that an event was sealed with, and what opens it: `key` is hexadecimal."""

    person_id: UUID
    key: str
    data: Any


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event, and the proof that it is in the log of the signed head.

    `canonical` is exactly what the chain hashes, as text; `previous_hash` the hash of the event before it; `audit_path` the
    hashes from the event's leaf up to the root. Where the event holds personal data, `event.data` is what is left without them,
    and `opened` has them for as long as their person was not erased.
    """

    format: Literal["daftar-receipt-v1"]
    event: ReceiptEvent
    canonical: str
    previous_hash: str
    hash: str
    audit_path: list[str]
    signed_head: SignedHead
    opened: Opened | None = None


_PERSON_KEY = b"SELECT key FROM person_keys WHERE company_id = %b AND person_id = %b AND seq = %b"
_HEAD = b"SELECT seq, hash, recorded_at FROM heads WHERE company_id = %b"


def sign_head(connection: Connection, company_id: UUID, key: SigningKey, *, since: int | None = None) -> SignedHead:
    """The signed head of now; with `since`, and the proof that it continues the log of then. Raises CursorAhead."""
    row = connection.execute(_HEAD, (company_id,), binary=True).fetchone()
    if row is None:
        raise CompanyNotFound
    seq, hash_, recorded_at = row
    if since is not None and since > seq:
        raise CursorAhead(f"This company's log ends at {seq}.", path="since", head=seq)
    proof = consistency_ranges(since, seq) if since else []
    root, then, *path = range_hashes(connection, company_id, [(0, seq), (0, since or 0), *proof])
    head = SignedHead(
        format="daftar-signed-head-v1",
        company_id=company_id,
        seq=seq,
        hash=hash_.hex(),
        root=root.hex(),
        recorded_at=recorded_at,
        signed_at=datetime.now(timezone.utc),
        key_id=key.id,
        signature="",
    )
    signature = base64.b64encode(key.sign(head.message())).decode()
    consistency = Consistency(seq=since, root=then.hex(), path=[one.hex() for one in path]) if since else None
    return msgspec.structs.replace(head, signature=signature, consistency=consistency)


def receipt_of(connection: Connection, company_id: UUID, seq: int, key: SigningKey) -> Receipt:
    """The receipt of an event under the head of now. Raises EventNotFound, LogBroken."""
    head = sign_head(connection, company_id, key)
    if not 1 <= seq <= head.seq:
        raise EventNotFound(f"This company's log has the events 1 to {head.seq}.", path="seq", head=head.seq)
    found = select_events(connection, company_id, max(seq - 2, 0), 2, until=seq)
    event = found[-1] if found else None
    if event is None or event.seq != seq:
        raise LogBroken
    path = range_hashes(connection, company_id, audit_ranges(seq - 1, head.seq))
    canonical = canonical_bytes(event)
    previous = found[0].hash if seq > 1 else GENESIS
    if len(found) != min(seq, 2) or chain_hash(previous, event) != event.hash:
        raise LogBroken(f"The event {seq} is not what was written; `daftar verify` tells more.")
    return Receipt(
        format="daftar-receipt-v1",
        event=_readable(event, canonical),
        canonical=canonical.decode(),
        previous_hash=previous.hex(),
        hash=event.hash.hex(),
        audit_path=[one.hex() for one in path],
        signed_head=head,
        opened=_opened(connection, event),
    )


def _opened(connection: Connection, event: RecordedEvent) -> Opened | None:
    """What was sealed, as it is read today; None where nothing was, or its key is destroyed. Raises LogBroken."""
    if not event.sealed or event.person_id is None:
        return None
    row = connection.execute(_PERSON_KEY, (event.company_id, event.person_id, event.seq), binary=True).fetchone()
    if row is None:
        return None
    if not is_intact(event, row[0]):
        raise LogBroken(f"The personal data of event {event.seq} are not what was written; `daftar verify` tells more.")
    return Opened(person_id=event.person_id, key=row[0].hex(), data=msgspec.Raw(event.data))


def _readable(event: RecordedEvent, canonical: bytes) -> ReceiptEvent:
    """The event as its canonical bytes have it: what is hashed is what is shown. After the columns come the data, on one line."""
    columns = {name: getattr(event, name) for name in ReceiptEvent.__struct_fields__ if name != "data"}
    return ReceiptEvent(**columns, data=msgspec.Raw(canonical.split(b"\n")[1]))


def read_signed_head(text: bytes) -> SignedHead:
    """A signed head that was saved, whoever signed it. Raises InvalidField."""
    try:
        head = msgspec.json.decode(text, type=SignedHead)
        lengths = {len(bytes.fromhex(part)) for part in (head.hash, head.root, head.key_id)}
        base64.b64decode(head.signature, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise InvalidField(f"This is not a signed head: {error}.") from None
    if lengths != {len(GENESIS)} or head.seq < 0:
        raise InvalidField("This is not a signed head: a hash has 64 hexadecimal digits, a seq is not negative.")
    return head


def problem_with(head: SignedHead, key: Ed25519PublicKey) -> str | None:
    """Why this head is not one that the key has signed, or None."""
    if head.key_id != key_id(key):
        return f"it was signed by the key {head.key_id}, not by {key_id(key)}"
    if not is_signed(key, head.message(), base64.b64decode(head.signature)):
        return "its signature does not fit: it was changed after it was signed"
    return None
