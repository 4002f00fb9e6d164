"""The embedded servers: what was committed is there after any way of ending them, and no process is left."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import nats
import psutil
import psycopg
import pytest

from infra.embedded import DataDir, EmbeddedNats, EmbeddedPostgres, Running, servers
from infra.embedded import postgres as postgres_module
from infra.embedded.data_dir import DataDirBusy, DataDirError
from infra.embedded.process import ServerError, spawn, wait_until
from infra.settings import load

RUN_SERVERS = Path(__file__).with_name("run_servers.py")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of the test's own; nothing may run on it when the test ends."""
    path = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    yield path
    left = wait_until(lambda: not processes_of(path), 10)
    assert left, f"left behind: {processes_of(path)}"
    shutil.rmtree(path)


def processes_of(folder: Path) -> list[psutil.Process]:
    """The living processes that name `folder`, or that belong to its PostgreSQL, in their command line."""
    postgres = EmbeddedPostgres(DataDir(folder))
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if (str(folder) in command or postgres._tag in command) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


class Run:
    """A `run_servers.py` that runs."""

    def __init__(self, folder: Path, *options: str, user: int | None = None) -> None:
        self.child = subprocess.Popen(
            [sys.executable, RUN_SERVERS, folder, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            group=user and pwd.getpwuid(user).pw_gid,
            extra_groups=[] if user else None,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise AssertionError(self.child.communicate(timeout=30)[1])
        self.says: dict[str, Any] = json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.terminate()
        self.child.communicate(timeout=60)


def write(url: str, text: str) -> None:
    """Commit one row."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def read(url: str) -> list[str]:
    """Every committed row."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY text")]


def test_a_second_start_finds_the_data_and_a_stop_leaves_nothing(folder: Path) -> None:
    with servers(load({}, data_dir=folder)) as first:
        write(first.database_url, "kept")
        assert processes_of(folder)
    assert not processes_of(folder)
    with servers(load({}, data_dir=folder)) as second:
        assert read(second.database_url) == ["kept"]
        assert second == first, "addresses and the key survive a restart"


def test_the_api_role_is_bound_by_row_level_security(folder: Path) -> None:
    with (
        servers(load({}, data_dir=folder), nats=False) as settings,
        psycopg.connect(settings.api_database_url) as connection,
    ):
        rights = "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(rights).fetchone() == ("daftar_api", False, False, False)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_message_is_kept_by_jetstream(folder: Path) -> None:
    async def publish(url: str) -> None:
        connection = await nats.connect(url)
        stream = connection.jetstream()
        await stream.add_stream(name="notes", subjects=["notes"])
        await stream.publish("notes", b"kept")
        await connection.close()

    async def fetch(url: str) -> bytes | None:
        connection = await nats.connect(url)
        message = await connection.jetstream().get_msg("notes", 1)
        await connection.close()
        return message.data

    with servers(load({}, data_dir=folder)) as settings:
        asyncio.run(publish(settings.nats_url))
    with servers(load({}, data_dir=folder)) as settings:
        assert asyncio.run(fetch(settings.nats_url)) == b"kept"


def test_nats_wants_its_token(folder: Path) -> None:
    with (
        servers(load({}, data_dir=folder)) as settings,
        socket.create_connection(("127.0.0.1", int(settings.nats_url.rpartition(":")[2])), timeout=5) as connection,
    ):
        connection.sendall(b'CONNECT {"verbose": false}\r\nPING\r\n')
        said = b""
        while part := connection.recv(4096):
            said += part
        assert b"-ERR 'Authorization Violation'" in said


