"""The page of the docs in a real browser, from another origin: from logging in to a paid invoice."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import Browser
from fintrack_business import PASSWORD, Business

PAGE = Path(__file__).parents[3] / "docs" / "examples" / "fintrack_page.html"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Another server, which has nothing but the page."""
    handler = functools.partial(_Quiet, directory=str(PAGE.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        thread = threading.Thread(target=pages.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{pages.server_address[1]}"
        pages.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with Browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def called(api_settings: Any, serve: Callable[[Any], Any], origin: str) -> Any:
    """A server that pages of this origin may call."""
    return serve(msgspec.structs.replace(api_settings, cors_origins=(origin,)))


def fill_in(browser: Browser, origin: str, **fields: str) -> list[str]:
    """Open the page, fill in the form, press the button; the lines that it writes."""
    browser.open(f"{origin}/{PAGE.name}")
    browser.run(
        f"for (const [name, value] of Object.entries({json.dumps(fields)})) document.forms.form.elements[name].value = value"
    )
    browser.run("document.querySelector('#form button').click()")
    browser.wait_for("['done', 'failed'].includes(document.forms.form.dataset.state)")
    return browser.run("[...document.querySelectorAll('#steps li')].map(line => line.textContent)")


def test_from_the_login_to_a_paid_invoice(browser, origin, called, services, client):
    business = Business(services, client)
    owner = business.make("tenantOwner")
    lines = fill_in(browser, origin, server=called.url, codename=business.codename, email=owner.email, password=PASSWORD)
    assert browser.run("document.forms.form.dataset.state") == "done", lines
    assert lines[0] == f"logged in as {owner.email}, tenantOwner"
    assert lines[3].endswith("of 240, unpaid")
    assert lines[4:6] == ["paid 90: partial", "paid 150: paid"]
    assert lines[6].startswith("1 paid invoice of Ada ")
    assert lines[7] == "logged out"


def test_a_refusal_can_be_read(browser, origin, called, services, client):
    business = Business(services, client)
    owner = business.make("tenantOwner")
    lines = fill_in(browser, origin, server=called.url, codename=business.codename, email=owner.email, password="wrong password")
    assert browser.run("document.forms.form.dataset.state") == "failed"
    assert lines[0].startswith("POST /auth-api/login: 401 401: ")


def test_a_page_of_another_origin_cannot(browser, origin, server, services, client):
    """The server that was started without origins: the browser does not even send the call."""
    business = Business(services, client)
    owner = business.make("tenantOwner")
    lines = fill_in(browser, origin, server=server.url, codename=business.codename, email=owner.email, password=PASSWORD)
    assert lines == ["Failed to fetch"]


def test_the_test_page_of_a_service(browser, called, services, client):
    business = Business(services, client)
    owner = business.make("tenantOwner")
    browser.open(f"{called.url}/customermanagement-api/")
    browser.wait_for("document.querySelectorAll('#api option').length > 5")
    fields = json.dumps({"codename": business.codename, "email": owner.email, "password": PASSWORD})
    browser.run(f"for (const [name, value] of Object.entries({fields})) document.getElementById(name).value = value")
    browser.run("document.querySelector('#login button').click()")
    browser.wait_for("document.getElementById('who').textContent.startsWith('logged in')")
    choose = "[...document.querySelectorAll('#api option')].find(one => one.textContent.endsWith(': createCustomer'))"
    browser.run(f"const api = document.getElementById('api'); api.value = {choose}.value; api.onchange()")
    browser.run("document.querySelector('#try button').click()")
    browser.wait_for("document.getElementById('line').textContent.startsWith('201')")
    assert json.loads(browser.run("document.getElementById('answer').textContent"))["dataName"] == "customer"
