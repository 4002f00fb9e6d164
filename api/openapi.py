"""The OpenAPI 3.1 document, made from the endpoints themselves: their Structs are what requests are decoded with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.endpoint import JSON, Operation, Refusals
from api.http_errors import BodyTooLarge, InternalError, MediaTypeUnsupported
from domain import errors
from domain.catalogue import CATALOGUE
from domain.errors import LedgerError
from infra.exports import FORMATS as EXPORTS
from infra.imports import FORMATS as IMPORTS

TEMPLATE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")

ALWAYS: tuple[type[LedgerError], ...] = (errors.ServiceUnavailable, InternalError)
SECURED: tuple[type[LedgerError], ...] = (errors.NotAuthenticated, errors.TooManyRequests)
WITH_BODY: tuple[type[LedgerError], ...] = (BodyTooLarge, MediaTypeUnsupported)

MULTIPART = "multipart/form-data"

PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "kind": {"description": "A kind of record.", "schema": {"type": "string", "enum": sorted(CATALOGUE)}},
    "ref": {
        "description": "The record's id, or its number.",
        "schema": {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 1}]},
        "example": 1,
    },
    "entity_type": {"description": "A Mahak entity, by any of its names.", "schema": {"type": "string"}, "example": "Bank"},
    "entity_id": {"description": "The row's id.", "schema": {"type": "integer", "minimum": 1, "maximum": 2147483647}, "example": 1},
    "row_id": {"description": "The row's id.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
    "account": {"description": "An account's code, as `1200` or `6000:rent`.", "schema": {"type": "string"}, "example": "1200"},
    "party": {
        "description": "The party's id, or its number.",
        "schema": {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 1}]},
        "example": 1,
    },
    "shift": {
        "description": "The shift's id, or its number.",
        "schema": {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 1}]},
        "example": 1,
    },
    "seq": {"description": "The seq of an event.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
    "file_format": {"description": "The format of the file.", "schema": {"type": "string", "enum": sorted(IMPORTS)}},
    "number": {"description": "A dead letter's number.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
    "picture_id": {"description": "A picture's id.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
    "file_id": {"description": "The file's id.", "schema": {"type": "string", "format": "uuid"}, "example": str(UUID(int=0))},
    "format": {"description": "A format of exports.", "schema": {"type": "string", "enum": list(EXPORTS)}},
    "user_id": {"description": "The user's id.", "schema": {"type": "string", "format": "uuid"}},
    "business_id": {"description": "The business's id.", "schema": {"type": "string", "format": "uuid"}},
    "codename": {"description": "The codename of a business.", "schema": {"type": "string"}, "example": "babil"},
    "permission": {"description": "The name of a permission.", "schema": {"type": "string"}, "example": "orders.manage"},
    "action": {"description": "An action of the kind.", "schema": {"type": "string"}, "example": "resolve"},
    **{
        name: {
            "description": "The object's id.",
            "schema": {"type": "string", "format": "uuid"},
            "example": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
        }
        for name in (
            *("customerId", "supplierId", "productOrServiceId", "invoiceId", "invoiceItemId", "paymentId", "expenseId"),
            *("userId", "businessId"),
        )
    },
}


def build_document(handlers: Iterable[tuple[HTTPRouteHandler, Refusals]], version: str) -> dict[str, Any]:
    """The document of every handler that describes its operation, each with how its dialect refuses."""
    described = [(path, handler, handler.opt["operation"], refusals) for handler, refusals in handlers for path in handler.paths]
    types = [one for *_, operation, refusals in described for one in (refusals.body, *_types_of(operation))]
    schemas, components = msgspec.json.schema_components(types, ref_template=TEMPLATE)
    known = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, handler, operation, refusals in described:
        method = next(iter(handler.http_methods)).lower()
        made = _operation(path, method, operation, known, refusals)
        paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})[method] = made
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Daftar",
            "version": version,
            "description": (
                "A company's books are one append-only log. `seq` is its only version number: every cursor, ETag and as-of point"
                " is one. Errors are RFC 9457 problem documents whose `code` is stable."
            ),
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _types_of(operation: Operation) -> list[Any]:
    found: list[Any] = []
    for one in (*(answer.type for answer in operation.answers.values()), operation.body):
        if one is not None:
            found += one if isinstance(one, tuple) else [one]
    return found


def _schema_of(one: Any, known: Mapping[Any, Any]) -> Any:
    """The schema of a type; of a tuple of types, any of them."""
    return {"anyOf": [known[member] for member in one]} if isinstance(one, tuple) else known[one]


def _operation(path: str, method: str, operation: Operation, known: Mapping[Any, Any], form: Refusals) -> dict[str, Any]:
    made: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary, "tags": [operation.tag]}
    if operation.description:
        made["description"] = operation.description
    parameters = [{"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in _PARAMETER.findall(path)]
    parameters += _query_parameters(operation)
    parameters += [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    ]
    if parameters:
        made["parameters"] = parameters
    if operation.secured:
        made["security"] = [{"token": []}]
    if operation.body is not None:
        content = {"schema": _schema_of(operation.body, known)}
        if operation.body_example is not None:
            content["example"] = operation.body_example
        made["requestBody"] = {"required": operation.body_required, "content": {JSON: content}}
    if operation.body_media:
        file = {"schema": {"type": "string"}, "example": operation.body_example}
        made["requestBody"] = {"required": operation.body_required, "content": dict.fromkeys(operation.body_media, file)}
    if operation.form:
        fields = {"type": "object", "properties": operation.form}
        example = {name: one["example"] for name, one in operation.form.items() if "example" in one}
        body = made.setdefault("requestBody", {"required": True, "content": {}})
        body["content"][MULTIPART] = {"schema": fields, "example": example}
    made["responses"] = _responses(method, operation, known, form)
    return made


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    parameters: list[dict[str, Any]] = []
    _, components = msgspec.json.schema_components([operation.query], ref_template=TEMPLATE)
    query = components[operation.query.__name__]
    for name, schema in query.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": name in query.get("required", ()), "schema": _without_null(schema)}
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
        parameters.append(parameter)
    if operation.free_query:
        parameters.append(
            {
                "name": "filters",
                "in": "query",
                "required": False,
                "description": "Any field of the kind and the text it must equal; repeated, one of them.",
                "style": "form",
                "explode": True,
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                "example": {"type": "sales"},
            }
        )
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter: what is left out has no value, and there is no null in a query."""
    if "anyOf" not in schema:
        return schema
    kept = [one for one in schema["anyOf"] if one != {"type": "null"}]
    return dict(kept[0]) if len(kept) == 1 else {**schema, "anyOf": kept}


