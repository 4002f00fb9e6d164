"""Every projection there is, by name. Adding a read model is adding its file and its line here."""

from __future__ import annotations

from collections.abc import Mapping

from projections.balances import BalancesProjection
from projections.due import DueProjection
from projections.projection import Projection
from projections.records import RecordsProjection
from projections.tree import TreeProjection

PROJECTIONS: Mapping[str, Projection] = {
    projection.name: projection
    for projection in (
        RecordsProjection(),
        BalancesProjection(),
        DueProjection(),
        TreeProjection(),
    )
}
