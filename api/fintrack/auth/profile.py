"""One's own account: name and picture, password, leaving."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from api.endpoint import Operation
from api.fintrack.asking import Asker, confirm, read_request
from api.fintrack.auth import forms, wire
from api.fintrack.auth.routes import api, update_api, update_endpoints
from api.fintrack.auth.tenants import count
from api.fintrack.auth.user_administration import updated
from api.fintrack.auth.users import USER_200, one, user_in
from api.fintrack.values import read_id
from api.http_errors import HttpRequest
from domain.errors import NotAllowed, RolesFixed, TooManyRequests
from domain.record import Record
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS

TAG = "FinTrack: profile"


def oneself(asker: Asker) -> Record:
    """The caller's own record. Raises InvalidId, NotAllowed where the id is somebody else's."""
    if read_id(asker.request.path_params["user_id"], "userId") != asker.principal.user_id:
        raise NotAllowed("Only users themselves do this.", path="userId")
    return user_in(asker)


@update_api(
    "/auth-api/v1/profile/{user_id:str}",
    Operation(
        id="fintrackUpdateProfile",
        summary="Change one's own name, picture or mobile number",
        tag=TAG,
        body=forms.Profile,
        body_example={"fullname": "Mina Karimi"},
        answers=USER_200,
        refusals=(NotAllowed,),
    ),
)
def update_profile(asker: Asker) -> ASGIResponse:
    """Change oneself."""
    user = oneself(asker)
    return one(asker, "update", updated(asker, user, wire.profile_changes(asker.form, user)))


@update_endpoints(
    "/auth-api/v1/userpassword/{user_id:str}",
    Operation(
        id="fintrackUpdateUserPassword",
        summary="Change one's own password",
        description="Every other session of the user ends. A wrong old password is 403.",
        tag=TAG,
        body=forms.OwnPassword,
        body_example={"oldPassword": "correct horse battery", "newPassword": "correct battery horse"},
        answers=USER_200,
        refusals=(NotAllowed, TooManyRequests),
    ),
)
async def update_user_password(request: HttpRequest) -> ASGIResponse:
    """Change one's password, knowing the old one."""
    asked = await read_request(request)
    services = asked.services
    asker = await services.threads.run(confirm, asked)
    await count(asked, "password", str(asker.principal.user_id))

    def work() -> ASGIResponse:
        user = oneself(asker)
        old = wire.text(asker.form, "oldPassword", longest=MOST_PASSWORD_CHARACTERS)
        new = wire.text(asker.form, "newPassword", longest=MOST_PASSWORD_CHARACTERS)
        if not services.users.has_password(asker.company_id, user.id, old):
            raise NotAllowed("The old password is wrong.", path="oldPassword")
        but = asker.principal.session_id
        changed = services.accounts.set_password(asker.company_id, user.id, new, asker.actor, but=but)
        return one(asker, "update", changed)

    return await services.threads.run_slowly(work)


@api(
    "DELETE",
    "/auth-api/v1/archiveprofile/{user_id:str}",
    Operation(
        id="fintrackArchiveProfile",
        summary="Leave, with a month to come back",
        description="Every session of the user ends. Logging in within 30 days, or being made again with that e-mail, brings the"
        " account back; then it is erased. The superAdmin and a tenantOwner cannot leave.",
        tag=TAG,
        answers=USER_200,
        refusals=(NotAllowed, RolesFixed),
    ),
)
def archive_profile(asker: Asker) -> ASGIResponse:
    """Archive oneself."""
    user = oneself(asker)
    if user.data["role"] in ("superAdmin", "tenantOwner"):
        raise RolesFixed(f"A {user.data['role']} cannot leave.", path="userId")
    return one(asker, "delete", asker.services.accounts.archive(asker.company_id, user.id, asker.actor))


HANDLERS = [*update_profile, *update_user_password, archive_profile]
