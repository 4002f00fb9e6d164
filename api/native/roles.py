"""The rights of roles are those of every dialect."""

from __future__ import annotations

from api.roles import (
    CLOSING,
    MANAGED_KINDS,
    check_may_close,
    check_may_erase,
    check_may_manage,
    check_may_write,
    rank_of,
)

__all__ = [
    "CLOSING",
    "MANAGED_KINDS",
    "check_may_close",
    "check_may_erase",
    "check_may_manage",
    "check_may_write",
    "rank_of",
]
