"""How hard the properties are tried: the same examples every time, or with DAFTAR_SOAK=<factor> that many more, and new ones.

A failing simulation is made small (which takes minutes) only with DAFTAR_SOAK; DAFTAR_SOAK=1 does no more than that.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

SOAK = int(os.environ.get("DAFTAR_SOAK") or 0)

settings.register_profile(
    "proofs",
    deadline=None,
    derandomize=SOAK <= 1,
    phases=tuple(Phase) if SOAK else (Phase.explicit, Phase.generate),
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


def examples(number: int) -> int:
    """So many examples, or more where soaked."""
    return number * max(SOAK, 1)
