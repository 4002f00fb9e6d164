"""Users: making and inviting them, changing and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import examples, forms, rights, wire
from api.fintrack.auth.routes import api, update_api
from api.fintrack.auth.users import REFUSALS, TAG, USER_200, is_oneself, one, user_in
from api.fintrack.auth.verification import started
from api.fintrack.envelope import respond
from api.fintrack.roles import ADMINISTER
from api.http_errors import HttpRequest
from domain.errors import CodesTooOften, MessageNotSent, NotAllowed, RolesFixed, ValueTaken
from domain.record import Record
from infra.companies.directory import ROOT
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS
from infra.sending.codes import Recipient, send_code


def in_root(asker: Asker) -> bool:
    """Whether it is about users of the service itself."""
    return bool(asker.company.data["codename"] == ROOT)


def updated(asker: Asker, user: Record, changes: Mapping[str, Any]) -> Record:
    """The user after these changes."""
    return asker.services.accounts.update(asker.company_id, user.id, changes, asker.actor) if changes else user


# Making and deleting -----------------------------------------------------------------------------


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
    data = wire.new_user(asker.form, role=role)
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


@api(
    "DELETE",
    "/auth-api/v1/users/{user_id:str}",
    Operation(
        id="fintrackDeleteUser",
        summary="Delete a user",
        description="His sessions end. Neither the superAdmin nor a tenantOwner can be deleted.",
        tag=TAG,
        answers=USER_200,
        refusals=(*REFUSALS, RolesFixed),
    ),
    ADMINISTER,
)
def delete_user(asker: Asker) -> ASGIResponse:
    """Delete a user of the business."""
    user = user_in(asker)
    rights.check_may_delete(asker.role, user.data["role"])
    return one(asker, "delete", asker.services.accounts.delete(asker.company_id, user.id, asker.actor))


# Changing ----------------------------------------------------------------------------------------


@update_api(
    "/auth-api/v1/users/{user_id:str}",
    Operation(
        id="fintrackUpdateUser",
        summary="Change a user's name, picture or mobile number",
        description="For admins, and for oneself. Role, e-mail and password have routes of their own.",
        tag=TAG,
        body=forms.Profile,
        body_example={"fullname": "Mina Karimi"},
        answers=USER_200,
        refusals=REFUSALS,
    ),
)
def update_user(asker: Asker) -> ASGIResponse:
    """Change a user of the business."""
    own = is_oneself(asker)
    if not own:
        ADMINISTER.check(asker.role)
    user = user_in(asker)
    changes = wire.profile_changes(asker.form, user)
    if not own:
        rights.check_may_update(asker.role, user.data["role"])
        if "phone" in changes:  # a code that is sent there sets a password
            rights.check_may_set_password(asker.role, user.data["role"])
    return one(asker, "update", updated(asker, user, changes))


@update_api(
    "/auth-api/v1/userrole/{user_id:str}",
    Operation(
        id="fintrackUpdateUserRole",
        summary="Give a user another role",
        description="Admin roles are given and taken away by the superAdmin (saasAdmin), or by him and the owner (tenantAdmin).",
        tag=TAG,
        body=forms.NewRole,
        body_example={"roleId": "accountant"},
        answers=USER_200,
        refusals=(*REFUSALS, RolesFixed),
    ),
    ADMINISTER,
)
def update_user_role(asker: Asker) -> ASGIResponse:
    """Change a user's role."""
    wanted = rights.role_named(wire.text(asker.form, "roleId", "role"))
    user = user_in(asker)
    rights.check_may_change_role(asker.role, user.data["role"], wanted, in_root=in_root(asker))
    return one(asker, "update", updated(asker, user, {"role": wanted}))


@update_api(
    "/auth-api/v1/userpasswordbyadmin/{user_id:str}",
    Operation(
        id="fintrackUpdateUserPasswordByAdmin",
        summary="Set a user's password",
        description="His sessions end.",
        tag=TAG,
        body=forms.GivenPassword,
        body_example={"password": "correct horse battery"},
        answers=USER_200,
        refusals=REFUSALS,
    ),
    slowly=True,
)
def update_user_password_by_admin(asker: Asker) -> ASGIResponse:
    """Set the password of a user of the business."""
    ADMINISTER.check(asker.role)
    password = wire.text(asker.form, "password", longest=MOST_PASSWORD_CHARACTERS)
    user = user_in(asker)
    rights.check_may_set_password(asker.role, user.data["role"])
    but = asker.principal.session_id
    changed = asker.services.accounts.set_password(asker.company_id, user.id, password, asker.actor, but=but)
    return one(asker, "update", changed)


HANDLERS = [create_user, delete_user, *update_user, *update_user_role, *update_user_password_by_admin]
