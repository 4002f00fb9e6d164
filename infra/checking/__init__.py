"""Checking that everything that must hold of a company's books does: invariants, one small function each, in one table."""

from infra.checking.checks import CHECKS, NAMES, Finding
from infra.checking.running import Checked, run_checks

__all__ = ["CHECKS", "NAMES", "Checked", "Finding", "run_checks"]
