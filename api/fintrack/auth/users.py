"""Users: administered by the admins of the service, of a business, and read by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.answering import answer_to
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import examples, forms, rights, wire
from api.fintrack.auth.routes import answer_slowly, update_endpoints
from api.fintrack.auth.verification import started
from api.fintrack.envelope import page_of, respond
from api.fintrack.parameters import UserSearchQuery, UsersQuery
from api.fintrack.roles import ADMINISTER, READ
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from domain.errors import (
    CodesTooOften,
    MessageNotSent,
    NotAllowed,
    RecordNotFound,
    RolesFixed,
    ValueTaken,
)
from domain.record import Record
from domain.values import Line, Name
from infra.accounts import MOST_PASSWORD_CHARACTERS
from infra.code_sending import Recipient, send_code
from infra.companies import ROOT
from infra.listing import Condition, Source, list_from

TAG = "FinTrack: users"
ACTIVE = Condition(paths=(("data", "is_active"),), values=(True,))
FILTERS: Mapping[str, str] = {"email": "email", "fullname": "name", "name": "name", "roleId": "role", "role": "role"}
"""What a list can be filtered by, and where we have it."""
_USER_200 = {200: Answer("The user.", forms.OneUser, examples.enveloped("update", "user", examples.USER))}
_USERS_200 = {200: Answer("Users.", forms.Users, examples.enveloped("list", "users", [examples.USER]))}
_refusals = (NotAllowed, RecordNotFound)


def user_in(asker: Asker, text: str) -> Record:
    """The active user of the business that this id names. Raises InvalidId, RecordNotFound."""
    user = asker.services.accounts.read(asker.company_id, read_id(text, "userId"))
    if user is None or user.deleted or not user.data.get("is_active", True):
        raise RecordNotFound("There is no such user.", path="userId")
    return user


def in_root(asker: Asker) -> bool:
    """Whether it is about users of the service itself."""
    return bool(asker.company.data["codename"] == ROOT)


def one(asker: Asker, action: Any, user: Record) -> ASGIResponse:
    """A user, enveloped."""
    return respond(asker, action, "user", wire.user_row(user, asker.company_id))


# Reading -----------------------------------------------------------------------------------------


@endpoint(
    "GET",
    "/auth-api/v1/users/{user_id:str}",
    Operation(id="fintrackGetUser", summary="A user", tag=TAG, answers=_USER_200, refusals=_refusals),
)
async def get_user(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """A user, for admins and for himself."""

    def work(asker: Asker) -> ASGIResponse:
        if user_id.casefold() != str(asker.principal.user_id):
            ADMINISTER.check(asker.role)
        return one(asker, "get", user_in(asker, user_id))

    return await answer_to(request, work)


@endpoint(
    "GET",
    "/auth-api/v1/briefuser/{user_id:str}",
    Operation(
        id="fintrackGetBriefUser",
        summary="A user's name and picture",
        tag=TAG,
        answers={200: Answer("The user: `id`, `fullname`, `name`, `avatar`, `isActive`.", dict[str, Any])},
        refusals=_refusals,
    ),
)
async def get_brief_user(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """What colleagues may know of a user."""

    def work(asker: Asker) -> ASGIResponse:
        if user_id.casefold() != str(asker.principal.user_id):
            READ.check(asker.role)
        row = wire.user_row(user_in(asker, user_id), asker.company_id)
        return respond(asker, "get", "user", {name: row[name] for name in ("id", "fullname", "name", "avatar", "isActive")})

    return await answer_to(request, work)


def _listed(asker: Asker, more: tuple[Condition, ...] = ()) -> ASGIResponse:
    """A page of the active users of the business, by name."""
    page = page_of(asker)
    conditions = [ACTIVE, *more]
    for name, ours in FILTERS.items():
        values = [value for value in asker.query.get(name, []) if value]
        texts = tuple(value for value in values if value != "null")
        if values:
            is_null = len(texts) < len(values)
            conditions.append(Condition(paths=(("data", ours),), values=texts, test="holds", or_missing=is_null))
    source = Source("user", tuple(conditions), order=("data", "name"))
    found = list_from(asker.services.database, asker.company_id, [source], limit=page.limit, offset=page.offset)
    users = msgspec.json.decode(b"[" + found.items + b"]", type=list[Record])
    rows = [wire.user_row(user, asker.company_id) for user in users]
    return respond(asker, "list", "users", rows, paging=page.paging(found.total))


@endpoint(
    "GET",
    "/auth-api/v1/users",
    Operation(
        id="fintrackListUsers",
        summary="The users of the business",
        tag=TAG,
        query=UsersQuery,
        answers=_USERS_200,
        refusals=(NotAllowed,),
    ),
)
async def list_users(request: HttpRequest) -> ASGIResponse:
    """The active users, by name."""

    def work(asker: Asker) -> ASGIResponse:
        return _listed(asker)

    return await answer_to(request, work, ADMINISTER)


@endpoint(
    "GET",
    "/auth-api/v1/searchusers",
    Operation(
        id="fintrackSearchUsers",
        summary="Users whose name or e-mail holds a `keyword`",
        tag=TAG,
        query=UserSearchQuery,
        answers=_USERS_200,
        refusals=(NotAllowed,),
    ),
)
async def search_users(request: HttpRequest) -> ASGIResponse:
    """The active users that a keyword finds, by name."""

    def work(asker: Asker) -> ASGIResponse:
        keyword = wire.text({"keyword": asker.single("keyword")}, "keyword").strip()
        return _listed(asker, (Condition(paths=(("data", "name"), ("data", "email")), values=(keyword,), test="holds"),))

    return await answer_to(request, work, ADMINISTER)


# Making and deleting -----------------------------------------------------------------------------


def new_user(form: Mapping[str, Any], *, role: str) -> dict[str, Any]:
    """The fields of a new user. Raises InvalidField."""
    data: dict[str, Any] = {
        "name": wire.checked(wire.text(form, "fullname", "name").strip(), Name, "fullname"),
        "email": wire.email(form),
        "role": role,
        "avatar": wire.checked(wire.optional_text(form, "avatar") or wire.random_avatar(), Line, "avatar"),
    }
    if (mobile := wire.optional_text(form, "mobile", "phone")) is not None:
        data["phone"] = mobile
    return data


@endpoint(
    "POST",
    "/auth-api/v1/users",
    Operation(
        id="fintrackCreateUser",
        summary="Make a user, or invite one",
        description="With a `password`, or as an invitation: `name`, `email` and `role` (also OWNER, ACCOUNTANT, USER). Whoever is"
        " invited gets a code by mail, with which he sets his password (`password-reset-by-email/complete`). Somebody who archived"
        " himself less than a month ago comes back. Nobody logs in before his e-mail is verified.",
        tag=TAG,
        body=forms.NewUser,
        body_example={"name": "Sara Demir", "email": "sara@babil.example", "role": "ACCOUNTANT"},
        answers={201: Answer("The user.", forms.OneUser, examples.enveloped("create", "user", examples.USER))},
        refusals=(NotAllowed, ValueTaken),
    ),
)
async def create_user(request: HttpRequest) -> ASGIResponse:
    """Make a user in the business that is addressed."""
    asked = await read_request(request)
    services = asked.services
    asker = await services.threads.run(lambda: confirm(asked, gate=ADMINISTER))
    role_given = wire.optional_text(asker.form, "roleId", "role")
    password = None
    if role_given is None or asker.form.get("password") is not None:
        password = wire.text(asker.form, "password", longest=MOST_PASSWORD_CHARACTERS)
    role = rights.role_named(role_given) if role_given else rights.default_role(in_root=in_root(asker))
    rights.check_may_grant(asker.role, role, in_root=in_root(asker))
    data = new_user(asker.form, role=role)
    idempotency = asker.idempotency()

    def work() -> Record:
        known = services.accounts.find(asker.company_id, data["email"])
        if known is not None and services.accounts.is_archived(known):
            rights.check_may_set_password(asker.role, known.data["role"])
        return services.accounts.create(asker.company_id, data, password, asker.actor, idempotency)

    user = await services.threads.run_slowly(work)
    more: dict[str, Any] = {"emailVerificationNeeded": not user.data.get("email_verified"), "mobileVerificationNeeded": False}
    if password is None:
        more["invitation"] = await invite(asker, user)
    return respond(asker, "create", "user", wire.user_row(user, asker.company_id), more=more)


async def invite(asker: Asker, user: Record, business: Record | None = None) -> dict[str, Any]:
    """Send a new user the code with which he sets his password; `sent` says whether that went well: he can ask for another."""
    company = business or asker.company
    to = Recipient(company.id, user.id, user.data["email"], company.data["name"])
    with suppress(MessageNotSent, CodesTooOften):
        code = await send_code(asker.services, "password_by_email", to)
        return {"sent": True, **started(asker.services, "password_by_email", code)}
    return {"sent": False}


@endpoint(
    "DELETE",
    "/auth-api/v1/users/{user_id:str}",
    Operation(
        id="fintrackDeleteUser",
        summary="Delete a user",
        description="His sessions end. Neither the superAdmin nor a tenantOwner can be deleted.",
        tag=TAG,
        answers=_USER_200,
        refusals=(*_refusals, RolesFixed),
    ),
)
async def delete_user(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Delete a user of the business."""

    def work(asker: Asker) -> ASGIResponse:
        user = user_in(asker, user_id)
        rights.check_may_delete(asker.role, user.data["role"])
        return one(asker, "delete", asker.services.accounts.delete(asker.company_id, user.id, asker.actor))

    return await answer_to(request, work, ADMINISTER)