@pytest.mark.parametrize(
    ("killed", "options"),
    [
        (["server"], []),
        (["postgres"], []),
        (["server", "postgres", "nats-server"], []),
        (["server"], ["--outlive"]),
        (["server", "postgres"], ["--outlive"]),
    ],
    ids=["server", "postgres", "all", "server, others outlive it", "server and postgres, the backends outlive them"],
)
def test_nothing_is_lost_by_kill_9(folder: Path, killed: list[str], options: list[str]) -> None:
    with Run(folder, *options) as run:
        write(run.says["url"], "kept")
        busy = psycopg.connect(run.says["url"])  # its backend is in a transaction when the kill comes
        busy.execute("INSERT INTO note VALUES ('rolled back')")
        for name in killed:
            os.kill(run.child.pid if name == "server" else run.says[name], signal.SIGKILL)
        if killed == ["postgres"]:
            run.child.terminate()
        run.child.wait(30)
        with Run(folder) as again:
            assert read(again.says["url"]) == ["kept"]
        busy.close()


def test_a_killed_postgres_that_nobody_has_reaped_is_dead(folder: Path) -> None:
    data_dir = DataDir(folder)
    data_dir.hold()
    first = EmbeddedPostgres(data_dir)
    first.start()
    write(first.url(), "kept")
    assert first.pid is not None
    zombie = psutil.Process(first.pid)
    zombie.kill()
    assert wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE, 10)
    assert (first.directory / "postmaster.pid").exists()
    second = EmbeddedPostgres(data_dir)
    second.start()
    try:
        assert zombie.status() == psutil.STATUS_ZOMBIE, "nobody reaped it meanwhile"
        assert read(second.url()) == ["kept"]
    finally:
        second.stop()
        first.stop()
        data_dir.release()


def test_a_stale_pid_file_does_not_stop_the_start_nor_harm_whose_pid_it_names(folder: Path) -> None:
    with servers(load({}, data_dir=folder), nats=False) as settings:
        write(settings.database_url, "kept")
        pid_file = (folder / "postgres" / "postmaster.pid").read_text()
    bystander = spawn(["sleep", "60"], account=DataDir(folder).account)
    try:
        (folder / "postgres" / "postmaster.pid").write_text(pid_file.replace(pid_file.split()[0], str(bystander.pid), 1))
        with servers(load({}, data_dir=folder), nats=False) as settings:
            assert read(settings.database_url) == ["kept"]
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_second_holder_is_told_who_has_the_folder(folder: Path) -> None:
    with Run(folder) as run, pytest.raises(DataDirBusy, match=rf"already runs on .* \(process {run.child.pid}\)"):
        DataDir(folder).hold()


def test_a_command_uses_the_servers_that_run(folder: Path) -> None:
    data_dir = DataDir(folder)
    data_dir.hold()
    said = Running(pid=os.getpid(), database_url="postgresql://a", api_database_url="postgresql://b", nats_url="nats://c")
    data_dir.announce(said)
    with servers(load({}, data_dir=folder)) as settings:
        assert (settings.database_url, settings.api_database_url, settings.nats_url) == (
            "postgresql://a",
            "postgresql://b",
            "nats://c",
        )
        assert settings.secret_key == data_dir.secret_key()
    data_dir.release()
    assert data_dir.announced() is None


def test_the_key_is_private_and_made_once(folder: Path) -> None:
    data_dir = DataDir(folder)
    key = data_dir.secret_key()
    assert len(key) >= 32
    assert DataDir(folder).secret_key() == key
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_long_path_gets_a_short_private_socket_folder(folder: Path) -> None:
    deep = folder / ("d" * 100)
    with servers(load({}, data_dir=deep), nats=False) as settings:
        write(settings.database_url, "kept")
        socket_folder = EmbeddedPostgres(DataDir(deep)).socket_folder
        assert socket_folder.stat().st_mode & 0o777 == 0o700
        assert str(deep) not in str(socket_folder)
    assert not socket_folder.exists()


def test_a_squatted_socket_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "LONGEST_SOCKET_FOLDER", 40)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    deep = folder / ("d" * 40)
    data_dir = DataDir(deep)
    server = EmbeddedPostgres(data_dir)
    monkeypatch.setattr(server, "socket_folder", folder / "squatted")
    server.socket_folder.symlink_to("/tmp")
    with pytest.raises(ServerError, match="is not a private folder"):
        server.start()


