"""A part of the OpenAPI document: the operations of one service, with the schemas that they use and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

REFERENCE = "#/components/schemas/"


def part_of(document: Mapping[str, Any], prefix: str, title: str, description: str) -> dict[str, Any]:
    """The document of the paths below `prefix`; its `description` is what a reader needs for all of them."""
    paths = {path: methods for path, methods in document["paths"].items() if path == prefix or path.startswith(f"{prefix}/")}
    schemas, needed = document["components"]["schemas"], {}
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = schemas[name]
            waiting += _references(schemas[name])
    return {
        **document,
        "info": {**document["info"], "title": title, "description": description},
        "paths": paths,
        "components": {**document["components"], "schemas": dict(sorted(needed.items()))},
    }


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(REFERENCE)
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
