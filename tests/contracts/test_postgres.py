"""The contracts, on the store in Postgres."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from checking import Watch
from erasure_contract import ErasureContract
from fixtures import Urls, dump
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


class PeekIntoPostgres:
    def __init__(self, urls: Urls, watch: Watch) -> None:
        self.urls = urls
        self.watch = watch

    def everything(self, company: UUID) -> str:
        return dump(self.urls.owner, company)

    def unseal(self, company: UUID) -> None:
        self.watch.ignore(company)
        with psycopg.connect(self.urls.owner, autocommit=True) as owner:
            owner.execute("UPDATE daftar.events SET sealed = NULL, person_id = NULL WHERE company_id = %s", (company,))
            owner.execute("DELETE FROM daftar.person_keys WHERE company_id = %s", (company,))


class TestErasureInPostgres(ErasureContract):
    @pytest.fixture
    def store(self, postgres_store: PostgresStore) -> PostgresStore:
        return postgres_store

    @pytest.fixture
    def peek(self, urls: Urls, watch: Watch) -> PeekIntoPostgres:
        return PeekIntoPostgres(urls, watch)
