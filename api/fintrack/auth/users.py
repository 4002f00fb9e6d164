"""Users: reading them, by the admins of the service and of a business, and by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation
from api.fintrack.asking import Asker
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.routes import api
from api.fintrack.envelope import page_of, respond
from api.fintrack.objects.users import ACTIVE, ALSO, USER
from api.fintrack.parameters import UserSearchQuery, UsersQuery
from api.fintrack.roles import ADMINISTER, READ
from api.fintrack.values import read_id
from domain.errors import NotAllowed, RecordNotFound
from domain.record import Record
from infra.lists.listing import Condition, Source, list_from

TAG = "FinTrack: users"
FILTERED = ("email", "fullname", "roleId")
FILTERS: Mapping[str, str] = {
    name: USER.by_wire[wire_name].ours for wire_name in FILTERED for name in (wire_name, ALSO.get(wire_name, wire_name))
}
"""What a list can be filtered by, under either name, and where we have it."""
USER_200 = {200: Answer("The user.", forms.OneUser, examples.enveloped("update", "user", examples.USER))}
_USERS_200 = {200: Answer("Users.", forms.Users, examples.enveloped("list", "users", [examples.USER]))}
REFUSALS = (NotAllowed, RecordNotFound)


def is_oneself(asker: Asker) -> bool:
    """Whether the path names the caller."""
    return bool(asker.request.path_params["user_id"].casefold() == str(asker.principal.user_id))


def user_in(asker: Asker) -> Record:
    """The active user of the business that the path names. Raises InvalidId, RecordNotFound."""
    user = asker.services.accounts.read(asker.company_id, read_id(asker.request.path_params["user_id"], "userId"))
    if user is None or user.deleted or not user.data.get("is_active", True):
        raise RecordNotFound("There is no such user.", path="userId")
    return user


def one(asker: Asker, action: Any, user: Record) -> ASGIResponse:
    """A user, enveloped."""
    return respond(asker, action, "user", wire.user_row(user, asker.company_id))


@api(
    "GET",
    "/auth-api/v1/users/{user_id:str}",
    Operation(id="fintrackGetUser", summary="A user", tag=TAG, answers=USER_200, refusals=REFUSALS),
)
def get_user(asker: Asker) -> ASGIResponse:
    """A user, for admins and for himself."""
    if not is_oneself(asker):
        ADMINISTER.check(asker.role)
    return one(asker, "get", user_in(asker))


@api(
    "GET",
    "/auth-api/v1/briefuser/{user_id:str}",
    Operation(
        id="fintrackGetBriefUser",
        summary="A user's name and picture",
        tag=TAG,
        answers={200: Answer("The user: `id`, `fullname`, `name`, `avatar`, `isActive`.", dict[str, Any])},
        refusals=REFUSALS,
    ),
)
def get_brief_user(asker: Asker) -> ASGIResponse:
    """What colleagues may know of a user."""
    if not is_oneself(asker):
        READ.check(asker.role)
    row = wire.user_row(user_in(asker), asker.company_id)
    return respond(asker, "get", "user", {name: row[name] for name in ("id", "fullname", "name", "avatar", "isActive")})


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


@api(
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
    ADMINISTER,
)
def list_users(asker: Asker) -> ASGIResponse:
    """The active users, by name."""
    return _listed(asker)


@api(
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
    ADMINISTER,
)
def search_users(asker: Asker) -> ASGIResponse:
    """The active users that a keyword finds, by name."""
    keyword = wire.text({"keyword": asker.single("keyword")}, "keyword").strip()
    return _listed(asker, (Condition(paths=(("data", "name"), ("data", "email")), values=(keyword,), test="holds"),))


HANDLERS = [get_user, get_brief_user, list_users, search_users]
