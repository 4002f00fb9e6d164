"""Who may do what on the native API: one table, and the rule that nobody manages, or makes, somebody above himself."""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import NotAllowed

READERS = frozenset({"viewer"})
"""May read everything of their company and write nothing. Every other role that has any right may write."""

RANKS: Mapping[str, int] = {"superAdmin": 5, "saasAdmin": 4, "tenantOwner": 3, "owner": 2, "tenantAdmin": 1}
"""Who may manage users, devices and the company itself, up to his own rank. An `owner` is no `tenantOwner`: FinTrack's admins make
owners, and must not come above themselves that way."""

MANAGED_KINDS = frozenset({"user", "company"})
"""Kinds that only managers write."""

CLOSERS = frozenset({"accountant"})
"""Roles that, beside the managers, close periods of the books and reopen them."""
CLOSING = frozenset({"close_books", "reopen_books"})


def rank_of(role: str) -> int:
    """How high a role stands; 0 for those who manage nobody."""
    return RANKS.get(role, 0)


def check_may_write(role: str, path: str) -> None:
    """Raise NotAllowed unless this role writes at all."""
    if role in READERS:
        raise NotAllowed(f"The role {role!r} may only read.", path=path)


def check_may_erase(role: str, path: str) -> None:
    """Raise NotAllowed unless this role may erase people for ever: those who manage users may."""
    if not rank_of(role):
        raise NotAllowed(f"The role {role!r} may not erase people.", path=path)


def check_may_close(role: str, path: str) -> None:
    """Raise NotAllowed unless this role closes and reopens books."""
    if role not in CLOSERS and not rank_of(role):
        raise NotAllowed(f"The role {role!r} may not close or reopen the books.", path=path)


def check_may_manage(role: str, path: str, managed_role: str = "") -> None:
    """Raise NotAllowed unless this role manages users, and users of `managed_role`."""
    if not rank_of(role):
        raise NotAllowed(f"The role {role!r} may not manage users or the company.", path=path)
    if rank_of(managed_role) > rank_of(role):
        raise NotAllowed(f"The role {role!r} may not manage or make a user of the role {managed_role!r}.", path=path)
