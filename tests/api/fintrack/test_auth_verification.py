"""Verification: the four flows, their codes, limits and ends; mail through a real SMTP server, SMS through a real gateway."""

from __future__ import annotations

import re
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from fintrack_business import Business
from postbox import SECRET, USER, Gateway, Postbox, smtp_server

from domain.errors import LedgerError, MessageNotSent
from infra.identity.verification_codes import MOST_STARTS, MOST_TRIES
from infra.sending.mail import Mail, mail_of
from infra.sending.sms import Sms
from infra.settings import load

NEW_PASSWORD = "a password of his own"
MOBILE = "+905551234567"


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


@pytest.fixture
def revealed(services, monkeypatch):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, reveal_codes=True))


@pytest.fixture(scope="module")
def business(services, client):
    return Business(services, client)


def start(business: Business, flow: str, email: str) -> Any:
    return business.post(f"/verification-services/{flow}/start", {"email": email})


def complete(business: Business, flow: str, email: str, code: Any, password: str = "") -> Any:
    body = {"email": email, "secretCode": code, **({"password": password} if password else {})}
    return business.post(f"/verification-services/{flow}/complete", body)


RESET, RESET_MOBILE, EMAIL, MOBILE_FLOW = (
    "password-reset-by-email",
    "password-reset-by-mobile",
    "email-verification",
    "mobile-verification",
)
FLOWS = {EMAIL: "", MOBILE_FLOW: "", RESET: NEW_PASSWORD, RESET_MOBILE: NEW_PASSWORD}


# The flows ---------------------------------------------------------------------------------------


def test_an_email_is_verified(business, revealed):
    user = business.make(verified=False)
    answer = start(business, EMAIL, user.email)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["codeIndex"], told["expireTime"], told["verificationType"]) == ("OK", 1, 86_400, "byLink")
    assert abs(told["timeStamp"] / 1000 - time.time()) < 60
    assert re.fullmatch(r"\d{6}", told["secretCode"])
    assert told["userId"] == str(user.id)
    assert complete(business, EMAIL, user.email, "000000" if told["secretCode"] != "000000" else "111111").status_code == 403
    done = complete(business, EMAIL, user.email.upper(), told["secretCode"])
    assert done.status_code == 200
    assert done.json() == {
        "status": "OK",
        "isVerified": True,
        "email": user.email,
        "mobileVerificationNeeded": False,
        "userId": str(user.id),
    }
    assert user.login().status_code == 200
    again = complete(business, EMAIL, user.email, told["secretCode"])
    assert (again.status_code, again.json()["code"]) == (404, "nothing_to_verify"), "a code works once"
    assert start(business, EMAIL, user.email).status_code == 400, "verified already"


def test_a_mobile_number_is_verified(business, revealed, clock):
    user = business.user(phone=MOBILE)
    told = start(business, MOBILE_FLOW, user.email).json()
    assert (told["expireTime"], told["verificationType"]) == (180, "byCode")
    assert "mobile" not in told
    done = complete(business, MOBILE_FLOW, user.email, told["secretCode"])
    assert (done.status_code, done.json()["mobile"], done.json()["isVerified"]) == (200, MOBILE, True)
    assert user.call("GET", f"/v1/users/{user.id}").json()["user"]["mobileVerified"] is True
    assert start(business, MOBILE_FLOW, user.email).status_code == 400


@pytest.mark.parametrize("flow", [RESET, RESET_MOBILE])
def test_a_forgotten_password_is_set(business, revealed, flow):
    user = business.user(verified=True, phone=MOBILE)
    told = start(business, flow, user.email).json()
    assert (told["codeIndex"], told["expireTime"], told["verificationType"]) == (1, 86_400, "byLink")
    if flow == RESET:
        assert (told["userId"], told["email"]) == (str(user.id), user.email)
    else:
        assert told["mobile"] == "+905.....67"
    for password in ("", "short", "daftar-demo", "x" * 300):
        assert complete(business, flow, user.email, told["secretCode"], password).status_code == 400, "the code is not used up"
    done = complete(business, flow, user.email, told["secretCode"], NEW_PASSWORD)
    assert (done.status_code, done.json()["userId"], done.json()["isVerified"]) == (200, str(user.id), True)
    assert ("email" in done.json()) == (flow == RESET)
    assert not user.is_in(), "its sessions have ended"
    assert (user.login().status_code, user.login(NEW_PASSWORD).status_code) == (401, 200)
    again = complete(business, flow, user.email, told["secretCode"], NEW_PASSWORD)
    assert (again.status_code, again.json()["code"]) == (403, "nothing_to_reset")


