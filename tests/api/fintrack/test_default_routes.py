"""What every service has beside its APIs: pages, documents, a Postman collection, health; and calls from pages of other origins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from fintrack_clients import PATHS
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from api.app import create_app
from api.fintrack import FINTRACK

ORIGIN = "https://books.example"
ELSEWHERE = re.compile(r"""(src|href|url\(|@import)[\s="'(]*\w+://""")

_PAIR = {
    "type": "object",
    "required": ["key", "value"],
    "properties": {
        "key": {"type": "string", "minLength": 1},
        "value": {"type": "string"},
        "type": {"enum": ["string", "text"]},
        "description": {"type": "string"},
        "disabled": {"type": "boolean"},
    },
    "additionalProperties": False,
}
_FILE = {
    "type": "object",
    "required": ["key", "type", "src"],
    "properties": {"key": {"type": "string"}, "type": {"const": "file"}, "src": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}
COLLECTION = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["info", "item"],
    "properties": {
        "info": {
            "type": "object",
            "required": ["name", "schema"],
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "schema": {"const": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
            },
            "additionalProperties": False,
        },
        "auth": {"$ref": "#/$defs/auth"},
        "variable": {"type": "array", "items": _PAIR},
        "item": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/folder"}},
    },
    "additionalProperties": False,
    "$defs": {
        "auth": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": ["bearer", "noauth"]}, "bearer": {"type": "array", "items": _PAIR}},
            "additionalProperties": False,
        },
        "folder": {
            "type": "object",
            "required": ["name", "item"],
            "properties": {"name": {"type": "string"}, "item": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
            "additionalProperties": False,
        },
        "item": {
            "type": "object",
            "required": ["request"],
            "properties": {
                "name": {"type": "string"},
                "request": {"$ref": "#/$defs/request"},
                "response": {"type": "array", "items": {"$ref": "#/$defs/response"}},
                "event": {"type": "array", "items": {"$ref": "#/$defs/event"}},
            },
            "additionalProperties": False,
        },
        "event": {
            "type": "object",
            "required": ["listen", "script"],
            "properties": {
                "listen": {"enum": ["test", "prerequest"]},
                "script": {
                    "type": "object",
                    "properties": {"type": {"type": "string"}, "exec": {"type": "array", "items": {"type": "string"}}},
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        "response": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "originalRequest": {"$ref": "#/$defs/request"},
                "code": {"type": "integer"},
                "header": {"type": "array", "items": _PAIR},
                "body": {"type": "string"},
            },
            "additionalProperties": False,
        },
        "request": {
            "type": "object",
            "required": ["method", "url"],
            "properties": {
                "method": {"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]},
                "header": {"type": "array", "items": _PAIR},
                "url": {
                    "type": "object",
                    "required": ["raw", "host", "path"],
                    "properties": {
                        "raw": {"type": "string"},
                        "host": {"type": "array", "items": {"type": "string"}},
                        "path": {"type": "array", "items": {"type": "string", "minLength": 1}},
                        "query": {"type": "array", "items": _PAIR},
                        "variable": {"type": "array", "items": _PAIR},
                    },
                    "additionalProperties": False,
                },
                "body": {
                    "type": "object",
                    "required": ["mode"],
                    "properties": {
                        "mode": {"enum": ["raw", "formdata"]},
                        "raw": {"type": "string"},
                        "formdata": {"type": "array", "items": {"anyOf": [_PAIR, _FILE]}},
                        "options": {"type": "object"},
                    },
                    "additionalProperties": False,
                },
                "auth": {"$ref": "#/$defs/auth"},
                "description": {"type": "string"},
            },
            "additionalProperties": False,
        },
    },
}
"""What format 2.1 allows of the parts that are used here; nothing beside them."""


def items_of(collection: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for folder in collection["item"] for item in folder["item"]]


@pytest.mark.parametrize("prefix", FINTRACK.prefixes)
def test_every_service(client, prefix):
    for path in (prefix, f"{prefix}/"):
        page = client.get(path)
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
        assert f"{prefix}/swagger.json" in page.text
        assert not ELSEWHERE.search(page.text)
    swagger = client.get(f"{prefix}/swagger")
    assert swagger.headers["content-type"].startswith("text/html")
    assert not ELSEWHERE.search(swagger.text)
    document = client.get(f"{prefix}/swagger.json").json()
    assert ("Bucket" if prefix == "/bucket" else "mbx-business-codename") in document["info"]["description"]
    assert "RFC 9457" not in swagger.text, "errors are not as the native API's"
    whole = client.get("/schema/openapi.json").json()
    assert document["paths"] == {path: one for path, one in whole["paths"].items() if f"{path}/".startswith(f"{prefix}/")}
    used = set(re.findall(r"#/components/schemas/([\w.]+)", json.dumps(document)))
    assert used == set(document["components"]["schemas"]), "what is used, and nothing else"
    for path in ("health", "admin/health"):
        health = client.get(f"{prefix}/{path}")
        assert (health.status_code, health.json()["database"]) == (200, "up")
    icon = client.get(f"{prefix}/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"].partition(";")[0]) == (200, "image/svg+xml")
    if prefix != "/bucket":
        for path in ("currentuser", "permissions"):
            assert client.get(f"{prefix}/{path}").status_code == 401


@pytest.mark.parametrize("path", [*(f"{prefix}/getPostmanCollection" for prefix in FINTRACK.prefixes), "/schema/postman.json"])
def test_a_postman_collection(client, path):
    answer = client.get(path)
    collection = answer.json()
    jsonschema_rs.validate(COLLECTION, collection)
    assert {one["key"] for one in collection["variable"]} == {"baseUrl", "codename", "accessToken", "bucketToken"}
    assert collection["auth"]["bearer"][0]["value"] == "{{accessToken}}"
    prefix = "" if path.startswith("/schema") else path.rpartition("/")[0]
    document = client.get(f"{prefix}/swagger.json" if prefix else "/schema/openapi.json").json()
    items = items_of(collection)
    assert len(items) == sum(len(methods) for methods in document["paths"].values())
    for item in items:
        steps = item["request"]["url"]["path"]
        assert item["request"]["url"]["raw"] == "{{baseUrl}}/" + "/".join(steps)
        named = {one["key"] for one in item["request"]["url"].get("variable", [])}
        assert named == {step[1:] for step in steps if step.startswith(":")}
        if prefix:
            assert {"key": "mbx-business-codename", "value": "{{codename}}"}.items() <= item["request"]["header"][0].items()


def test_a_collection_works_as_it_is(client, owner):
    """Every example of a new object is one that is taken, once the variables are filled in."""
    collection = client.get("/customermanagement-api/getPostmanCollection").json()
    item = next(one for one in items_of(collection) if one["name"].startswith("createCustomer"))
    url = item["request"]["url"]["raw"].replace("{{baseUrl}}", "")
    headers = {one["key"]: one["value"] for one in item["request"]["header"] if not one.get("disabled")}
    headers = {name: value.replace("{{codename}}", owner.codename) for name, value in headers.items()}
    answer = client.post(url, content=item["request"]["body"]["raw"], headers={**headers, "Authorization": f"Bearer {owner.token}"})
    assert answer.status_code == 201
    log_in = next(one for one in items_of(client.get("/auth-api/getPostmanCollection").json()) if "/login" in one["name"])
    kept = log_in["event"][0]["script"]["exec"]
    assert ["'accessToken'" in kept[0], ".userBucketToken" in kept[1]] == [True, True]
    upload = next(one for one in items_of(client.get("/bucket/getPostmanCollection").json()) if "/upload" in one["name"])
    assert upload["request"]["auth"]["bearer"][0]["value"] == "{{bucketToken}}", "a bucket takes no access token"
    assert log_in["request"]["auth"] == {"type": "noauth"}


# Calls from pages of other origins -------------------------------------------------------------------


def page_of(api_settings: Any, *origins: str) -> Iterator[Any]:
    settings = msgspec.structs.replace(api_settings, cors_origins=origins)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def named(api_settings: Any) -> Iterator[Any]:
    """An application that one origin may call."""
    yield from page_of(api_settings, ORIGIN, "http://localhost:5173")


@pytest.fixture(scope="module")
def anybody(api_settings: Any) -> Iterator[Any]:
    """An application that any page may call."""
    yield from page_of(api_settings, "*")


SENT = "authorization,content-type,mbx-business-codename,fintrack-access-token,fintrack-access-token-babil,idempotency-key"


def preflight(client: Any, path: str, method: str, origin: str = ORIGIN) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": SENT}
    return client.options(path, headers=headers)


def test_a_preflight_of_every_route(named):
    routes = [route for route in named.app.routes if isinstance(route, HTTPRoute) and FINTRACK.speaks(route.path)]
    assert len(routes) > 100
    for route in routes:
        for method in route.methods - {"OPTIONS"}:
            path = re.sub(r"{\w+(:\w+)?}", "3fa85f64-5717-4562-b3fc-2c963f66afa6", route.path)
            answer = preflight(named, path, method)
            assert answer.status_code == 204, path
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert method in answer.headers["access-control-allow-methods"]
            allowed = {one.strip().lower() for one in answer.headers["access-control-allow-headers"].split(",")}
            assert set(SENT.split(",")) <= allowed


def test_answers_and_refusals_may_be_read_by_the_origins_that_are_named(named, owner):
    owner.client = named
    for path, status in ((PATHS["customer"], 200), (f"{PATHS['customer']}/x", 400), ("/customermanagement-api/nothing", 404)):
        answer = owner.call("GET", path, headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "fintrack-access-token" in answer.headers["access-control-expose-headers"]
    assert named.get(PATHS["customer"], headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == ORIGIN, "a 401 too"
    for other in ("https://evil.example", f"{ORIGIN}.evil.example", "null"):
        assert "access-control-allow-origin" not in owner.call("GET", PATHS["customer"], headers={"Origin": other}).headers
        assert preflight(named, PATHS["customer"], "POST", other).status_code == 400


def test_any_origin_means_no_cookies(anybody, owner):
    owner.client = anybody
    for answer in (
        owner.call("GET", PATHS["customer"], headers={"Origin": "https://anybody.example"}),
        preflight(anybody, PATHS["customer"], "POST", "https://anybody.example"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_without_origins_no_page_may_call(client, owner):
    answer = owner.call("GET", PATHS["customer"], headers={"Origin": ORIGIN})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
