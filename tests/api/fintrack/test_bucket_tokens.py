"""The bucket: who may write, read and take away."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from buckets import Bucket, stored
from pictures import PDF, png

from infra.composition import Services
from tests.api.conftest import PASSWORD, register

MEGABYTE = 1_000_000


def test_with_the_tokens_of_a_log_in(company: Any) -> None:
    """A user logs in, uploads his picture, and his business's logo."""
    verified = company.execute({"type": "user.update", "id": str(company.user_id), "data": {"email_verified": True}})
    assert verified.status_code == 200, verified.text
    login = {"email": company.email, "password": PASSWORD}
    session = company.client.post("/auth-api/login", json=login, headers={"mbx-business-codename": company.codename}).json()
    own = Bucket(f"{session['userId']}-public-user-bucket", session["userBucketToken"], company.client, company)
    shared = Bucket(f"fintrack-{company.codename}-public-tenant-bucket", session["tenantBucketToken"], company.client, company)
    assert own.download(own.put("me.png", png())).content == png()
    assert shared.download(shared.put("logo.png", png(4, 4))).content == png(4, 4)
    assert own.upload(("me.png", png()), bucket=shared.name).status_code == 403
    assert "applicationBucketToken" not in session
    own.client.post("/auth-api/logout", headers={"Authorization": f"Bearer {session['accessToken']}"})


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer x.y.z", "Basic abc", "access", "other company", "logged out"])
def test_only_the_token_of_the_bucket_writes(token, bucket: Bucket, open_bucket: Any, services: Services, api_settings) -> None:
    header = {} if token is None else {"Authorization": token}
    expected = 401
    if token == "access":
        header = {"Authorization": f"Bearer {bucket.company.token}"}
    if token == "other company":
        header = open_bucket(register(services, bucket.client)).bearer
        expected = 403
    if token == "logged out":
        header = bucket.bearer
        assert bucket.company.call("POST", "/logout").status_code < 300
    answer = bucket.client.post(
        "/bucket/upload", data={"bucketId": bucket.name}, files=[("files", ("a.png", png()))], headers=header
    )
    assert (answer.status_code, answer.json()["result"]) == (expected, "ERR"), answer.text
    assert stored(api_settings, bucket.company) == []


def test_a_tenants_bucket_is_written_as_long_as_the_role_lasts(company: Any, member: Any, open_bucket: Any) -> None:
    admin = member("tenantAdmin")
    bucket = open_bucket(admin, f"fintrack-{company.codename}-public-tenant-bucket")
    assert bucket.upload(("logo.png", png())).status_code == 200
    changed = company.execute({"type": "user.update", "id": str(admin.user_id), "data": {"role": "tenantUser"}})
    assert changed.status_code == 200, changed.text
    assert bucket.upload(("logo.png", png())).status_code == 401
    assert open_bucket(admin).upload(("me.png", png())).status_code == 200, "a user's own bucket is everybody's"


def test_private_buckets_are_read_with_their_token_only(company: Any, open_bucket: Any) -> None:
    private, other = open_bucket(company, "order-7-private-bucket"), open_bucket(company)
    file = private.put("contract.pdf", PDF)
    assert file["isPublic"] is False
    missing = other.download({"fileId": str(uuid4())})
    for header in ({}, other.bearer):
        answer = private.download(file, **header)
        assert (answer.status_code, answer.json()["message"]) == (404, missing.json()["message"])
    read = private.download(file, **private.bearer)
    assert read.content == PDF
    assert read.headers["cache-control"] == "private, no-cache"


def test_files_of_other_companies_and_other_records_are_not_there(bucket: Bucket, services: Services, open_bucket: Any) -> None:

    theirs = open_bucket(register(services, bucket.client), "a-private-bucket")
    file = theirs.put("a.pdf", PDF)
    party = bucket.company.create("party", name="Nobody", roles=["customer"])
    for wanted in (file["fileId"], party["id"], str(uuid4())):
        for call in ("download", "files"):
            answer = bucket.get(f"/bucket/{call}/{wanted}", **bucket.bearer)
            assert (answer.status_code, answer.json()["code"]) == (404, "record_not_found")
        assert bucket.client.delete(f"/bucket/files/{wanted}", headers=bucket.bearer).status_code == 404
    for wanted in ("x", "1", file["fileId"] + "0", "..%2f..%2fetc"):
        assert bucket.get(f"/bucket/download/{wanted}").status_code in (400, 404)


def test_nobody_takes_the_address_of_anothers_public_file(bucket: Bucket, services: Services) -> None:

    file = bucket.put("logo.png", png())
    thief = register(services, bucket.client)
    fields = {"file_name": "logo.png", "size": 1, "mime_type": "text/html", "sha256": "0" * 64, "is_public": True}
    taken = {"type": "attachment.create", "id": file["fileId"], "data": {**fields, "storage_key": f"{thief.id}/x"}}
    assert thief.execute(taken).status_code == 200
    assert bucket.download(file).content == png()