def test_the_email_finds_the_business_where_none_is_named(business, services, client, revealed):
    user = business.make(verified=False)
    told = client.post("/auth-api/verification-services/email-verification/start", json={"email": user.email}).json()
    done = client.post(
        "/auth-api/verification-services/email-verification/complete", json={"email": user.email, "secretCode": told["secretCode"]}
    )
    assert done.status_code == 200
    other = Business(services, client)
    assert start(other, RESET, user.email).status_code == 401, "another business does not know it"


# Refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flow", "status"), [(EMAIL, 404), (MOBILE_FLOW, 404), (RESET, 401), (RESET_MOBILE, 404)])
def test_an_unknown_email(business, flow, status):
    assert start(business, flow, "nobody@example.com").status_code == status


@pytest.mark.parametrize(("flow", "status"), [(EMAIL, 404), (MOBILE_FLOW, 404), (RESET, 403), (RESET_MOBILE, 403)])
def test_nothing_in_progress(business, flow, status):
    user = business.make(verified=False, phone=MOBILE)
    for email in (user.email, "nobody@example.com"):
        assert complete(business, flow, email, "123456", FLOWS[flow]).status_code == status


@pytest.mark.parametrize("flow", [MOBILE_FLOW, RESET_MOBILE])
def test_a_user_without_a_number(business, flow):
    user = business.make()
    assert start(business, flow, user.email).status_code == 404
    assert complete(business, flow, user.email, "123456", FLOWS[flow]).status_code == 404


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": "nobody"}, {"email": 5}, {"email": ["a@b.c"]}, "x"])
def test_bodies_that_say_nothing(business, flow, body):
    for step in ("start", "complete"):
        assert business.post(f"/verification-services/{flow}/{step}", body).status_code == 400


@pytest.mark.parametrize("code", [None, "", 5.5, True, ["123456"], {}, "1" * 300])
def test_codes_that_are_none(business, code):
    assert complete(business, EMAIL, business.make(verified=False).email, code).status_code == 400


@pytest.mark.parametrize("flow", FLOWS)
def test_codes_end(business, revealed, clock, flow):
    user = business.make(verified=False, phone=MOBILE)
    told = start(business, flow, user.email).json()
    clock.now += told["expireTime"] + 1
    late = complete(business, flow, user.email, told["secretCode"], FLOWS[flow])
    assert (late.status_code, late.json()["code"]) == (403, "code_expired")
    told = start(business, flow, user.email).json()
    clock.now += told["expireTime"] - 1
    assert complete(business, flow, user.email, told["secretCode"], FLOWS[flow]).status_code == 200


