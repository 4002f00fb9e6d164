"""Record ids: UUID version 7 (RFC 9562), so that ids made one after the other lie beside each other in every index."""

from __future__ import annotations

import os
import random
import time
from uuid import UUID, SafeUUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_random = random.Random()  # noqa: S311 - ids are not secrets; seeded from the system, and again after a fork


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    chance = _random.getrandbits(74)
    return _uuid((milliseconds << 80) | _VERSION_7 | ((chance >> 62) << 64) | _VARIANT | (chance & (2**62 - 1)))


def _uuid(number: int) -> UUID:
    """`UUID(int=number)`, of which the constructor's checks are most of the cost."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


os.register_at_fork(after_in_child=_random.seed)
