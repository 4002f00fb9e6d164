"""How codes are sent: mail through a real SMTP server, SMS through a real gateway, and what happens when they fail."""

from __future__ import annotations

import re
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from fintrack_business import EMAIL, MOBILE, MOBILE_FLOW, NEW_PASSWORD, RESET, RESET_MOBILE, Business
from postbox import SECRET, USER, Gateway, Postbox, smtp_server

from domain.errors import MessageNotSent
from infra.sending.mail import Mail, mail_of
from infra.sending.sms import Sms
from infra.settings import load

# Mail --------------------------------------------------------------------------------------------


def mail_to(port: int, scheme: str = "smtp", **more: Any) -> Mail:
    return Mail(scheme, "127.0.0.1", port, more.pop("user", ""), more.pop("password", ""), "Daftar <books@example.com>", **more)


def test_a_mail_says_what_it_is_for(business, services, monkeypatch):
    user, postbox = business.make(), Postbox()
    with smtp_server(postbox) as port:
        monkeypatch.setattr(services, "mail", mail_to(port))
        told = business.start(RESET, user.email).json()
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
        assert business.start(RESET, business.make().email).status_code == 200
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
        answer = business.start(RESET, user.email)
        assert (answer.status_code, answer.json()["code"]) == (503, "message_not_sent")
        assert "retry-after" in answer.headers
        monkeypatch.setattr(services, "mail", mail_to(port))
        postbox.refusal = ""
        again = business.start(RESET, user.email)
    assert (again.status_code, again.json()["codeIndex"]) == (200, 1), "one may ask again at once"
    assert business.complete(RESET, user.email, "", NEW_PASSWORD).status_code == 400


def test_a_server_that_does_not_answer_keeps_nobody_else_waiting(business, services, monkeypatch):
    import socket

    monkeypatch.setattr("infra.sending.mail.PATIENCE_SECONDS", 0.8)
    users = [business.make() for _ in range(8)]
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(9) as pool:
        monkeypatch.setattr(services, "mail", mail_to(silent.getsockname()[1]))
        waiting = [pool.submit(business.start, RESET, user.email) for user in users]
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
        told = business.start(MOBILE_FLOW, user.email)
    assert (told.status_code, "secretCode" in told.json()) == (200, False)
    (sent,) = gateway.asked
    assert (sent["method"], sent["to"], sent["authorization"]) == ("POST", MOBILE, "Bearer gateway-token")
    code = re.search(r"\b\d{6}\b", sent["text"])[0]
    assert "3 minutes" in sent["text"]
    assert business.complete(MOBILE_FLOW, user.email, code).status_code == 200


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
        assert business.start(RESET_MOBILE, user.email).status_code == 503
    assert len(gateway.asked) == 1, "a redirection is not followed"
    monkeypatch.setattr(services, "sms", Sms("http://127.0.0.1:1/", ""))
    assert business.start(RESET_MOBILE, user.email).status_code == 503


# Production ---------------------------------------------------------------------------------------


def test_in_production_the_code_is_nowhere_but_in_the_message(business, services, monkeypatch, api_settings):
    user, postbox = business.make(verified=False), Postbox()
    with smtp_server(postbox) as port:
        monkeypatch.setattr(services, "mail", mail_to(port))
        answer = business.start(EMAIL, user.email)
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
    assert business.complete(EMAIL, user.email, code).status_code == 200
