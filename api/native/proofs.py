"""Proofs that can be checked without us: the signed head, the receipt of an event, and the key that signs both."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.answers import answer
from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.native.events import NoQuery
from api.native.examples import RECEIPT, SIGNED_HEAD
from api.reading_requests import read_query, services_of
from domain import errors
from domain.errors import EventNotFound
from infra.verification.log_tree import await_tree
from infra.verification.proofs import Receipt, SignedHead, receipt_of, sign_head

LONGEST_SEQ = 18
Seq = Annotated[int, Meta(ge=1, le=2**62, description="The seq of an earlier head.")]


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment's public key. `key_id` is the SHA-256 of its 32 bytes, in hexadecimal."""

    algorithm: Literal["Ed25519"] = "Ed25519"
    key_id: str
    pem: str


class SignedHeadQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `since`, the proof that this head continues the earlier one is added."""

    since: Seq | None = None


@endpoint(
    "GET",
    "/ledger/v1/head/signed",
    Operation(
        id="getSignedHead",
        summary="Where the log ends, signed",
        description="Keep it: a log that is changed up to here fits it no more. `docs/verify_receipt.py` checks it.",
        tag="Proofs",
        query=SignedHeadQuery,
        answers={200: Answer("The signed head.", SignedHead, SIGNED_HEAD)},
        refusals=(errors.CursorAhead, errors.ProjectionBehind),
    ),
)
async def get_signed_head(request: HttpRequest) -> ASGIResponse:
    """The signed head of the company's log."""
    claims = claims_of(request)
    query = read_query(request, SignedHeadQuery)
    services = services_of(request)

    def work() -> SignedHead:
        services.identity.confirm(claims)
        await_tree(services.database, claims.cid)
        with services.database.company(claims.cid) as connection:
            return sign_head(connection, claims.cid, services.signing_key, since=query.since)

    return answer(await services.threads.run(work))


@endpoint(
    "GET",
    "/ledger/v1/events/{seq:str}/receipt",
    Operation(
        id="getReceipt",
        summary="The proof that an event is in the log",
        description="It can be checked without the server, with its public key: `docs/verify_receipt.py` does.",
        tag="Proofs",
        query=NoQuery,
        answers={200: Answer("The receipt.", Receipt, RECEIPT)},
        refusals=(errors.EventNotFound, errors.ProjectionBehind),
    ),
)
async def get_receipt(request: HttpRequest, seq: FromPath[str]) -> ASGIResponse:
    """The receipt of one event."""
    claims = claims_of(request)
    read_query(request, NoQuery)
    services = services_of(request)
    if not (seq.isascii() and seq.isdigit() and len(seq) <= LONGEST_SEQ):
        raise EventNotFound(f"There is no event {seq!r}; name it by its seq.", path="seq")

    def work() -> Receipt:
        services.identity.confirm(claims)
        await_tree(services.database, claims.cid)
        with services.database.company(claims.cid) as connection:
            return receipt_of(connection, claims.cid, int(seq), services.signing_key)

    return answer(await services.threads.run(work))


@endpoint(
    "GET",
    "/ledger/v1/signing-key",
    Operation(
        id="getSigningKey",
        summary="The public key that signed heads and receipts are checked with",
        description="Fetch it once, compare its id with what you were told in person, and keep it.",
        tag="Proofs",
        query=NoQuery,
        answers={
            200: Answer(
                "The key.",
                PublicKey,
                {
                    "algorithm": "Ed25519",
                    "key_id": SIGNED_HEAD["key_id"],
                    "pem": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n",
                },
            )
        },
        secured=False,
    ),
)
async def get_signing_key(request: HttpRequest) -> ASGIResponse:
    """The public key; it is public."""
    read_query(request, NoQuery)
    key = services_of(request).signing_key
    return answer(PublicKey(key_id=key.id, pem=key.public_pem))


HANDLERS = [get_signed_head, get_receipt, get_signing_key]
