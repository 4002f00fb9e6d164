"""The fixtures of the proofs, for this folder, and how hard its properties are tried."""

import effort  # noqa: F401
from fixtures import company, ledger, postgres_store, store, urls
from hypothesis import settings

settings.load_profile("proofs")

__all__ = ["company", "ledger", "postgres_store", "store", "urls"]
