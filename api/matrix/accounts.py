"""What accounts send and are answered: registering, logging in, inviting."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.matrix.documents import Row

FEWEST_CHARACTERS = 8
MOST_CHARACTERS = 256
LONGEST_INVITATION_HOURS = 24 * 30

Password = Annotated[str, Meta(min_length=FEWEST_CHARACTERS, max_length=MOST_CHARACTERS)]


class Register(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A person, and either the company that is begun with him or an invitation to one. `full_name` is the same as `name`."""

    name: str = ""
    full_name: str = ""
    email: str
    password: Password
    password_confirmation: str = ""
    company_name: str = ""
    primary_currency: str = "USD"
    time_zone: str = "UTC"
    invitation_code: str = ""
    device_id: str = ""


class LogIn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`company_id` (or `company`, the codename) is needed only where the same e-mail and password open several."""

    email: str
    password: str
    device_id: str = ""
    company_id: int = 0
    company: str = ""


class Refresh(msgspec.Struct, kw_only=True):
    """A refresh token works once."""

    refresh_token: str


class Invite(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who is invited. With an `email` the invitation is for that address only."""

    role: str = "staff"
    email: str = ""
    expires_in_hours: Annotated[int, Meta(ge=1, le=LONGEST_INVITATION_HOURS)] = 72


class User(msgspec.Struct, kw_only=True):
    """A user, with the companies that are open to him: that of the session, and at log-in others with the same password."""

    id: int
    email: str | None
    full_name: str
    role: str
    is_active: bool
    created_at: str
    updated_at: str
    companies: list[Row]


class Session(msgspec.Struct, kw_only=True):
    """A session. `token` goes into `Authorization: Bearer …`; it is valid until `expires_at`, or until it is replaced."""

    success: bool = True
    message: str
    user: User
    token: str
    refresh_token: str
    expires_at: datetime
    company_id: int


class Me(msgspec.Struct, kw_only=True):
    """Who is logged in."""

    success: bool = True
    user: User


class Refreshed(msgspec.Struct, kw_only=True):
    """New tokens of the same session; the ones before are void."""

    success: bool = True
    token: str
    refresh_token: str
    expires_at: datetime


class Said(msgspec.Struct, kw_only=True):
    """That it is done."""

    success: bool = True
    message: str


class Invited(msgspec.Struct, kw_only=True):
    """An invitation. Its `code` is told once."""

    success: bool = True
    code: str
    role: str
    email: str | None
    expires_at: datetime
