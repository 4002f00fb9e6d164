"""The application over a real database: in this process for most tests, as a server of its own where HTTP itself matters."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from checking import Watch
from cloning import clone
from litestar import Litestar
from litestar.testing import TestClient

from api.app import create_app
from domain.command import Command
from infra.composition import Services
from infra.database import Database
from infra.embedded import EmbeddedPostgres
from infra.embedded.postgres import API_ROLE
from infra.followers.hints import Hints
from infra.followers.runner import Runner
from infra.ids import new_id
from infra.processes.worker import projection_followers
from infra.roles import WORKER_ROLE, role_url
from infra.settings import Settings, new_secret_key

PASSWORD = "correct horse battery"
SERVER_SECONDS_MAX = 30.0
ROOT = Path(__file__).parents[2]


class Company(msgspec.Struct):
    """A company with one owner who is logged in, and the client that speaks for him."""

    id: UUID
    codename: str
    email: str
    user_id: UUID
    client: Any
    token: str = ""
    refresh_token: str = ""

    def login(self, **more: Any) -> httpx.Response:
        """Log in with the owner's e-mail and password."""
        return self.client.post(
            "/ledger/v1/login", json={"company": self.codename, "email": self.email, "password": PASSWORD, **more}
        )

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request with the owner's token."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return self.client.request(method, f"/ledger/v1{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", path, **more)

    def execute(self, *commands: dict[str, Any], **more: Any) -> httpx.Response:
        """POST /commands."""
        options = {key: more.pop(key) for key in ("atomic", "dry_run") if key in more}
        return self.call("POST", "/commands", json={"commands": list(commands), **options}, **more)

    def create(self, kind: str, **data: Any) -> dict[str, Any]:
        """Create a record and return what became of it."""
        answer = self.call("POST", f"/records/{kind}", json={"data": data})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def head(self) -> int:
        """Where the log ends."""
        return self.get("/head").json()["seq"]


def register(services: Services, client: Any, *, role: str = "tenantOwner") -> Company:
    """A new company, registered past HTTP, and its owner logged in."""
    codename = f"c-{uuid4().hex[:12]}"
    user_id, email = new_id(), f"owner@{codename}.example"
    company_id, _, _ = services.ledger.register_company(
        [
            Command(kind="company", action="create", data={"name": "A company", "codename": codename}),
            Command(kind="user", action="create", id=user_id, data={"name": "Owner", "email": email, "role": role}),
        ],
        credentials=[services.passwords.credential(user_id, PASSWORD)],
    )
    company = Company(company_id, codename, email, user_id, client)
    granted = company.login()
    assert granted.status_code == 200, granted.text
    company.token, company.refresh_token = granted.json()["access_token"], granted.json()["refresh_token"]
    return company


@pytest.fixture(scope="session")
def api_settings(postgres: EmbeddedPostgres, template: str, nats_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a database that the tests of this folder share, each with a company of its own."""
    name = clone(postgres, template, "api")
    return Settings(
        database_url=postgres.url(database=name),
        api_database_url=postgres.url(API_ROLE, name),
        nats_url=nats_url,
        secret_key=new_secret_key(),
        data_dir=tmp_path_factory.mktemp("data"),
        api_processes=1,
        pool_size=8,
        log_level="error",
        rate_limit_per_minute=0,
        rate_limit_logins_per_minute=0,
        rate_limit_syncs_per_minute=0,
        max_body_bytes=2_000_000,
    )


@pytest.fixture(autouse=True, scope="module")
def books_hold_in_the_end(api_settings: Settings, watch: Watch) -> Iterator[None]:
    """After each module: everything holds of the books that its tests wrote."""
    watch.begin()
    yield
    watch.check()


@pytest.fixture(scope="session")
def watch(api_settings: Settings) -> Watch:
    """Checks the books of that database."""
    return Watch(api_settings.database_url)


@pytest.fixture(scope="session")
def application(api_settings: Settings) -> Litestar:
    """The application."""
    return create_app(api_settings)


@pytest.fixture(scope="session")
def client(application: Litestar) -> Iterator[TestClient[Litestar]]:
    """A client of the application in this process."""
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def services(application: Litestar, client: TestClient[Litestar]) -> Services:
    """The parts of the running application."""
    return application.state.services


@pytest.fixture
def company(services: Services, client: TestClient[Litestar]) -> Company:
    """A company of this test alone."""
    return register(services, client)


@pytest.fixture
def member(company: Company) -> Callable[[str], Company]:
    """Makes a user of a role in the test's company, logged in."""

    def make(role: str) -> Company:
        email = f"{role.lower()}-{uuid4().hex[:6]}@example.com"
        made = company.execute({"type": "user.create", "data": {"name": role, "email": email, "role": role, "password": PASSWORD}})
        assert made.status_code == 200, made.text
        user = Company(company.id, company.codename, email, UUID(made.json()["results"][0]["id"]), company.client)
        granted = user.login().json()
        user.token, user.refresh_token = granted["access_token"], granted["refresh_token"]
        return user

    return make


@pytest.fixture(scope="session")
def following(api_settings: Settings, client: TestClient[Litestar]) -> Iterator[None]:
    """A worker follows the logs of the companies of this folder, for as long as the tests last."""
    url = role_url(api_settings.database_url, api_settings.secret_key, WORKER_ROLE)
    database, hints, stop = Database(url, size=2).open(), Hints(), threading.Event()
    runner = Runner(database, projection_followers(), hints=hints, sweep_seconds=0.05)
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    hints.wake()
    thread.join(10)
    database.close()


# A server of its own ------------------------------------------------------------------------------


class Server:
    """`daftar api` as a process."""

    def __init__(self, settings: Settings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DAFTAR_")}
        environment |= msgspec.structs.replace(settings, port=self.port).environment()
        run = "from infra.cli.processes import api; api([])"
        self.process = subprocess.Popen([sys.executable, "-c", run], env=environment, cwd=ROOT)
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + SERVER_SECONDS_MAX
        while True:
            assert self.process.poll() is None, "the server ended at its start"
            try:
                if httpx.get(f"{self.url}/health/live", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    def stop(self) -> float:
        """Ask it to stop; returns how many seconds that took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - begin

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.stop()


@pytest.fixture(scope="session")
def server(api_settings: Settings, client: TestClient[Litestar]) -> Iterator[Server]:
    """A server on the same database as the application in this process: the two are two processes of one deployment."""
    server = Server(api_settings)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def serve(client: TestClient[Litestar]) -> Iterator[Callable[[Settings], Server]]:
    """Starts servers with settings of their own."""
    servers: list[Server] = []

    def start(settings: Settings) -> Server:
        servers.append(Server(settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def served(server: Server, company: Company) -> Iterator[Company]:
    """The test's company, spoken for over real HTTP."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield msgspec.structs.replace(company, client=client)