def test_an_initdb_that_was_interrupted_is_done_again(folder: Path) -> None:
    half_made = folder / "postgres.new-x"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with servers(load({}, data_dir=folder), nats=False) as settings:
        write(settings.database_url, "kept")
    assert not half_made.exists()


def test_a_folder_of_another_postgres_is_refused(folder: Path) -> None:
    data_dir = DataDir(folder)
    data_dir.folder("postgres", owner=data_dir.account)
    with pytest.raises(ServerError, match="is not a PostgreSQL data folder"), servers(load({}, data_dir=folder)):
        raise AssertionError("it must not start")
    (folder / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(ServerError, match="made by PostgreSQL 15"), servers(load({}, data_dir=folder)):
        raise AssertionError("it must not start")


def test_a_broken_configuration_is_told_by_postgres_own_words(folder: Path) -> None:
    with servers(load({}, data_dir=folder), nats=False):
        pass
    (folder / "postgres" / "custom.conf").write_text("shared_buffers = 'a lot'\n")
    with pytest.raises(ServerError, match="shared_buffers"), servers(load({}, data_dir=folder), nats=False):
        raise AssertionError("it must not start")


def test_nats_takes_another_port_when_its_own_is_taken(folder: Path) -> None:
    data_dir = DataDir(folder)
    data_dir.hold()
    first = EmbeddedNats(data_dir)
    first.start()
    url = first.url
    first.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        squatter.listen()
        second = EmbeddedNats(data_dir)
        second.start()
        assert second.url != url
        second.stop()
    data_dir.release()


@as_root
def test_an_ordinary_user_can_run_it_after_root_has(folder: Path) -> None:
    nobody = ordinary_user()
    with servers(load({}, data_dir=folder)):
        pass
    theirs = Path(tempfile.mkdtemp(prefix="daftar-test-"))
    os.chown(theirs, nobody, pwd.getpwuid(nobody).pw_gid)
    try:
        with Run(theirs, user=nobody) as run:
            assert {psutil.Process(run.says[name]).uids().real for name in ("postgres", "nats-server")} == {nobody}
        with servers(load({}, data_dir=theirs)):  # and root on the user's folder: the servers run as the user
            assert {p.uids().real for p in processes_of(theirs)} == {nobody}
        with Run(theirs, user=nobody):
            pass
    finally:
        shutil.rmtree(theirs)


@as_root
def test_a_folder_of_somebody_else_is_refused(folder: Path) -> None:
    nobody = ordinary_user()
    folder.chmod(0o755)
    with pytest.raises(AssertionError, match="belongs to root; start as that user"):
        Run(folder, user=nobody)
    with pytest.raises(DataDirError, match="cannot be created: Not a directory"):
        DataDir(Path("/dev/null/x"))


@as_root
def test_root_runs_the_servers_as_a_system_user(folder: Path) -> None:
    with servers(load({}, data_dir=folder)):
        users = {p.username() for p in processes_of(folder)}
    assert users == {"daftar"}
    assert folder.stat().st_mode & 0o007 == 0, "the folder was not opened to everybody"


@as_root
def test_the_right_to_pass_is_given_again_after_a_chmod_has_masked_it(folder: Path) -> None:
    deep = folder / "private"
    for _ in range(2):
        with servers(load({}, data_dir=deep), nats=False) as settings:
            write(settings.database_url, "kept")
        folder.chmod(0o700)
    assert folder.stat().st_mode & 0o007 == 0


def ordinary_user() -> int:
    """The uid of `nobody`; the test is skipped where that user cannot even reach our Python."""
    nobody = pwd.getpwnam("nobody")
    done = (
        subprocess.run(
            [sys.executable, "-c", "import psycopg, infra.embedded"],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=False,
        )
        if _can_execute(nobody.pw_uid)
        else None
    )
    if done is None or done.returncode != 0:
        pytest.skip("an ordinary user cannot reach this Python or this folder")
    return nobody.pw_uid


def _can_execute(uid: int) -> bool:
    try:
        subprocess.run([sys.executable, "-c", ""], user=uid, check=True, capture_output=True)
    except OSError:
        return False
    return True
