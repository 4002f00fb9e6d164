"""The fixtures of the proofs, for this folder."""

from fixtures import company, ledger, postgres_store, store, urls

__all__ = ["company", "ledger", "postgres_store", "store", "urls"]
