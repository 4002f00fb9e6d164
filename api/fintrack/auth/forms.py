"""The bodies of the auth service, for the OpenAPI document, and what its system routes answer."""

from __future__ import annotations

from uuid import UUID

import msgspec

from api.fintrack.describing import enveloped


class LogIn(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """`username` holds the e-mail; `email` may be sent instead. `_business`: the codename, if nothing else names it."""

    username: str
    password: str
    email: str = ""
    business: str = msgspec.field(default="", name="_business")


class Person(msgspec.Struct, kw_only=True, rename="camel"):
    """Who a user is."""

    email: str | None
    fullname: str
    name: str
    avatar: str | None
    role_id: str
    role: str
    email_verified: bool
    mobile_verified: bool


class Session(Person, kw_only=True):
    """Who is logged in, in which business, with which tokens. A bucket token that the role does not have is absent."""

    session_id: UUID
    user_id: UUID
    tenant_id: UUID
    business_id: UUID
    tenant_codename: str
    business_codename: str
    access_token: str
    user_bucket_token: str
    application_bucket_token: str | None = None
    tenant_bucket_token: str | None = None


class Said(msgspec.Struct, kw_only=True, rename="camel"):
    """That it is done."""

    status: str
    message: str


class Grant(msgspec.Struct, kw_only=True, rename="camel"):
    """A permission that was given, or taken away (`canDo` false)."""

    id: str
    permission_name: str
    role_id: str | None
    subject_user_id: UUID | None
    subject_user_group_id: UUID | None
    object_id: UUID | None
    can_do: bool
    tenant_codename: str


class Permission(msgspec.Struct, kw_only=True, rename="camel"):
    """Whether the caller may; `exceptions` are the objects that it is the other way round for."""

    can_do: bool
    exceptions: list[UUID]


class NewUser(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A user with a password; or an invitation: `name`, `email` and `role`, and a code that sets the password."""

    email: str
    password: str | None = None
    fullname: str | None = None
    name: str | None = None
    avatar: str | None = None
    mobile: str | None = None
    role: str | None = None
    role_id: str | None = None


class Profile(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What changes of a user; what is absent stays. A null clears the picture or the number."""

    fullname: str | None = None
    avatar: str | None = None
    mobile: str | None = None


class OwnPassword(msgspec.Struct, kw_only=True, rename="camel"):
    """One's own password."""

    old_password: str
    new_password: str


class GivenPassword(msgspec.Struct, kw_only=True, rename="camel"):
    """A password that an administrator sets."""

    password: str


class NewRole(msgspec.Struct, kw_only=True, rename="camel"):
    """A role."""

    role_id: str


class NewBusiness(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A business and its owner. A codename that is not given is made of the name; without a password he sets one by a code."""

    name: str
    owner: NewUser
    business_codename: str | None = None
    currency: str = "USD"
    time_zone: str = "UTC"
    address: str | None = None
    phone: str | None = None
    email: str | None = None


class Particulars(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Where a business is, and how it is reached."""

    time_zone: str | None = None
    country: str | None = None
    address: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    tax_number: str | None = None


class BusinessChanges(Particulars, kw_only=True):
    """What changes of a business; what is absent stays. The codename and the currency are fixed."""

    name: str | None = None
    avatar: str | None = None


class StartVerification(msgspec.Struct, kw_only=True, rename="camel"):
    """Whose address is to be verified: his e-mail, for the mobile flows too."""

    email: str


class CompleteVerification(msgspec.Struct, kw_only=True, rename="camel"):
    """The code that was sent."""

    email: str
    secret_code: str


class CompleteReset(msgspec.Struct, kw_only=True, rename="camel"):
    """The code that was sent, and the new password."""

    email: str
    secret_code: str
    password: str


class Started(msgspec.Struct, kw_only=True, rename="camel"):
    """A code is on its way. `expireTime` is in seconds, `timeStamp` in milliseconds. `secretCode` is there in development only."""

    status: str
    code_index: int
    time_stamp: int
    date: str
    expire_time: int
    verification_type: str
    secret_code: str | None = None
    user_id: UUID | None = None
    email: str | None = None
    mobile: str | None = None


class Verified(msgspec.Struct, kw_only=True, rename="camel"):
    """The code was right."""

    status: str
    is_verified: bool
    email: str | None = None
    mobile: str | None = None
    mobile_verification_needed: bool | None = None
    user_id: UUID | None = None


class User(Person, kw_only=True):
    """A user."""

    id: UUID
    mobile: str | None
    business_id: UUID
    is_active: bool
    record_version: int
    created_at: str
    updated_at: str
    owner: UUID | None = msgspec.field(name="_owner")
    archived_at: str | None = msgspec.field(name="_archivedAt")


class Business(Particulars, kw_only=True):
    """A business; the brief form has only what is required here."""

    id: UUID
    name: str
    business_codename: str
    codename: str
    avatar: str | None
    is_active: bool
    currency: str | None = None


OneUser = enveloped("OneUser", "user", User)
Users = enveloped("Users", "users", list[User], is_list=True)
OneBusiness = enveloped("OneBusiness", "business", Business)
Businesses = enveloped("Businesses", "businesses", list[Business], is_list=True)
