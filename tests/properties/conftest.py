"""The fixtures of the proofs, for this folder, and how hard its properties are tried."""

from collections.abc import Iterator
from typing import Any

import effort  # noqa: F401
import pytest
from fixtures import Urls, books_hold, company, ledger, postgres_store, store, urls, watch
from hypothesis import settings
from litestar.testing import TestClient

from api.app import create_app
from infra.settings import Settings, new_secret_key

settings.load_profile("proofs")

__all__ = ["books_hold", "company", "ledger", "postgres_store", "store", "urls", "watch"]


@pytest.fixture(scope="module")
def application(urls: Urls, nats_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    """The application over the database of the proofs, without limits."""
    made = Settings(
        database_url=urls.owner,
        api_database_url=urls.api,
        nats_url=nats_url,
        secret_key=new_secret_key(),
        data_dir=tmp_path_factory.mktemp("data"),
        api_processes=1,
        pool_size=4,
        log_level="error",
        rate_limit_per_minute=0,
        rate_limit_syncs_per_minute=0,
    )
    with TestClient(create_app(made), raise_server_exceptions=True) as client:
        yield client