def test_wrong_codes_lock_it_even_to_the_right_one(business, revealed, clock):
    user = business.make(verified=False)
    code = start(business, EMAIL, user.email).json()["secretCode"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    found = [complete(business, EMAIL, user.email, wrong).json()["code"] for _ in range(MOST_TRIES + 1)]
    assert found == ["code_wrong"] * MOST_TRIES + ["code_locked"]
    assert complete(business, EMAIL, user.email, code).json()["code"] == "code_locked"
    clock.now += 61
    fresh = start(business, EMAIL, user.email).json()
    assert fresh["codeIndex"] == 2
    assert complete(business, EMAIL, user.email, fresh["secretCode"]).status_code == 200


def test_guesses_at_the_same_time_are_counted(business, services, revealed):
    user = business.make(verified=False)
    code = start(business, EMAIL, user.email).json()["secretCode"]
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
    code = start(business, EMAIL, user.email).json()["secretCode"]

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
    first = start(business, EMAIL, user.email).json()
    early = start(business, EMAIL, user.email)
    assert (early.status_code, early.json()["code"]) == (403, "codes_too_often")
    clock.now += 61
    second = start(business, EMAIL, user.email).json()
    assert second["codeIndex"] == 2
    if first["secretCode"] != second["secretCode"]:
        assert complete(business, EMAIL, user.email, first["secretCode"]).json()["code"] == "code_wrong"
    assert complete(business, EMAIL, user.email, second["secretCode"]).status_code == 200


def test_codes_within_a_day_are_limited(business, revealed, clock):
    user = business.make()
    found = []
    for _ in range(MOST_STARTS + 1):
        found.append(start(business, RESET, user.email).status_code)
        clock.now += 61
    assert found == [200] * MOST_STARTS + [403]
    clock.now += 86_400
    assert start(business, RESET, user.email).json()["codeIndex"] == 1


def test_a_code_is_for_one_purpose_one_user_and_one_address(business, services, revealed):
    user, other = business.make(verified=False, phone=MOBILE), business.make(verified=False)
    code = start(business, RESET, user.email).json()["secretCode"]
    for flow in (EMAIL, RESET_MOBILE):
        start(business, flow, user.email)
    start(business, RESET, other.email)
    assert complete(business, RESET_MOBILE, user.email, code, NEW_PASSWORD).status_code == 403
    assert complete(business, RESET, other.email, code, NEW_PASSWORD).status_code == 403
    services.accounts.update(business.id, user.id, {"email": f"moved-{uuid4().hex[:6]}@example.com"}, actor_of(user))
    moved = services.accounts.read(business.id, user.id).data["email"]
    assert complete(business, RESET, moved, code, NEW_PASSWORD).json()["code"] == "code_wrong"


def actor_of(user: Any) -> Any:
    from domain.command import Actor

    return Actor(user_id=user.id, role=user.role)


def test_verification_is_limited_per_address(business, services, monkeypatch):
    monkeypatch.setattr(services, "settings", msgspec.structs.replace(services.settings, rate_limit_logins_per_minute=2))
    found = [complete(business, EMAIL, "nobody@example.com", "123456").status_code for _ in range(4)]
    assert found == [404, 404, 429, 429]


def test_in_production_the_code_is_nowhere_but_in_the_message(business, services, monkeypatch, api_settings):
    user, postbox = business.make(verified=False), Postbox()
    with smtp_server(postbox) as port:
        monkeypatch.setattr(services, "mail", mail_to(port))
        answer = start(business, EMAIL, user.email)
        assert answer.status_code == 200
    assert not {"secretCode", "userId"} & set(answer.json())
    (mail,) = postbox.mails
    code = re.search(r"\b\d{6}\b", mail.get_content())[0]
    with psycopg.connect(api_settings.database_url) as connection:
        kept = connection.execute("SELECT v::text FROM daftar.verification_codes v WHERE user_id = %s", (user.id,)).fetchone()
        log = connection.execute(
            "SELECT count(*) FROM daftar.events WHERE company_id = %s AND data LIKE %s", (business.id, f"%{code}%")
        )
        assert log.fetchone() == (0,)
    assert code not in kept[0].replace(str(user.id), "").replace(str(business.id), "")
    assert complete(business, EMAIL, user.email, code).status_code == 200


# Mail --------------------------------------------------------------------------------------------


def mail_to(port: int, scheme: str = "smtp", **more: Any) -> Mail:
    return Mail(scheme, "127.0.0.1", port, more.pop("user", ""), more.pop("password", ""), "Daftar <books@example.com>", **more)


def test_a_mail_says_what_it_is_for(business, services, monkeypatch):
    user, postbox = business.make(), Postbox()
    with smtp_server(postbox) as port:
        monkeypatch.setattr(services, "mail", mail_to(port))
        told = start(business, RESET, user.email).json()
    (mail,) = postbox.mails
    assert postbox.recipients == [[user.email]]
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == (user.email, "Daftar <books@example.com>", "auto-generated")
    assert mail["Subject"] == f"Business {business.codename}: code, message {told['codeIndex']}"
    assert "24 hours" in mail.get_content()
    assert mail["Message-ID"].endswith("@example.com>")


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_mail_goes_over_tls_with_a_login(scheme, tmp_path, monkeypatch):
    monkeypatch.setattr("infra.sending.mail.PATIENCE_SECONDS", 1.0)
    postbox, login = Postbox(), {"user": USER, "password": SECRET} if scheme == "smtp+starttls" else {}
    with smtp_server(postbox, scheme, tmp_path) as port:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        mail_to(port, scheme, **login, tls=trusting).send("a@example.com", "Subject", "Text ✓\n")
        with pytest.raises(MessageNotSent):  # nobody vouches for the certificate
            mail_to(port, scheme, **login).send("a@example.com", "Subject", "Text")
        if login:
            with pytest.raises(MessageNotSent):
                mail_to(port, scheme, user=USER, password="wrong", tls=trusting).send("a@example.com", "Subject", "Text")
    (mail,) = postbox.mails
    assert mail.get_content().split() == ["Text", "✓"]


def test_starttls_is_never_gone_without():
    with smtp_server(Postbox()) as port, pytest.raises(MessageNotSent):
        mail_to(port, "smtp+starttls").send("a@example.com", "Subject", "Text")


@pytest.mark.parametrize("address", ["a@b.com,c@d.com", "a b@c.com", "<x>@y.com", "a@b.com\r\nBcc: c@d.com", "@", "a@"])
def test_an_address_is_one_address(address):
    postbox = Postbox()
    with smtp_server(postbox) as port, pytest.raises(MessageNotSent):
        mail_to(port).send(address, "Subject", "Text")
    assert postbox.mails == []


def test_a_business_may_be_called_anything(services, client, monkeypatch):
    from domain.command import SYSTEM, Command

    business, postbox = Business(services, client), Postbox()
    name = "Bazaar\r\nBcc: evil@example.com فروشگاه " + "x" * 150
    services.ledger.execute(business.id, [Command(kind="company", action="update", id=business.id, data={"name": name})], SYSTEM)
    with smtp_server(postbox) as port:
        monkeypatch.setattr(services, "mail", mail_to(port))
        assert start(business, RESET, business.make().email).status_code == 200
    assert postbox.mails[0]["Bcc"] is None
    assert "فروشگاه" in postbox.mails[0]["Subject"]


@pytest.mark.parametrize("why", ["refused", "away", "not configured"])
def test_a_mail_that_cannot_be_sent_costs_nothing(business, services, monkeypatch, why):
    user, postbox = business.make(), Postbox()
    with smtp_server(postbox) as port:
        if why == "refused":
            postbox.refusal = "550 no such user"
        if why != "not configured":
            monkeypatch.setattr(services, "mail", mail_to(1 if why == "away" else port))
        answer = start(business, RESET, user.email)
        assert (answer.status_code, answer.json()["code"]) == (503, "message_not_sent")
        assert "retry-after" in answer.headers
        monkeypatch.setattr(services, "mail", mail_to(port))
        postbox.refusal = ""
        again = start(business, RESET, user.email)
    assert (again.status_code, again.json()["codeIndex"]) == (200, 1), "one may ask again at once"
    assert complete(business, RESET, user.email, "", NEW_PASSWORD).status_code == 400


def test_a_server_that_does_not_answer_keeps_nobody_else_waiting(business, services, monkeypatch):
    import socket

    monkeypatch.setattr("infra.sending.mail.PATIENCE_SECONDS", 0.8)
    users = [business.make() for _ in range(8)]
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(9) as pool:
        monkeypatch.setattr(services, "mail", mail_to(silent.getsockname()[1]))
        waiting = [pool.submit(start, business, RESET, user.email) for user in users]
        time.sleep(0.3)
        begin = time.perf_counter()
        assert business.client.get("/auth-api/v1/briefbusinesses").status_code == 200
        assert time.perf_counter() - begin < 1
        assert {done.result().status_code for done in waiting} == {503}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://u%40x:p%3Aw@mail.example:4465", ("smtps", "mail.example", 4465, "u@x", "p:w")),
        ("smtp+starttls://u:p@mail.example", ("smtp+starttls", "mail.example", 587, "u", "p")),
        ("smtp://relay", ("smtp", "relay", 25, "", "")),
    ],
)
def test_a_url_names_the_mail_server(url, expected):
    found = mail_of(load({"DAFTAR_SMTP_URL": url, "DAFTAR_MAIL_FROM": "a@b.c"}))
    assert (found.security, found.host, found.port, found.user, found.password) == expected
    assert "p:w" not in repr(found)


