"""One's own account: name and picture, password, leaving."""

from __future__ import annotations

from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.endpoint import Answer, Operation, endpoint
from api.fintrack.answering import answer_to
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.routes import update_endpoints
from api.fintrack.auth.tenants import count
from api.fintrack.auth.users import one, profile_changes, updated, user_in
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from domain.errors import NotAllowed, RolesFixed, TooManyRequests
from domain.record import Record
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS

TAG = "FinTrack: profile"
_USER_200 = {200: Answer("The user.", forms.OneUser, examples.enveloped("update", "user", examples.USER))}


def oneself(asker: Asker, user_id: str) -> Record:
    """The caller's own record. Raises InvalidId, NotAllowed where the id is somebody else's."""
    if read_id(user_id, "userId") != asker.principal.user_id:
        raise NotAllowed("Only users themselves do this.", path="userId")
    return user_in(asker, user_id)


@update_endpoints(
    "/auth-api/v1/profile/{user_id:str}",
    Operation(
        id="fintrackUpdateProfile",
        summary="Change one's own name, picture or mobile number",
        tag=TAG,
        body=forms.Profile,
        body_example={"fullname": "Mina Karimi"},
        answers=_USER_200,
        refusals=(NotAllowed,),
    ),
)
async def update_profile(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Change oneself."""

    def work(asker: Asker) -> ASGIResponse:
        user = oneself(asker, user_id)
        return one(asker, "update", updated(asker, user, profile_changes(asker, user)))

    return await answer_to(request, work)


@update_endpoints(
    "/auth-api/v1/userpassword/{user_id:str}",
    Operation(
        id="fintrackUpdateUserPassword",
        summary="Change one's own password",
        description="Every other session of the user ends. A wrong old password is 403.",
        tag=TAG,
        body=forms.OwnPassword,
        body_example={"oldPassword": "correct horse battery", "newPassword": "correct battery horse"},
        answers=_USER_200,
        refusals=(NotAllowed, TooManyRequests),
    ),
)
async def update_user_password(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Change one's password, knowing the old one."""
    asked = await read_request(request)
    services = asked.services
    asker = await services.threads.run(confirm, asked)
    await count(asked, "password", str(asker.principal.user_id))

    def work() -> ASGIResponse:
        user = oneself(asker, user_id)
        old = wire.text(asker.form, "oldPassword", longest=MOST_PASSWORD_CHARACTERS)
        new = wire.text(asker.form, "newPassword", longest=MOST_PASSWORD_CHARACTERS)
        if not services.users.has_password(asker.company_id, user.id, old):
            raise NotAllowed("The old password is wrong.", path="oldPassword")
        but = asker.principal.session_id
        changed = services.accounts.set_password(asker.company_id, user.id, new, asker.actor, but=but)
        return one(asker, "update", changed)

    return await services.threads.run_slowly(work)


@endpoint(
    "DELETE",
    "/auth-api/v1/archiveprofile/{user_id:str}",
    Operation(
        id="fintrackArchiveProfile",
        summary="Leave, with a month to come back",
        description="Every session of the user ends. Logging in within 30 days, or being made again with that e-mail, brings the"
        " account back; then it is erased. The superAdmin and a tenantOwner cannot leave.",
        tag=TAG,
        answers=_USER_200,
        refusals=(NotAllowed, RolesFixed),
    ),
)
async def archive_profile(request: HttpRequest, user_id: FromPath[str]) -> ASGIResponse:
    """Archive oneself."""

    def work(asker: Asker) -> ASGIResponse:
        user = oneself(asker, user_id)
        if user.data["role"] in ("superAdmin", "tenantOwner"):
            raise RolesFixed(f"A {user.data['role']} cannot leave.", path="userId")
        return one(asker, "delete", asker.services.accounts.archive(asker.company_id, user.id, asker.actor))

    return await answer_to(request, work)


HANDLERS = [*update_profile, *update_user_password, archive_profile]
