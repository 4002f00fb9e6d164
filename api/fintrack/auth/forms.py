"""The bodies of the auth service, for the OpenAPI document, and what its system routes answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec


class LogIn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`username` holds the e-mail; `email` may be sent instead. `_business` is the codename, which a header or the query may name."""

    username: str
    password: str
    email: str = ""
    business: str = msgspec.field(default="", name="_business")


class Session(msgspec.Struct, kw_only=True):
    """Who is logged in, in which business, with which tokens. A bucket token that the role does not have is absent."""

    sessionId: UUID
    userId: UUID
    email: str | None
    fullname: str
    name: str
    avatar: str | None
    roleId: str
    role: str
    emailVerified: bool
    mobileVerified: bool
    tenantId: UUID
    businessId: UUID
    tenantCodename: str
    businessCodename: str
    accessToken: str
    userBucketToken: str
    applicationBucketToken: str | None = None
    tenantBucketToken: str | None = None


class Said(msgspec.Struct, kw_only=True):
    """That it is done."""

    status: str
    message: str


class Grant(msgspec.Struct, kw_only=True):
    """A permission that was given, or taken away (`canDo` false)."""

    id: str
    permissionName: str
    roleId: str | None
    subjectUserId: UUID | None
    subjectUserGroupId: UUID | None
    objectId: UUID | None
    canDo: bool
    tenantCodename: str


class Permission(msgspec.Struct, kw_only=True):
    """Whether the caller may; `exceptions` are the objects that it is the other way round for."""

    canDo: bool
    exceptions: list[UUID]


class NewUser(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A user with a password; or an invitation: `name`, `email` and `role`, and a code that sets the password."""

    email: str
    password: str | None = None
    fullname: str | None = None
    name: str | None = None
    avatar: str | None = None
    mobile: str | None = None
    role: str | None = None
    roleId: str | None = None


class Profile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What changes of a user; what is absent stays. A null clears the picture or the number."""

    fullname: str | None = None
    avatar: str | None = None
    mobile: str | None = None


class OwnPassword(msgspec.Struct, kw_only=True):
    """One's own password."""

    oldPassword: str
    newPassword: str


class GivenPassword(msgspec.Struct, kw_only=True):
    """A password that an administrator sets."""

    password: str


class NewRole(msgspec.Struct, kw_only=True):
    """A role."""

    roleId: str


class NewBusiness(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A business and its owner. Without a codename it gets one made of its name; without a password the owner sets one by a code."""

    name: str
    owner: NewUser
    businessCodename: str | None = None
    currency: str = "USD"
    timeZone: str = "UTC"
    address: str | None = None
    phone: str | None = None
    email: str | None = None


class BusinessChanges(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What changes of a business; what is absent stays. The codename and the currency are fixed."""

    name: str | None = None
    avatar: str | None = None
    timeZone: str | None = None
    country: str | None = None
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    taxNumber: str | None = None


class StartVerification(msgspec.Struct, kw_only=True):
    """Whose address is to be verified: his e-mail, for the mobile flows too."""

    email: str


class CompleteVerification(msgspec.Struct, kw_only=True):
    """The code that was sent."""

    email: str
    secretCode: str


class CompleteReset(msgspec.Struct, kw_only=True):
    """The code that was sent, and the new password."""

    email: str
    secretCode: str
    password: str


class Started(msgspec.Struct, kw_only=True):
    """A code is on its way. `expireTime` is in seconds, `timeStamp` in milliseconds. `secretCode` is there in development only."""

    status: str
    codeIndex: int
    timeStamp: int
    date: str
    expireTime: int
    verificationType: str
    secretCode: str | None = None
    userId: UUID | None = None
    email: str | None = None
    mobile: str | None = None


class Verified(msgspec.Struct, kw_only=True):
    """The code was right."""

    status: str
    isVerified: bool
    email: str | None = None
    mobile: str | None = None
    mobileVerificationNeeded: bool | None = None
    userId: UUID | None = None


class User(msgspec.Struct, kw_only=True):
    """A user."""

    id: UUID
    email: str | None
    fullname: str
    name: str
    avatar: str | None
    roleId: str
    role: str
    emailVerified: bool
    mobile: str | None
    mobileVerified: bool
    businessId: UUID
    isActive: bool
    recordVersion: int
    createdAt: str
    updatedAt: str
    owner: UUID | None = msgspec.field(name="_owner")
    archivedAt: str | None = msgspec.field(name="_archivedAt")


class Business(msgspec.Struct, kw_only=True):
    """A business; the brief form ends with `isActive`."""

    id: UUID
    name: str
    businessCodename: str
    codename: str
    avatar: str | None
    isActive: bool
    currency: str | None = None
    timeZone: str | None = None
    country: str | None = None
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    taxNumber: str | None = None


class Enveloped(msgspec.Struct, kw_only=True):
    """What every answer of a business API has around what was asked for."""

    status: str
    statusCode: int
    elapsedMs: int
    ssoTime: int
    source: str
    cacheKey: str
    userId: UUID | None
    sessionId: UUID | None
    requestId: str
    dataName: str
    method: str
    action: str
    appVersion: str
    rowCount: int


class Paging(msgspec.Struct, kw_only=True):
    """Which page it is, and how many there are."""

    pageNumber: int
    pageRowCount: int
    totalRowCount: int
    pageCount: int


class Listed(Enveloped, kw_only=True):
    """The envelope of a list."""

    paging: Paging
    filters: list[Any]
    uiPermissions: list[Any]


class OneUser(Enveloped, kw_only=True):
    """A user, enveloped."""

    user: User


class Users(Listed, kw_only=True):
    """Users, enveloped."""

    users: list[User]


class OneBusiness(Enveloped, kw_only=True):
    """A business, enveloped."""

    business: Business


class Businesses(Listed, kw_only=True):
    """Businesses, enveloped."""

    businesses: list[Business]
