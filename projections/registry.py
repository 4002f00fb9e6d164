"""Every projection there is, by name: those of Daftar, and those that analysts keep in a folder of their own, one file each.

Adding a read model to Daftar is adding its file and its line here. An analyst's is found by `discover`; a file that cannot be
used is a Problem, and never keeps the others from working.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from projections.analyst import AnalystProjection, FileProblem, load_file
from projections.balances import BalancesProjection
from projections.due import DueProjection
from projections.projection import Projection
from projections.records import RecordsProjection
from projections.search import SearchProjection
from projections.stock import StockProjection
from projections.tree import TreeProjection
from projections.vat import VatProjection

PROJECTIONS: Mapping[str, Projection] = MappingProxyType(
    {
        projection.name: projection
        for projection in (
            RecordsProjection(),
            BalancesProjection(),
            DueProjection(),
            SearchProjection(),
            StockProjection(),
            TreeProjection(),
            VatProjection(),
        )
    }
)
"""Daftar's own."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The projections of one deployment. `folder` is where the analysts' are, so that another process can find the same."""

    folder: Path | None = None
    projections: Mapping[str, Projection] = field(default_factory=lambda: PROJECTIONS)
    problems: tuple[FileProblem, ...] = ()

    @property
    def following(self) -> list[Projection]:
        """Those that followers keep."""
        return [projection for projection in self.projections.values() if not projection.inline]

    def file_of(self, name: str) -> Path | None:
        """The file of an analyst's projection; None for Daftar's own."""
        projection = self.projections.get(name)
        return projection.file if isinstance(projection, AnalystProjection) else None


BUILT_IN = Registry()
"""Daftar's own projections, and no others."""


def discover(folder: Path | None) -> Registry:
    """Daftar's projections and those of the Python files in the folder, by name of file. A folder that is missing is empty."""
    if folder is None or not folder.is_dir():
        return Registry(folder)
    found: dict[str, Projection] = dict(PROJECTIONS)
    problems: list[FileProblem] = []
    tables = {table.name: "Daftar" for projection in PROJECTIONS.values() for table in projection.tables}
    for file in sorted(folder.glob("*.py")):
        if file.name.startswith((".", "_")):
            continue
        try:
            for projection in load_file(file):
                _add(found, tables, projection)
        except FileProblem as problem:
            problems.append(problem)
    return Registry(folder, MappingProxyType(found), tuple(problems))


def _add(found: dict[str, Projection], tables: dict[str, str], projection: AnalystProjection) -> None:
    """Take a projection in, whole or not at all. Raises FileProblem where its name or a table's is taken."""
    if (other := found.get(projection.name)) is not None:
        whose = other.file.name if isinstance(other, AnalystProjection) else "Daftar"
        raise projection.problem(f"the name {projection.name!r} is taken by {whose}; choose another")
    for table in projection.tables:
        if table.name in tables:
            whose = tables[table.name]
            raise projection.problem(f"the table {table.name!r} is one of {whose}; choose another name for it")
    tables.update({table.name: projection.file.name for table in projection.tables})
    found[projection.name] = projection
