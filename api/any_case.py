"""Paths without regard to case, for the dialects whose clients write them as they like."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from api.http_errors import Dialect


def any_case(application: ASGIApp, dialects: Sequence[Dialect]) -> ASGIApp:
    """The application; a path of these dialects is rewritten as its route is, but for what stands in the place of a parameter."""
    prefixes = tuple(prefix for dialect in dialects for prefix in dialect.prefixes)
    paths = [path for dialect in dialects for handler in dialect.handlers for path in _paths(handler)]
    whole = {path.casefold(): path for path in paths if "{" not in path}
    templates = sorted({tuple(path.split("/")) for path in paths if "{" in path})

    def written(path: str) -> str:
        folded = path.casefold()
        if not folded.startswith(prefixes):
            return path
        found = whole.get(folded.rstrip("/"))
        if found is not None:
            return found
        parts = path.rstrip("/").split("/")
        return next((found for template in templates if (found := _as(template, parts)) is not None), path)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            path = written(scope["path"])
            if path != scope["path"]:
                scope["path"] = path
                scope["raw_path"] = path.encode()
        await application(scope, receive, send)

    return handle


def _as(template: Sequence[str], parts: Sequence[str]) -> str | None:
    """The path as the template has it; None where it is no such path."""
    if len(template) != len(parts):
        return None
    if any(own.casefold() != part.casefold() for own, part in zip(template, parts, strict=True) if not own.startswith("{")):
        return None
    return "/".join(part if own.startswith("{") else own for own, part in zip(template, parts, strict=True))


def _paths(handler: object) -> list[str]:
    return sorted(handler.paths) if isinstance(handler, HTTPRouteHandler) else []
