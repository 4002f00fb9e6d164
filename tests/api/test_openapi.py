"""The OpenAPI document says what the routes do; and whatever can be made from it, no request ends in a 500."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from litestar.routes import HTTPRoute
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from api.app import describe

from .conftest import Company, Server, register

EXAMPLES = 25


def document_of(client: Any) -> dict[str, Any]:
    answer = client.get("/schema/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_every_route_is_described_and_every_description_is_a_route(client: Any) -> None:
    document = document_of(client)
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routed = {
        (route.path_format, method)
        for route in client.app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS" and not route.path_format.startswith("/schema")
    }
    assert described == routed
    assert document["openapi"] == "3.1.0"


def test_every_operation_has_an_id_examples_and_typed_answers(client: Any) -> None:
    document = document_of(client)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        good = next(response for status, response in operation["responses"].items() if status.startswith("2"))
        assert good["content"], operation["operationId"]
        if "requestBody" in operation and operation["requestBody"]["required"]:
            assert all(content["example"] for content in operation["requestBody"]["content"].values()), operation["operationId"]
        for status, response in operation["responses"].items():
            if int(status) >= 400 and operation["operationId"] != "getHealth":
                is_json = operation["tags"][0].startswith(("Matrix", "Mahak", "FinTrack", "SAIMPEX"))
                refused = "application/json" if is_json else "application/problem+json"
                assert refused in response["content"], (operation["operationId"], status)


def test_the_page_needs_nothing_from_elsewhere(client: Any) -> None:
    page = client.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(src|href|url\(|@import)[\s="'(]*\w+://""", page.text)
    assert "/ledger/v1/commands" in page.text
    assert "&quot;commands&quot;: [" in page.text, "an example of a body"
    assert "<code>cursor_ahead</code>" in page.text, "refusals, by code"


def _documented() -> Any:
    """The document, made without a server: parametrizing happens before fixtures."""
    return schemathesis.openapi.from_dict(describe())


NOT_FUZZED = [
    *("streamEvents", "logOut", "logIn", "matrixLogOut", "matrixLogIn", "matrixRegister"),
    *("fintrackLogOut", "fintrackLogIn", "saimpexLogIn"),
    *("mahakSaveAllData", "mahakSaveAllDataV2"),
]
"""One never ends, some end the session that the others need, and some are slow on purpose. Batches of Mahak's, with a thousand
fields, take minutes to make: `mahak/test_described.py` makes some of them."""
WIDE = ["executeCommands", "createRecord", "updateRecord", "deleteRecord", "actOnRecord"]
"""Bodies of any of dozens of forms take long to make; `test_field_values` goes through them field by field."""

schemathesis.serializer.alias(["text/csv", "application/x-ofx"], "text/plain")

TWICE = (
    "^fintrack(Replace|FetchList|BffCount(?!Payments)|BffList(?!Invoices)|BffGet(?!Payment$)|.*ByPut$"
    "|(CurrentUser|Permissions?)(?!Auth$))|^saimpex(Get(Ledger|TrialBalance|Products)|.*By(Delete|Post))$"
)
"""PUT is PATCH there, `_fetchList…` is the list in another order, the BFF does the same for every object, who is logged in is the
same on every service; the till has some under two names or methods."""

narrow = _documented().exclude(operation_id=[*NOT_FUZZED, *WIDE]).exclude(operation_id_regex=TWICE)
wide = _documented().include(operation_id=WIDE)


def _settings(examples: int, *phases: Phase) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True, phases=phases, suppress_health_check=list(HealthCheck))


def _check(case: Any, company: Company, server: Server) -> None:
    if case.query and "wait" in case.query:
        case.query["wait"] = 0
    headers = {"Authorization": f"Bearer {company.token}", "mbx-business-codename": company.codename}
    response = case.call(base_url=server.url, headers=headers)
    case.validate_response(response, checks=(not_a_server_error, status_code_conformance, content_type_conformance))


@pytest.mark.filterwarnings("ignore")
@narrow.parametrize()
@_settings(25, Phase.explicit, Phase.generate)
def test_no_request_ends_in_a_500(case: Any, fuzzed: Company, server: Server) -> None:
    _check(case, fuzzed, server)


@pytest.mark.filterwarnings("ignore")
@wide.parametrize()
@_settings(5, Phase.generate)
def test_no_command_ends_in_a_500(case: Any, fuzzed: Company, server: Server) -> None:
    _check(case, fuzzed, server)


@pytest.fixture(scope="module")
def fuzzed(services: Any, client: Any, following: None) -> Company:
    """A company whose books may become strange; a worker follows them, so that reports need not wait."""
    return register(services, client)
