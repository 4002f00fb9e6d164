"""Sealing: the personal data in an event are encrypted under a key of the event's own, and the chain hashes the ciphertext.

Each key is used once, so the nonce is zero. Whose data they are and what is left of them are authenticated with the ciphertext.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.catalogue import CATALOGUE
from domain.event import RecordedEvent
from domain.personal import redacted_data
from infra.store.interface import PersonKey

KEY_BYTES = 32
_NONCE = bytes(12)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""The members of an object, each as it is written: their values need not be read."""


def seal(events: Sequence[RecordedEvent]) -> tuple[Sequence[RecordedEvent], list[PersonKey]]:
    """The events, those that name a person sealed, and the keys."""
    places = [place for place, event in enumerate(events) if event.person_id is not None]
    if not places:
        return events, []
    sealed = list(events)
    secret = os.urandom(KEY_BYTES * len(places))
    keys: list[PersonKey] = []
    for turn, place in enumerate(places):
        event = sealed[place]
        assert event.person_id is not None
        key = secret[KEY_BYTES * turn : KEY_BYTES * (turn + 1)]
        kind = CATALOGUE[event.kind]
        redacted = redacted_data(kind.topics[event.topic], kind.personal, _members.decode(event.data))
        ciphertext = AESGCM(key).encrypt(_NONCE, event.data, event.person_id.bytes + redacted)
        sealed[place] = msgspec.structs.replace(event, sealed=redacted + b"\n" + ciphertext)
        keys.append(PersonKey(event.person_id, event.seq, key))
    return sealed, keys


def is_intact(event: RecordedEvent, key: bytes | None) -> bool:
    """Whether a sealed event's data is what was sealed, or without a key, what is left of it when its person is erased."""
    redacted, _, ciphertext = event.sealed.partition(b"\n")
    if key is None:
        return event.data == redacted
    if event.person_id is None:
        return False
    try:
        return AESGCM(key).decrypt(_NONCE, ciphertext, event.person_id.bytes + redacted) == event.data
    except (InvalidTag, ValueError):
        return False
