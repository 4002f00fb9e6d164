"""The contracts, on the store in memory."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest
from erasure_contract import ErasureContract
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


class PeekIntoMemory:
    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def everything(self, company: UUID) -> str:
        kept = self.store._companies[company]
        library = kept.log.select_notifications(1, 10**6)
        return repr([getattr(kept, name) for name in kept.__slots__ if name != "log"] + [kept.log.rows, library])

    def unseal(self, company: UUID) -> None:
        kept = self.store._companies[company]
        kept.log.rows[:] = [msgspec.structs.replace(row, sealed=b"", person_id=None) for row in kept.log.rows]
        kept.keys.clear()


class TestErasureInMemory(ErasureContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def peek(self, store: MemoryStore) -> PeekIntoMemory:
        return PeekIntoMemory(store)
