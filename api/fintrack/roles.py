"""Who may do what: one gate per thing that is done. A user has exactly one role."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import NotAllowed
from domain.kinds.user import WITHOUT_RIGHTS

WRITERS = frozenset({"owner", "accountant", "tenantOwner", "tenantAdmin", "superAdmin"})
"""Roles that write the business's records."""
ADMINS = frozenset({"superAdmin", "saasAdmin", "tenantOwner", "tenantAdmin"})
"""Roles that administer users."""
ROOT_ADMINS = frozenset({"superAdmin", "saasAdmin"})
"""Roles of the service's own business that administer businesses."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Which roles pass: those in `roles`, or where it is empty every role that has any right."""

    roles: frozenset[str] = frozenset()

    def admits(self, role: str) -> bool:
        """Whether this role passes."""
        return role in self.roles if self.roles else role not in WITHOUT_RIGHTS

    def check(self, role: str) -> None:
        """Raise NotAllowed unless this role passes."""
        if not self.admits(role):
            raise NotAllowed(f"The role {role!r} does not allow this.")


READ = Gate()
WRITE = Gate(WRITERS)
WRITE_AS_USER = Gate(WRITERS | {"user"})
"""Users make customers, and leave changing and deleting them to others."""
ADMINISTER = Gate(ADMINS)
ADMINISTER_BUSINESSES = Gate(ROOT_ADMINS)
