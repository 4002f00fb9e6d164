"""The fixtures of the proofs, for this folder."""

from fixtures import books_hold_in_the_end, company, ledger, postgres_store, store, urls, watch

__all__ = ["books_hold_in_the_end", "company", "ledger", "postgres_store", "store", "urls", "watch"]
