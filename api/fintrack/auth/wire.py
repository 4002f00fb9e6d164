"""Users and businesses as FinTrack has them, and the fields of its auth service's forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from api.fintrack.objects import businesses, users
from api.fintrack.objects.businesses import BUSINESS
from api.fintrack.objects.object import Object
from api.fintrack.objects.users import USER
from api.fintrack.values import moment_text
from domain.errors import InvalidField
from domain.record import Record
from domain.values import Email, Line, Name

BRIEF = ("id", "name", "businessCodename", "codename", "avatar", "isActive")
MISSING_MESSAGE = "`{name}` is required."


# What is answered --------------------------------------------------------------------------------


def person(user: Record) -> dict[str, Any]:
    """Who a user is, as a session tells it: without the number."""
    return {name: value for name, value in _named(USER, users.ALSO, user).items() if name != "mobile"}


def user_row(user: Record, business_id: UUID) -> dict[str, Any]:
    """A user, with both spellings of the name and the role; the password is nowhere."""
    return {
        "id": user.id,
        **_named(USER, users.ALSO, user),
        "businessId": business_id,
        **_standard(user),
        "_archivedAt": moment_text(archived) if (archived := user.data.get("archived_at")) else None,
    }


def business_row(company: Record) -> dict[str, Any]:
    """A business, for whoever may see all of it."""
    return {"id": company.id, **_named(BUSINESS, businesses.ALSO, company), **_standard(company)}


def brief_business_row(company: Record) -> dict[str, Any]:
    """A business, for everybody: what a log-in page needs to offer it."""
    row = business_row(company)
    return {name: row[name] for name in BRIEF}


def _named(object_: Object, also: Mapping[str, str], record: Record) -> dict[str, Any]:
    """The fields of an object, those with two names under both."""
    row: dict[str, Any] = {}
    for one in object_.fields:
        row[one.wire] = record.data.get(one.ours, one.absent)
        if one.wire in also:
            row[also[one.wire]] = row[one.wire]
    return row


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


def new_user(form: Mapping[str, Any], *, role: str) -> dict[str, Any]:
    """The fields of a new user. Raises InvalidField."""
    data: dict[str, Any] = {
        "name": checked(text(form, "fullname", "name").strip(), Name, "fullname"),
        "email": email(form),
        "role": role,
        "avatar": checked(optional_text(form, "avatar") or random_avatar(), Line, "avatar"),
    }
    if (mobile := optional_text(form, "mobile", "phone")) is not None:
        data["phone"] = mobile
    return data


def profile_changes(form: Mapping[str, Any], user: Record) -> dict[str, Any]:
    """What the form changes of a user's name, picture and number; a null clears the latter two. Raises InvalidField.

    Another number has to be verified anew.
    """
    changes: dict[str, Any] = {}
    if (name := optional_text(form, "fullname", "name")) is not None:
        changes["name"] = checked(name.strip(), Name, "fullname")
    if "avatar" in form:
        avatar = optional_text(form, "avatar")
        changes["avatar"] = None if avatar is None else checked(avatar, Line, "avatar")
    if "mobile" in form or "phone" in form:
        mobile = optional_text(form, "mobile", "phone")
        if mobile != user.data.get("phone"):
            changes |= {"phone": mobile, "mobile_verified": False}
    return changes
