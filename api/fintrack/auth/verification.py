"""Verifying e-mail addresses and mobile numbers, and setting a forgotten password with either.

Each flow has a start, which sends a code of six digits, and a complete, which takes it. All are keyed by the e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from api.answers import NO_STORE, answer
from api.endpoint import Answer, Operation, endpoint
from api.fintrack.asking import Asked, read_request
from api.fintrack.auth import examples, forms, wire
from api.fintrack.auth.tenants import count, name_of, user_named
from api.fintrack.values import moment_text
from api.http_errors import HttpRequest
from domain import errors
from domain.command import Actor
from domain.errors import AlreadyVerified, LedgerError, NotAuthenticated, RecordNotFound, TooManyRequests
from domain.record import Record
from infra.composition import Services
from infra.identity.accounts import MOST_PASSWORD_CHARACTERS, check_new_password
from infra.identity.verification_codes import Code, Purpose
from infra.sending.codes import BY_SMS, Recipient, reveals, send_code

TAG = "FinTrack: verification"
_REFUSED = (errors.CodeExpired, errors.CodeLocked, errors.CodeWrong, TooManyRequests)


@dataclass(frozen=True, slots=True)
class Flow:
    """One of the four flows: its path, what its codes prove, how a client is told of them, and what an unknown e-mail is."""

    path: str
    purpose: Purpose
    verification_type: Literal["byLink", "byCode"]
    unknown: type[LedgerError]
    summary: str

    @property
    def by_sms(self) -> bool:
        """Whether the code goes to the mobile number."""
        return self.purpose in BY_SMS

    @property
    def resets(self) -> bool:
        """Whether completing sets a password."""
        return self.purpose.startswith("password")

    @property
    def nothing(self) -> type[LedgerError]:
        """What it is where no code was sent."""
        return errors.NothingToReset if self.resets else errors.NothingToVerify


FLOWS = (
    Flow("email-verification", "email", "byLink", RecordNotFound, "verify an e-mail address"),
    Flow("mobile-verification", "mobile", "byCode", RecordNotFound, "verify a mobile number"),
    Flow("password-reset-by-email", "password_by_email", "byLink", NotAuthenticated, "set a forgotten password, by e-mail"),
    Flow("password-reset-by-mobile", "password_by_mobile", "byLink", RecordNotFound, "set a forgotten password, by SMS"),
)
_TYPE: Mapping[Purpose, str] = {flow.purpose: flow.verification_type for flow in FLOWS}


def started(services: Services, purpose: Purpose, code: Code) -> dict[str, Any]:
    """What a client is told of a code that was sent; the code itself in development only."""
    told: dict[str, Any] = {
        "codeIndex": code.index,
        "timeStamp": int(code.sent_at.timestamp() * 1000),
        "date": moment_text(code.sent_at.isoformat()),
        "expireTime": int(code.lifetime.total_seconds()),
        "verificationType": _TYPE[purpose],
    }
    if reveals(services):
        told["secretCode"] = code.code
    return told


def masked(number: str) -> str:
    """A number of which the owner knows that it is his."""
    return f"{number[:4]}.....{number[-2:]}" if len(number) > 6 else "....."


def _find(asked: Asked, flow: Flow, email: str) -> tuple[UUID, Record, str] | None:
    """The business, the user and the address that the flow is about; None where the e-mail is nobody's.

    Raises RecordNotFound where the user has no mobile number.
    """
    found = user_named(asked, email)
    if found is None:
        return None
    company_id, user = found
    if not flow.by_sms:
        return company_id, user, str(user.data["email"])
    if not user.data.get("phone"):
        raise RecordNotFound("This user has no mobile number.", path="email")
    return company_id, user, str(user.data["phone"])


# Starting ----------------------------------------------------------------------------------------


async def _start(request: HttpRequest, flow: Flow) -> ASGIResponse:
    asked = await read_request(request)
    asked.check()
    services, email = asked.services, wire.email(asked.form)
    await count(asked, flow.path, email)

    def work() -> tuple[Recipient, Record]:
        found = _find(asked, flow, email)
        if found is None:
            raise flow.unknown("There is no user with this e-mail.", path="email")
        company_id, user, address = found
        if not flow.resets and user.data.get("mobile_verified" if flow.by_sms else "email_verified"):
            raise AlreadyVerified(path="email")
        return Recipient(company_id, user.id, address, name_of(services, company_id)), user

    to, user = await services.threads.run(work)
    code = await send_code(services, flow.purpose, to)
    told = {"status": "OK", **started(services, flow.purpose, code)}
    if flow.by_sms and flow.resets:
        told["mobile"] = masked(to.address)
    if flow.purpose == "password_by_email":
        told |= {"userId": user.id, "email": user.data["email"]}
    elif reveals(services):
        told["userId"] = user.id
    return answer(told, headers=NO_STORE)


# Completing --------------------------------------------------------------------------------------


async def _complete(request: HttpRequest, flow: Flow) -> ASGIResponse:
    asked = await read_request(request)
    asked.check()
    services, email = asked.services, wire.email(asked.form)
    given = wire.text({"secretCode": _as_text(asked.form.get("secretCode"))}, "secretCode")
    password = None
    if flow.resets:
        password = wire.text(asked.form, "password", longest=MOST_PASSWORD_CHARACTERS)
        check_new_password(password, demo=services.users.demo)
    await count(asked, f"{flow.path} complete", email)

    def work() -> dict[str, Any]:
        found = _find(asked, flow, email)
        if found is None:
            raise flow.nothing
        company_id, user, address = found
        services.codes.use(company_id, user.id, flow.purpose, address, given)
        proven = {"mobile_verified": True} if flow.by_sms else {"email_verified": True}
        actor = Actor(user_id=user.id, role=user.data["role"])
        if password is None:
            services.accounts.update(company_id, user.id, proven, actor)
        else:
            services.accounts.set_password(company_id, user.id, password, actor, changes=proven)
        return _verified(services, flow, user)

    threads = services.threads
    return answer(await (threads.run_slowly if flow.resets else threads.run)(work), headers=NO_STORE)


def _as_text(code: Any) -> Any:
    """A code that was sent as a number, as it was told."""
    return f"{code:06}" if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**6 else code


def _verified(services: Services, flow: Flow, user: Record) -> dict[str, Any]:
    told: dict[str, Any] = {"status": "OK", "isVerified": True}
    if flow.by_sms and not flow.resets:
        told["mobile"] = user.data["phone"]
    elif not flow.by_sms:
        told["email"] = user.data["email"]
    if flow.purpose == "email":
        told["mobileVerificationNeeded"] = False
    if flow.resets or reveals(services):
        told["userId"] = user.id
    return told


# Routes ------------------------------------------------------------------------------------------


def _routes(flow: Flow) -> list[HTTPRouteHandler]:
    async def start(request: HttpRequest) -> ASGIResponse:
        return await _start(request, flow)

    async def complete(request: HttpRequest) -> ASGIResponse:
        return await _complete(request, flow)

    name = "".join(part.capitalize() for part in flow.path.split("-"))
    path = f"/auth-api/verification-services/{flow.path}"
    begin = Operation(
        id=f"fintrackStart{name}",
        summary=f"Begin to {flow.summary}",
        description="Sends a code of six digits. The next one can be sent after a minute, ten within a day; the one before is void."
        " `secretCode` is in the answer in development only.",
        tag=TAG,
        body=forms.StartVerification,
        body_example={"email": "mina@babil.example"},
        answers={200: Answer("A code is on its way.", forms.Started, examples.STARTED)},
        refusals=(flow.unknown, RecordNotFound, AlreadyVerified, errors.CodesTooOften, errors.MessageNotSent, TooManyRequests),
        secured=False,
    )
    end = Operation(
        id=f"fintrackComplete{name}",
        summary=f"Go on to {flow.summary}: the code",
        description="A code works once; five wrong ones lock it."
        + (" Setting a password ends every session of the user." if flow.resets else ""),
        tag=TAG,
        body=forms.CompleteReset if flow.resets else forms.CompleteVerification,
        body_example={"email": "mina@babil.example", "secretCode": examples.CODE}
        | ({"password": "correct horse battery"} if flow.resets else {}),
        answers={200: Answer("It is verified.", forms.Verified, examples.RESET if flow.resets else examples.VERIFIED)},
        refusals=(flow.nothing, RecordNotFound, *_REFUSED),
        secured=False,
    )
    return [endpoint("POST", f"{path}/start", begin)(start), endpoint("POST", f"{path}/complete", end)(complete)]


HANDLERS = [handler for flow in FLOWS for handler in _routes(flow)]