# Changing ----------------------------------------------------------------------------------------


@update_endpoints(
    "/auth-api/v1/users/{user_id:str}",
    Operation(
        id="fintrackUpdateUser",
        summary="Change a user's name, picture or mobile number",
        description="For admins, and for oneself. Role, e-mail and password have routes of their own.",
        tag=TAG,
        body=forms.Profile,
        body_example={"fullname": "Mina Karimi"},
        answers=_USER_200,
        refusals=_refusals,
    ),
)
async def update_user(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Change a user of the business."""

    def work(asker: Asker) -> ASGIResponse:
        own = user_id.casefold() == str(asker.principal.user_id)
        if not own:
            ADMINISTER.check(asker.role)
        user = user_in(asker, user_id)
        changes = profile_changes(asker, user)
        if not own:
            rights.check_may_update(asker.role, user.data["role"])
            if "phone" in changes:  # a code that is sent there sets a password
                rights.check_may_set_password(asker.role, user.data["role"])
        return one(asker, "update", updated(asker, user, changes))

    return await answer_to(request, work)


def profile_changes(asker: Asker, user: Record) -> dict[str, Any]:
    """What the form changes of a user. Another number has to be verified anew. Raises InvalidField."""
    changes = wire.profile_changes(asker.form)
    if "phone" in changes and changes["phone"] == user.data.get("phone"):
        del changes["phone"], changes["mobile_verified"]
    return changes


def updated(asker: Asker, user: Record, changes: Mapping[str, Any]) -> Record:
    """The user after these changes."""
    return asker.services.accounts.update(asker.company_id, user.id, changes, asker.actor) if changes else user


@update_endpoints(
    "/auth-api/v1/userrole/{user_id:str}",
    Operation(
        id="fintrackUpdateUserRole",
        summary="Give a user another role",
        description="Admin roles are given and taken away by the superAdmin (saasAdmin), or by him and the owner (tenantAdmin).",
        tag=TAG,
        body=forms.NewRole,
        body_example={"roleId": "accountant"},
        answers=_USER_200,
        refusals=(*_refusals, RolesFixed),
    ),
)
async def update_user_role(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Change a user's role."""

    def work(asker: Asker) -> ASGIResponse:
        wanted = rights.role_named(wire.text(asker.form, "roleId", "role"))
        user = user_in(asker, user_id)
        rights.check_may_change_role(asker.role, user.data["role"], wanted, in_root=in_root(asker))
        return one(asker, "update", updated(asker, user, {"role": wanted}))

    return await answer_to(request, work, ADMINISTER)


@update_endpoints(
    "/auth-api/v1/userpasswordbyadmin/{user_id:str}",
    Operation(
        id="fintrackUpdateUserPasswordByAdmin",
        summary="Set a user's password",
        description="His sessions end.",
        tag=TAG,
        body=forms.GivenPassword,
        body_example={"password": "correct horse battery"},
        answers=_USER_200,
        refusals=_refusals,
    ),
)
async def update_user_password_by_admin(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Set the password of a user of the business."""

    def work(asker: Asker) -> ASGIResponse:
        ADMINISTER.check(asker.role)
        password = wire.text(asker.form, "password", longest=MOST_PASSWORD_CHARACTERS)
        user = user_in(asker, user_id)
        rights.check_may_set_password(asker.role, user.data["role"])
        but = asker.principal.session_id
        changed = asker.services.accounts.set_password(asker.company_id, user.id, password, asker.actor, but=but)
        return one(asker, "update", changed)

    return await answer_slowly(request, work)


HANDLERS = [
    get_user,
    get_brief_user,
    list_users,
    search_users,
    create_user,
    delete_user,
    *update_user,
    *update_user_role,
    *update_user_password_by_admin,
]
