"""The OpenAPI document for people: one self-contained page that needs nothing from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "summary{cursor:pointer;padding:.35rem 0;border-bottom:1px solid #ddd}details>div{padding:.25rem 0 1rem 1.5rem}"
    "p{white-space:pre-line}table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
    "pre{background:#f5f5f5;padding:.75rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}"
)


def as_page(document: Mapping[str, Any], source: str = "/schema/openapi.json") -> bytes:
    """Every operation in one line that opens: its parameters, an example of its body and of its answer, its refusals."""
    title, text = _text(document["info"]["title"]), _text(document["info"]["description"])
    operations = (
        f"<details><summary><code>{method.upper()} {_text(path)}</code> {_text(operation['summary'])}</summary>"
        f"<div>{''.join(_parts(operation))}</div></details>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}: API</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{text}</p><p>Every kind with its fields: <a href='{source}'>openapi.json</a> "
        f"(OpenAPI 3.1)</p>{''.join(operations)}</html>"
    ).encode()


def _parts(operation: Mapping[str, Any]) -> Iterator[str]:
    if "description" in operation:
        yield f"<p>{_text(operation['description'])}</p>"
    if operation.get("parameters"):
        rows = (
            f"<tr><td><code>{_text(one['name'])}</code><td>{_text(one['in'])}<td>{_text(one.get('description', ''))}</tr>"
            for one in operation["parameters"]
        )
        yield f"<table>{''.join(rows)}</table>"
    yield from _example("Body", operation.get("requestBody", {}))
    for status, answer in operation["responses"].items():
        if status < "400":
            yield from _example(f"{status}: {answer['description']}", answer)
        else:
            yield f"<p>{status}: {_text(answer['description'])}</p>"


def _example(caption: str, described: Mapping[str, Any]) -> Iterator[str]:
    if described:
        yield f"<p>{_text(caption)}</p>"
    for media_type, content in described.get("content", {}).items():
        if "example" in content:
            example = json.dumps(content["example"], indent=2, ensure_ascii=False)
            yield f"<p><code>{_text(media_type)}</code></p><pre>{html.escape(example)}</pre>"


def _text(text: str) -> str:
    """A text as HTML; what stands between backticks is code."""
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))
