"""Imports: files of other programs as commands of the ledger, all of a file or nothing, and nothing twice.

A format's module makes a plan of a file: one command per record, with the line it came from, and every problem it found. The
runner compares the plan with the books, decides it as a dry run, and executes it. The command line and HTTP call `run_import`.
"""

from __future__ import annotations

from infra.imports.model import FileOptions, Options, Problem, Report
from infra.imports.registry import FORMATS, run_import

__all__ = ["FORMATS", "FileOptions", "Options", "Problem", "Report", "run_import"]
