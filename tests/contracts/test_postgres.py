"""The contracts, on the store in Postgres."""

from __future__ import annotations

import pytest
from ledger_contract import LedgerContract
from store_contract import StoreContract

from infra.store.postgres import PostgresStore


class TestStoreInPostgres(StoreContract):
    @pytest.fixture
    def store(self, postgres_store: PostgresStore) -> PostgresStore:
        return postgres_store


class TestLedgerInPostgres(LedgerContract):
    @pytest.fixture
    def store(self, postgres_store: PostgresStore) -> PostgresStore:
        return postgres_store
