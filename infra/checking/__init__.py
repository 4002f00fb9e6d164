"""Checking that everything that must hold of a company's books does: invariants, one small function each, in one table."""

from infra.checking.checks import CHECKS, Finding
from infra.checking.running import NAMES, Checked, run_checks, what_holds

__all__ = ["CHECKS", "NAMES", "Checked", "Finding", "run_checks", "what_holds"]
