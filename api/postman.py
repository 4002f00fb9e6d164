"""A Postman collection (format 2.1) made from the OpenAPI document: what a tester imports, fills in, and calls.

Variables are filled in once: `baseUrl`, `codename` (the business, sent as `mbx-business-codename`) and the tokens, which logging in
sets by itself: `accessToken`, and `bucketToken` for the caller's own bucket. Optional parameters are there, switched off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
CODENAME = "mbx-business-codename"
_PARAMETER = re.compile(r"{(\w+)}")
_LOG_INS = {"accessToken": ("/auth-api/login",), "access_token": ("/ledger/v1/login",), "token": ("/api/auth/login",)}
"""Which field of whose answer is the token."""
_BUCKET = "/bucket/"
"""Routes that take the token of a bucket instead."""
_KEEP = "if (pm.response.code === 200) pm.collectionVariables.set('{variable}', pm.response.json().{field});"


def collection_of(document: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """The collection of a document: a folder per tag, in it a request per operation."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            folders.setdefault(operation["tags"][0], []).append(_item(path, method, operation))
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["description"], "schema": SCHEMA},
        "auth": _bearer("accessToken"),
        "variable": [
            {"key": "baseUrl", "value": base_url, "type": "string"},
            {"key": "codename", "value": "babil", "type": "string"},
            {"key": "accessToken", "value": "", "type": "string"},
            {"key": "bucketToken", "value": "", "type": "string"},
        ],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    request = _request(path, method, operation)
    item: dict[str, Any] = {"name": f"{operation['summary']} ({method.upper()} {path})", "request": request, "response": []}
    for status, answer in operation["responses"].items():
        for content in answer.get("content", {}).values():
            if status < "300" and "example" in content:
                item["response"].append(
                    {
                        "name": answer["description"],
                        "originalRequest": request,
                        "code": int(status),
                        "header": [{"key": "Content-Type", "value": "application/json"}],
                        "body": _text(content["example"]),
                    }
                )
    for field, paths in _LOG_INS.items():
        if path in paths:
            kept = {"accessToken": field, **({"bucketToken": "userBucketToken"} if path.startswith("/auth-api/") else {})}
            scripts = [_KEEP.format(variable=variable, field=name) for variable, name in kept.items()]
            item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": scripts}}]
    return item


def _bearer(variable: str) -> dict[str, Any]:
    return {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{variable}}}}}", "type": "string"}]}


def _request(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    headers = [_parameter(one) for one in parameters if one["in"] == "header" and one["name"] != CODENAME]
    if operation["tags"][0].startswith("FinTrack"):
        headers.insert(0, {"key": CODENAME, "value": "{{codename}}", "type": "text", "description": "The business's codename."})
    request: dict[str, Any] = {"method": method.upper(), "header": headers, "url": _url(path, parameters)}
    if operation.get("description"):
        request["description"] = operation["description"]
    if not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    elif path.startswith(_BUCKET):
        request["auth"] = _bearer("bucketToken")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if media_type == "multipart/form-data":
            request["body"] = {"mode": "formdata", "formdata": _form(content)}
        else:
            headers.append({"key": "Content-Type", "value": media_type, "type": "text"})
            example = content.get("example", "")
            language = "json" if media_type.endswith("json") else "text"
            body = example if isinstance(example, str) and language == "text" else _text(example)
            request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": language}}}
        break
    return request


def _url(path: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    steps = _PARAMETER.sub(r":\1", path).strip("/").split("/")
    url: dict[str, Any] = {
        "raw": "{{baseUrl}}/" + "/".join(steps),
        "host": ["{{baseUrl}}"],
        "path": [one for one in steps if one],
    }
    if query := [_parameter(one) for one in parameters if one["in"] == "query" and one.get("style") != "form"]:
        url["query"] = [{key: value for key, value in one.items() if key != "type"} for one in query]
    if variables := [one for one in parameters if one["in"] == "path"]:
        url["variable"] = [
            {"key": one["name"], "value": _value(one), "description": one.get("description", "")} for one in variables
        ]
    return url


def _parameter(one: Mapping[str, Any]) -> dict[str, Any]:
    made = {"key": one["name"], "value": _value(one), "type": "text", "description": one.get("description", "")}
    return made if one["required"] else {**made, "disabled": True}


def _value(one: Mapping[str, Any]) -> str:
    found = one.get("example", one.get("schema", {}).get("default", ""))
    return found if isinstance(found, str) else json.dumps(found)


def _form(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    for name, one in content["schema"]["properties"].items():
        if "binary" in (one.get("format"), one.get("items", {}).get("format")):
            fields.append({"key": name, "type": "file", "src": []})
        else:
            fields.append({"key": name, "type": "text", "value": str(one.get("example", ""))})
    return fields


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
