"""The fixtures of the proofs, for this folder, and how hard its properties are tried."""

import effort  # noqa: F401
from fixtures import books_hold, company, ledger, postgres_store, store, urls, watch
from hypothesis import settings

settings.load_profile("proofs")

__all__ = ["books_hold", "company", "ledger", "postgres_store", "store", "urls", "watch"]
