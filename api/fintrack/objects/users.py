"""Users, as the auth service and the BFF show them: their names in one place."""

from __future__ import annotations

from collections.abc import Mapping

from api.documents import Document
from api.fintrack.objects.object import Field, Object, Row, Seen
from api.fintrack.roles import ADMINISTER
from domain.record import Record
from infra.lists.listing import Condition

ALSO: Mapping[str, str] = {"fullname": "name", "roleId": "role"}
"""Fields that are answered under a second name, too."""
ACTIVE = Condition((("data", "is_active"),), (True,))


def _is_active(record: Record | Document) -> bool:
    return bool(record.data.get("is_active", True))


def _finish(_: Document, row: Row, __: Seen) -> None:
    row |= {second: row[first] for first, second in ALSO.items()}


USER = Object(
    name="user",
    plural="users",
    service="auth-api",
    kind="user",
    fields=(
        Field("email", "String", "email"),
        Field("fullname", "String", "name"),
        Field("avatar", "String", "avatar"),
        Field("roleId", "String", "role"),
        Field("emailVerified", "Boolean", "email_verified", absent=False),
        Field("mobile", "String", "phone"),
        Field("mobileVerified", "Boolean", "mobile_verified", absent=False),
    ),
    order="fullname",
    where=(ACTIVE,),
    shows=_is_active,
    finish=_finish,
    read_gate=ADMINISTER,
)
"""Users, for those who administer them."""
