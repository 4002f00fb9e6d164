"""The demo: two companies with a published password, and the books of a real shop to fill one with."""

from infra.companies.bootstrap import BUSINESS
from infra.demo.chinook import Chinook, LoadReport, TotalsDiffer, load_chinook, read_chinook, require_currency
from infra.demo.companies import DemoInfo, ensure_business, ensure_demo

__all__ = [
    "BUSINESS",
    "Chinook",
    "DemoInfo",
    "LoadReport",
    "TotalsDiffer",
    "ensure_business",
    "ensure_demo",
    "load_chinook",
    "read_chinook",
    "require_currency",
]
