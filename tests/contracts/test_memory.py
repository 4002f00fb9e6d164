"""The contracts, on the store in memory."""

from __future__ import annotations

import pytest
from ledger_contract import LedgerContract
from store_contract import StoreContract

from infra.store.memory import MemoryStore


class TestStoreInMemory(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestLedgerInMemory(LedgerContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
