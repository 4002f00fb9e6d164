"""The session object: what logging in and `/currentuser` answer, with the tokens of the caller's buckets."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

from api.fintrack.auth.wire import person
from api.fintrack.roles import ROOT_ADMINS
from domain.record import Record
from infra.composition import Services
from infra.identity.identity import Principal

TENANT_UPLOADERS = frozenset({"tenantOwner", "tenantAdmin"})
COMMON_BUCKET = "fintrack-public-common-bucket"


def user_bucket(user_id: UUID) -> str:
    """The bucket of a user's own files, as his picture."""
    return f"{user_id}-public-user-bucket"


def tenant_bucket(codename: str) -> str:
    """The bucket of a business."""
    return f"fintrack-{codename}-public-tenant-bucket"


def session_object(
    services: Services, principal: Principal, user: Record, home: UUID, company: Record, token: str
) -> dict[str, Any]:
    """A session. `home` is the id of the business that the user belongs to, `company` the one that is addressed."""
    own, role = dataclasses.replace(principal, company_id=home), user.data["role"]
    session: dict[str, Any] = {
        "sessionId": principal.session_id,
        "userId": user.id,
        **person(user),
        "tenantId": company.id,
        "businessId": company.id,
        "tenantCodename": company.data["codename"],
        "businessCodename": company.data["codename"],
        "accessToken": token,
        "userBucketToken": services.bucket_tokens.sign(own, user_bucket(user.id)),
    }
    if role in ROOT_ADMINS:
        session["applicationBucketToken"] = services.bucket_tokens.sign(own, COMMON_BUCKET)
    if role in TENANT_UPLOADERS:
        session["tenantBucketToken"] = services.bucket_tokens.sign(own, tenant_bucket(company.data["codename"]))
    return session
