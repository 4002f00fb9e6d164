"""Sending codes: a code is made, sent by mail or SMS, and taken back where it could not be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from domain.errors import MessageNotSent
from infra.identity.verification_codes import LIFETIME, Code, Purpose

if TYPE_CHECKING:
    from infra.composition import Services

log = structlog.get_logger("daftar.codes")

BY_SMS: frozenset[Purpose] = frozenset({"mobile", "password_by_mobile"})
_WHAT: dict[Purpose, str] = {
    "email": "Your code to verify this e-mail address",
    "mobile": "Your code to verify this number",
    "password_by_email": "Your code to set a new password",
    "password_by_mobile": "Your code to set a new password",
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a code goes: the user, the address that it proves, and the business in whose name it is sent."""

    company_id: UUID
    user_id: UUID
    address: str
    business: str


def reveals(services: Services) -> bool:
    """Whether codes are in answers: in development, and in a demo that is nobody's production."""
    settings = services.settings
    return settings.reveal_codes or (settings.demo and not settings.require_https)


async def send_code(services: Services, purpose: Purpose, to: Recipient) -> Code:
    """Send a code; returns when the mail server or the gateway has taken it. Raises CodesTooOften, MessageNotSent.

    Where codes are revealed, it is enough that somebody can read it in the answer.
    """
    named = (to.company_id, to.user_id, purpose, to.address)
    code = await services.threads.run(services.codes.start, *named)
    channel = services.sms if purpose in BY_SMS else services.mail
    if not channel.configured and reveals(services):
        return code
    try:
        await services.threads.run_outside(_send, services, purpose, to, code)
    except MessageNotSent:
        if reveals(services):
            return code
        await services.threads.run(services.codes.cancel, *named, code)
        raise
    return code


def _send(services: Services, purpose: Purpose, to: Recipient, code: Code) -> None:
    business = " ".join(to.business.split())[:100]
    text = f"{_WHAT[purpose]}: {code.code} (message {code.index}). It is valid for {_in_words(purpose)}."
    if purpose in BY_SMS:
        services.sms.send(to.address, f"{business}: {text}")
        return
    lines = [
        text,
        "",
        "If you did not ask for it, somebody else typed your address: do nothing, and tell nobody the code.",
        "",
        business,
    ]
    services.mail.send(to.address, f"{business}: code, message {code.index}", "\n".join(lines) + "\n")


def _in_words(purpose: Purpose) -> str:
    minutes = int(LIFETIME[purpose].total_seconds()) // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
