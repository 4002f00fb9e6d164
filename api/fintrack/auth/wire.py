"""Users and businesses as FinTrack has them, and the fields of its auth service's forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from api.fintrack.values import moment_text
from domain.errors import InvalidField
from domain.record import Record
from domain.values import Email, Line, Name

MISSING_MESSAGE = "`{name}` is required."


# What is answered --------------------------------------------------------------------------------


def user_row(user: Record, business_id: UUID) -> dict[str, Any]:
    """A user, with both spellings of the name and the role; the password is nowhere."""
    data = user.data
    return {
        "id": user.id,
        "email": data.get("email"),
        "fullname": data["name"],
        "name": data["name"],
        "avatar": data.get("avatar"),
        "roleId": data["role"],
        "role": data["role"],
        "emailVerified": data.get("email_verified", False),
        "mobile": data.get("phone"),
        "mobileVerified": data.get("mobile_verified", False),
        "businessId": business_id,
        **_standard(user),
        "_archivedAt": moment_text(archived) if (archived := data.get("archived_at")) else None,
    }


def business_row(company: Record) -> dict[str, Any]:
    """A business, for whoever may see all of it."""
    data = company.data
    return {
        **brief_business_row(company),
        "currency": data.get("currency"),
        "timeZone": data.get("time_zone"),
        "country": data.get("country"),
        "address": data.get("address"),
        "phone": data.get("phone"),
        "email": data.get("email"),
        "website": data.get("website"),
        "taxNumber": data.get("tax_number"),
        **_standard(company),
    }


def brief_business_row(company: Record) -> dict[str, Any]:
    """A business, for everybody: what a log-in page needs to offer it."""
    data = company.data
    return {
        "id": company.id,
        "name": data["name"],
        "businessCodename": data["codename"],
        "codename": data["codename"],
        "avatar": data.get("logo_url"),
        "isActive": data.get("is_active", True),
    }


def _standard(record: Record) -> dict[str, Any]:
    return {
        "isActive": record.data.get("is_active", True) and not record.deleted,
        "recordVersion": record.version,
        "createdAt": moment_text(record.created_at.isoformat()),
        "updatedAt": moment_text(record.updated_at.isoformat()),
        "_owner": record.created_by,
    }


def random_avatar() -> str:
    """The picture of a user who has none: a pattern that nothing of him can be told from."""
    return f"https://www.gravatar.com/avatar/{secrets.token_hex(16)}?s=200&d=identicon"


# What is asked -----------------------------------------------------------------------------------


def text(form: Mapping[str, Any], *names: str, longest: int = 255) -> str:
    """A text that has to be there, under the first of these names that has a value. Raises InvalidField."""
    found = optional_text(form, *names, longest=longest)
    if found is None:
        raise InvalidField(MISSING_MESSAGE.format(name=names[0]), path=names[0])
    return found


def optional_text(form: Mapping[str, Any], *names: str, longest: int = 255) -> str | None:
    """A text, under the first of these names that has a value that is not blank. Raises InvalidField."""
    for name in names:
        value = form.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise InvalidField(f"`{name}` must be a text.", path=name)
        if len(value) > longest:
            raise InvalidField(f"`{name}` may have at most {longest} characters.", path=name)
        if value.strip():
            return value
    return None


def email(form: Mapping[str, Any], *names: str) -> str:
    """An e-mail address, as people write it. Raises InvalidField."""
    given = text(form, *(names or ("email",))).strip()
    found: str = checked(given, Email, (names or ("email",))[0])
    return found


def checked(value: Any, as_type: Any, name: str) -> Any:
    """A value of a field's type. Raises InvalidField, which names it."""
    try:
        return msgspec.convert(value, as_type)
    except msgspec.ValidationError:
        what = "an e-mail address" if as_type is Email else "right"
        raise InvalidField(f"`{name}` is not {what}.", path=name) from None


def profile_changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent of a user's name, picture and number. A null clears the latter two. Raises InvalidField."""
    changes: dict[str, Any] = {}
    if (name := optional_text(form, "fullname", "name")) is not None:
        changes["name"] = checked(name.strip(), Name, "fullname")
    if "avatar" in form:
        avatar = optional_text(form, "avatar")
        changes["avatar"] = None if avatar is None else checked(avatar, Line, "avatar")
    if "mobile" in form or "phone" in form:
        mobile = optional_text(form, "mobile", "phone")
        changes |= {"phone": mobile, "mobile_verified": False}
    return changes