def _responses(method: str, operation: Operation, known: Mapping[Any, Any], form: Refusals) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in sorted(operation.answers.items()):
        response: dict[str, Any] = {"description": answer.description}
        content: dict[str, Any] = {}
        if answer.type is not None:
            content[JSON] = {"schema": _schema_of(answer.type, known)}
            if answer.example is not None:
                content[JSON]["example"] = answer.example
        for media_type in answer.also:
            content[media_type] = {"schema": {"type": "string"}}
        if content:
            response["content"] = content
        if answer.headers:
            response["headers"] = {
                name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()
            }
        responses[str(status)] = response
    refusals: list[type[LedgerError]] = [errors.MalformedRequest, errors.InvalidField, *operation.refusals, *ALWAYS]
    refusals += SECURED if operation.secured else ()
    refusals += WITH_BODY if operation.body is not None or operation.form or method != "get" else ()
    by_status: dict[int, list[type[LedgerError]]] = {}
    for error in dict.fromkeys(refusals):
        by_status.setdefault(form.status_of(error), []).append(error)
    for status, group in sorted(by_status.items()):
        if str(status) in responses:
            continue
        text = "\n".join(f"- `{error.code}`: {(error.__doc__ or '').strip()}" for error in group)
        responses[str(status)] = {
            "description": text,
            "content": {form.media_type: {"schema": _schema_of(form.body, known)}},
        }
    return responses
