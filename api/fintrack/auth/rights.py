"""Who may do what to whom, among users: pure rules about roles.

| caller | whom he administers | whom he may not touch |
| --- | --- | --- |
| superAdmin | everybody, in root and in every business | himself and owners, where it is about their role or existence |
| saasAdmin | users of root | superAdmin, saasAdmins: their roles, passwords and existence |
| tenantOwner | users of his business | himself, where it is about his role or existence |
| tenantAdmin | users of his business | the owner and tenantAdmins: their roles, passwords and existence |
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import InvalidField, NotAllowed, RolesFixed

FIXED = frozenset({"superAdmin", "tenantOwner"})
"""Roles that nobody gives or takes away: they come with the service, and with a business."""
ADMIN_ROLES = frozenset({"superAdmin", "saasAdmin", "tenantOwner", "tenantAdmin"})
GRANTERS: Mapping[str, frozenset[str]] = {
    "saasAdmin": frozenset({"superAdmin"}),
    "tenantAdmin": frozenset({"superAdmin", "tenantOwner"}),
}
"""Admin roles, and who gives them and takes them away."""
ROOT_ROLES = frozenset({"saasAdmin", "saasUser", "tenantUser", "owner", "accountant", "user"})
BUSINESS_ROLES = frozenset({"tenantAdmin", "tenantUser", "owner", "accountant", "user"})
ASSIGNABLE = ROOT_ROLES | BUSINESS_ROLES

_BY_LOWER_CASE = {role.casefold(): role for role in ASSIGNABLE | FIXED}


def role_named(text: str) -> str:
    """A role, however it is spelled (`OWNER` is `owner`). Raises InvalidField."""
    found = _BY_LOWER_CASE.get(text.strip().casefold())
    if found is None:
        raise InvalidField(f"{text!r} is no role; use one of {', '.join(sorted(ASSIGNABLE))}.", path="roleId")
    return found


def default_role(*, in_root: bool) -> str:
    """The role of a user who was made without one."""
    return "saasUser" if in_root else "tenantUser"


def check_may_grant(caller: str, role: str, *, in_root: bool) -> None:
    """Raise unless the caller may give this role, or take it away. Raises RolesFixed, NotAllowed, InvalidField."""
    if role in FIXED:
        raise RolesFixed(f"The role {role!r} can be neither given nor taken away.", path="roleId")
    if caller not in GRANTERS.get(role, ADMIN_ROLES):
        raise NotAllowed(f"The role {caller!r} may not give or take away the role {role!r}.", path="roleId")
    if role in ADMIN_ROLES and role not in (ROOT_ROLES if in_root else BUSINESS_ROLES):
        where = "the service itself" if in_root else "a business"
        raise InvalidField(f"{role!r} is no role of {where}.", path="roleId")


def check_may_change_role(caller: str, current: str, wanted: str, *, in_root: bool) -> None:
    """Raise unless the caller may take away the one role and give the other."""
    if current in FIXED:
        raise RolesFixed(f"The role {current!r} can be neither given nor taken away.", path="roleId")
    if caller not in GRANTERS.get(current, ADMIN_ROLES):
        raise NotAllowed(f"The role {caller!r} may not take away the role {current!r}.", path="roleId")
    check_may_grant(caller, wanted, in_root=in_root)


def check_may_set_password(caller: str, role: str) -> None:
    """Raise NotAllowed unless the caller may set the password of a user of this role."""
    if role in ADMIN_ROLES and caller != "superAdmin" and caller not in GRANTERS.get(role, frozenset()):
        raise NotAllowed(f"The role {caller!r} may not set the password of a user of the role {role!r}.", path="userId")


def check_may_update(caller: str, role: str) -> None:
    """Raise NotAllowed unless the caller may change the name and picture of a user of this role: nobody above himself."""
    if role == "superAdmin" and caller != "superAdmin":
        raise NotAllowed(f"The role {caller!r} may not change a superAdmin.", path="userId")


def check_may_delete(caller: str, role: str) -> None:
    """Raise unless the caller may delete a user of this role. Raises RolesFixed, NotAllowed."""
    if role == "superAdmin":
        raise RolesFixed("The superAdmin cannot be deleted.", path="userId")
    if role == "tenantOwner":
        raise RolesFixed("The owner can be deleted with the business only.", path="userId")
    if caller not in GRANTERS.get(role, ADMIN_ROLES):
        raise NotAllowed(f"The role {caller!r} may not delete a user of the role {role!r}.", path="userId")
