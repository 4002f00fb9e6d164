"""Running every check of `daftar check` over a test's database, after whatever the test did to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.checking import NAMES, run_checks
from infra.followers.building import connect
from infra.followers.follower import ProjectionFollower, add_positions, advance_or_park
from infra.verification.log import companies_of
from projections.registry import BUILT_IN, Registry


def catch_up(owner_url: str, companies: Sequence[UUID], registry: Registry = BUILT_IN) -> None:
    """Bring every following projection of these companies to the head, as a worker does."""
    with connect(owner_url) as connection:
        for projection in registry.following:
            follower = ProjectionFollower(projection)
            add_positions(connection, follower.name, companies)
            for company_id in companies:
                while (advanced := advance_or_park(connection, follower, company_id)) is not None and advanced.behind:
                    pass


def findings(owner_url: str, companies: Sequence[UUID] | None = None, only: Sequence[str] = NAMES) -> list[str]:
    """What the checks find, as lines of text."""
    with connect(owner_url) as connection:
        known = companies_of(connection)
    chosen = {key: name for key, name in known.items() if companies is None or key in companies}
    found = run_checks(owner_url, chosen, only=only, processes=0).findings
    return [f"{one.check}: {known.get(one.company_id)}: {one.where}: {one.expected} <> {one.found}" for one in found]


def check_books(owner_url: str, companies: Sequence[UUID] | None = None) -> None:
    """Assert that everything holds of the books of all companies, or of these, once the followers have caught up."""
    with connect(owner_url) as connection:
        chosen = list(companies_of(connection)) if companies is None else list(companies)
    catch_up(owner_url, chosen)
    found = findings(owner_url, chosen)
    assert not found, "\n".join(found[:20])


class Watch:
    """Checks the books of one database again and again: each time those companies that were written to since."""

    def __init__(self, owner_url: str) -> None:
        self.owner_url = owner_url
        self._seen: dict[UUID, int] = {}
        self._ignored: set[UUID] = set()

    def ignore(self, company_id: UUID) -> None:
        """Do not look at a company: the test has tampered with it."""
        self._ignored.add(company_id)

    def begin(self) -> None:
        """Look only at what is written from now on."""
        self._seen = self._heads()

    def _heads(self) -> dict[UUID, int]:
        with connect(self.owner_url) as connection:
            return dict(connection.execute("SELECT company_id, seq FROM heads").fetchall())

    def check(self) -> None:
        """Assert that everything holds of the companies that have events since the last time."""
        heads = self._heads()
        moved = [
            company_id for company_id, seq in heads.items() if self._seen.get(company_id) != seq and company_id not in self._ignored
        ]
        self._seen = heads
        if moved:
            check_books(self.owner_url, moved)