# SMS ---------------------------------------------------------------------------------------------


def test_an_sms_is_posted_to_the_gateway(business, services, monkeypatch):
    user, gateway = business.make(phone=MOBILE), Gateway()
    with gateway.serving() as url:
        monkeypatch.setattr(services, "sms", Sms(f"{url}/send", "gateway-token"))
        told = start(business, MOBILE_FLOW, user.email)
    assert (told.status_code, "secretCode" in told.json()) == (200, False)
    (sent,) = gateway.asked
    assert (sent["method"], sent["to"], sent["authorization"]) == ("POST", MOBILE, "Bearer gateway-token")
    code = re.search(r"\b\d{6}\b", sent["text"])[0]
    assert "3 minutes" in sent["text"]
    assert complete(business, MOBILE_FLOW, user.email, code).status_code == 200


def test_an_sms_fills_in_the_url():
    gateway = Gateway()
    with gateway.serving() as url:
        Sms(url.replace("//", "//me:p%40ss@") + "/?number={to}&message={text}", "").send("+90 5&5", "a=b & ç")
    (sent,) = gateway.asked
    assert (sent["method"], sent["number"], sent["message"]) == ("GET", "+90 5&5", "a=b & ç")
    assert sent["authorization"] == "Basic bWU6cEBzcw=="


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_gateway_that_refuses(business, services, monkeypatch, status):
    user, gateway = business.make(phone=MOBILE), Gateway()
    gateway.status = status
    with gateway.serving() as url:
        monkeypatch.setattr(services, "sms", Sms(url, ""))
        assert start(business, RESET_MOBILE, user.email).status_code == 503
    assert len(gateway.asked) == 1, "a redirection is not followed"
    monkeypatch.setattr(services, "sms", Sms("http://127.0.0.1:1/", ""))
    assert start(business, RESET_MOBILE, user.email).status_code == 503
