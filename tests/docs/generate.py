"""The tables of the docs that come from the code. `python tests/docs/generate.py` writes them anew; a test compares them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import domain.errors  # noqa: E402
from api import http_errors  # noqa: E402
from api.native.errors import status_of  # noqa: E402
from domain.catalogue import KINDS  # noqa: E402
from domain.errors import LedgerError  # noqa: E402
from infra.settings import variables  # noqa: E402

PLACE = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def errors() -> Iterator[str]:
    """Every error in order of precedence, with its HTTP status."""
    yield "| code | HTTP | meaning |"
    yield "| --- | --- | --- |"
    for module in (domain.errors, http_errors):
        for error in vars(module).values():
            if not (isinstance(error, type) and issubclass(error, LedgerError)) or error is LedgerError:
                continue
            if error.__module__ == module.__name__:
                yield f"| `{error.code}` | {status_of(error)} | {(error.__doc__ or '').strip()} |"


def settings() -> Iterator[str]:
    """Every setting."""
    yield "| variable | default | meaning |"
    yield "| --- | --- | --- |"
    for name, (default, description) in variables().items():
        yield f"| `{name}` | {f'`{default}`' if default else ''} | {description} |"


def kinds() -> Iterator[str]:
    """Every kind, its actions and its policy."""
    yield "| kind | commands | in a conflict | unique |"
    yield "| --- | --- | --- | --- |"
    for kind in KINDS:
        actions = [*(("create", "update", "delete") if kind.writable else ()), *kind.actions]
        names = ", ".join(f"`{action}`" for action in actions)
        unique = ", ".join(f"`{unique.name}`" for unique in kind.unique)
        yield f"| `{kind.name}` | {names} | `{kind.policy.value}` | {unique} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {"errors": errors, "settings": settings, "kinds": kinds}


def generated(text: str) -> str:
    """`text` with every generated table as the code has it now."""
    return PLACE.sub(lambda match: "\n".join((f"<!-- generated: {match[1]} -->", *TABLES[match[1]](), "<!-- end -->")), text)


def pages() -> list[Path]:
    """Every page of the docs that holds a generated table."""
    return [page for page in sorted((ROOT / "docs").glob("*.md")) if PLACE.search(page.read_text("utf-8"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(generated(page.read_text("utf-8")), "utf-8")
