"""The tables of the docs are those of the code: run `python tests/docs/generate.py` after a change."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import domain.errors
from domain.errors import LedgerError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", Path(__file__).with_name("generate.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_tables_are_up_to_date(generate: ModuleType) -> None:
    pages = generate.pages()
    assert {page.name for page in pages} == {"concepts.md", "errors.md", "operations.md"}
    for page in pages:
        text = page.read_text("utf-8")
        assert generate.generated(text) == text, f"docs/{page.name}: run python tests/docs/generate.py"


def test_every_error_code_is_documented_once() -> None:
    documented = re.findall(r"^\| `(\w+)` \| \d{3} \|", (ROOT / "docs" / "errors.md").read_text("utf-8"), re.MULTILINE)
    codes = [error.code for error in _subclasses(LedgerError) if error.__module__ == domain.errors.__name__]
    assert len(documented) == len(set(documented))
    assert set(codes) <= set(documented)


def _subclasses(error: type[LedgerError]) -> list[type[LedgerError]]:
    return [found for child in error.__subclasses__() for found in (child, *_subclasses(child))]
