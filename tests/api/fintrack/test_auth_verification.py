"""Verification: the four flows, and when their codes are refused, locked and over."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from fintrack_business import EMAIL, MOBILE, MOBILE_FLOW, NEW_PASSWORD, RESET, RESET_MOBILE, Business

from domain.errors import LedgerError
from infra.identity.verification_codes import MOST_STARTS, MOST_TRIES


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(services, monkeypatch):
    made = Clock()
    monkeypatch.setattr(services.codes, "_clock", made)
    return made


FLOWS = {EMAIL: "", MOBILE_FLOW: "", RESET: NEW_PASSWORD, RESET_MOBILE: NEW_PASSWORD}


# The flows ---------------------------------------------------------------------------------------


def test_an_email_is_verified(business, revealed):
    user = business.make(verified=False)
    answer = business.start(EMAIL, user.email)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["codeIndex"], told["expireTime"], told["verificationType"]) == ("OK", 1, 86_400, "byLink")
    assert abs(told["timeStamp"] / 1000 - time.time()) < 60
    assert re.fullmatch(r"\d{6}", told["secretCode"])
    assert told["userId"] == str(user.id)
    assert business.complete(EMAIL, user.email, "000000" if told["secretCode"] != "000000" else "111111").status_code == 403
    done = business.complete(EMAIL, user.email.upper(), told["secretCode"])
    assert done.status_code == 200
    assert done.json() == {
        "status": "OK",
        "isVerified": True,
        "email": user.email,
        "mobileVerificationNeeded": False,
        "userId": str(user.id),
    }
    assert user.login().status_code == 200
    again = business.complete(EMAIL, user.email, told["secretCode"])
    assert (again.status_code, again.json()["code"]) == (404, "nothing_to_verify"), "a code works once"
    assert business.start(EMAIL, user.email).status_code == 400, "verified already"


def test_a_mobile_number_is_verified(business, revealed, clock):
    user = business.user(phone=MOBILE)
    told = business.start(MOBILE_FLOW, user.email).json()
    assert (told["expireTime"], told["verificationType"]) == (180, "byCode")
    assert "mobile" not in told
    done = business.complete(MOBILE_FLOW, user.email, told["secretCode"])
    assert (done.status_code, done.json()["mobile"], done.json()["isVerified"]) == (200, MOBILE, True)
    assert user.call("GET", f"/v1/users/{user.id}").json()["user"]["mobileVerified"] is True
    assert business.start(MOBILE_FLOW, user.email).status_code == 400


@pytest.mark.parametrize("flow", [RESET, RESET_MOBILE])
def test_a_forgotten_password_is_set(business, revealed, flow):
    user = business.user(verified=True, phone=MOBILE)
    told = business.start(flow, user.email).json()
    assert (told["codeIndex"], told["expireTime"], told["verificationType"]) == (1, 86_400, "byLink")
    if flow == RESET:
        assert (told["userId"], told["email"]) == (str(user.id), user.email)
    else:
        assert told["mobile"] == "+905.....67"
    for password in ("", "short", "daftar-demo", "x" * 300):
        assert business.complete(flow, user.email, told["secretCode"], password).status_code == 400, "the code is not used up"
    done = business.complete(flow, user.email, told["secretCode"], NEW_PASSWORD)
    assert (done.status_code, done.json()["userId"], done.json()["isVerified"]) == (200, str(user.id), True)
    assert ("email" in done.json()) == (flow == RESET)
    assert not user.is_in(), "its sessions have ended"
    assert (user.login().status_code, user.login(NEW_PASSWORD).status_code) == (401, 200)
    again = business.complete(flow, user.email, told["secretCode"], NEW_PASSWORD)
    assert (again.status_code, again.json()["code"]) == (403, "nothing_to_reset")


def test_the_email_finds_the_business_where_none_is_named(business, services, client, revealed):
    user = business.make(verified=False)
    told = client.post("/auth-api/verification-services/email-verification/start", json={"email": user.email}).json()
    done = client.post(
        "/auth-api/verification-services/email-verification/complete", json={"email": user.email, "secretCode": told["secretCode"]}
    )
    assert done.status_code == 200
    other = Business(services, client)
    assert other.start(RESET, user.email).status_code == 401, "another business does not know it"


# Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flow", "status"), [(EMAIL, 404), (MOBILE_FLOW, 404), (RESET, 401), (RESET_MOBILE, 404)])
def test_an_unknown_email(business, flow, status):
    assert business.start(flow, "nobody@example.com").status_code == status


@pytest.mark.parametrize(("flow", "status"), [(EMAIL, 404), (MOBILE_FLOW, 404), (RESET, 403), (RESET_MOBILE, 403)])
def test_nothing_in_progress(business, flow, status):
    user = business.make(verified=False, phone=MOBILE)
    for email in (user.email, "nobody@example.com"):
        assert business.complete(flow, email, "123456", FLOWS[flow]).status_code == status


@pytest.mark.parametrize("flow", [MOBILE_FLOW, RESET_MOBILE])
def test_a_user_without_a_number(business, flow):
    user = business.make()
    assert business.start(flow, user.email).status_code == 404
    assert business.complete(flow, user.email, "123456", FLOWS[flow]).status_code == 404


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": "nobody"}, {"email": 5}, {"email": ["a@b.c"]}, "x"])
def test_bodies_that_say_nothing(business, flow, body):
    for step in ("start", "complete"):
        assert business.post(f"/verification-services/{flow}/{step}", body).status_code == 400


@pytest.mark.parametrize("code", [None, "", 5.5, True, ["123456"], {}, "1" * 300])
def test_codes_that_are_none(business, code):
    assert business.complete(EMAIL, business.make(verified=False).email, code).status_code == 400


@pytest.mark.parametrize("flow", FLOWS)
def test_codes_end(business, revealed, clock, flow):
    user = business.make(verified=False, phone=MOBILE)
    told = business.start(flow, user.email).json()
    clock.now += told["expireTime"] + 1
    late = business.complete(flow, user.email, told["secretCode"], FLOWS[flow])
    assert (late.status_code, late.json()["code"]) == (403, "code_expired")
    told = business.start(flow, user.email).json()
    clock.now += told["expireTime"] - 1
    assert business.complete(flow, user.email, told["secretCode"], FLOWS[flow]).status_code == 200


def test_wrong_codes_lock_it_even_to_the_right_one(business, revealed, clock):
    user = business.make(verified=False)
    code = business.start(EMAIL, user.email).json()["secretCode"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    found = [business.complete(EMAIL, user.email, wrong).json()["code"] for _ in range(MOST_TRIES + 1)]
    assert found == ["code_wrong"] * MOST_TRIES + ["code_locked"]
    assert business.complete(EMAIL, user.email, code).json()["code"] == "code_locked"
    clock.now += 61
    fresh = business.start(EMAIL, user.email).json()
    assert fresh["codeIndex"] == 2
    assert business.complete(EMAIL, user.email, fresh["secretCode"]).status_code == 200


def test_guesses_at_the_same_time_are_counted(business, services, revealed):
    user = business.make(verified=False)
    code = business.start(EMAIL, user.email).json()["secretCode"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    def guess(_: int) -> str:
        try:
            services.codes.use(business.id, user.id, "email", user.email, wrong)
        except LedgerError as error:
            return type(error).__name__
        return "used"

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(guess, range(20)))
    assert (found.count("CodeWrong"), found.count("CodeLocked")) == (MOST_TRIES, 20 - MOST_TRIES)


def test_a_code_that_comes_twice_at_once_works_once(business, services, revealed):
    user = business.make(verified=False)
    code = business.start(EMAIL, user.email).json()["secretCode"]

    def use(_: int) -> bool:
        try:
            services.codes.use(business.id, user.id, "email", user.email, code)
        except LedgerError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, range(4))) == 1


def test_a_new_code_replaces_the_one_before_and_cannot_be_had_at_once(business, revealed, clock):
    user = business.make(verified=False)
    first = business.start(EMAIL, user.email).json()
    early = business.start(EMAIL, user.email)
    assert (early.status_code, early.json()["code"]) == (403, "codes_too_often")
    clock.now += 61
    second = business.start(EMAIL, user.email).json()
    assert second["codeIndex"] == 2
    if first["secretCode"] != second["secretCode"]:
        assert business.complete(EMAIL, user.email, first["secretCode"]).json()["code"] == "code_wrong"
    assert business.complete(EMAIL, user.email, second["secretCode"]).status_code == 200


def test_codes_within_a_day_are_limited(business, revealed, clock):
    user = business.make()
    found = []
    for _ in range(MOST_STARTS + 1):
        found.append(business.start(RESET, user.email).status_code)
        clock.now += 61
    assert found == [200] * MOST_STARTS + [403]
    clock.now += 86_400
    assert business.start(RESET, user.email).json()["codeIndex"] == 1


def test_a_code_is_for_one_purpose_one_user_and_one_address(business, services, revealed):
    user, other = business.make(verified=False, phone=MOBILE), business.make(verified=False)
    code = business.start(RESET, user.email).json()["secretCode"]
    for flow in (EMAIL, RESET_MOBILE):
        business.start(flow, user.email)
    business.start(RESET, other.email)
    assert business.complete(RESET_MOBILE, user.email, code, NEW_PASSWORD).status_code == 403
    assert business.complete(RESET, other.email, code, NEW_PASSWORD).status_code == 403
    services.accounts.update(business.id, user.id, {"email": f"moved-{uuid4().hex[:6]}@example.com"}, actor_of(user))
    moved = services.accounts.read(business.id, user.id).data["email"]
    assert business.complete(RESET, moved, code, NEW_PASSWORD).json()["code"] == "code_wrong"


def actor_of(user: Any) -> Any:
    from domain.command import Actor

    return Actor(user_id=user.id, role=user.role)


def test_verification_is_limited_per_address(business, services, monkeypatch):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, rate_limit_logins_per_minute=2))
    found = [business.complete(EMAIL, "nobody@example.com", "123456").status_code for _ in range(4)]
    assert found == [404, 404, 429, 429]
