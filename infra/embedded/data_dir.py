"""The data folder: who owns it, who holds it, and what is where in it."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from pathlib import Path

import msgspec

from infra.embedded.account import Account, account_of, give, let_reach, server_account
from infra.embedded.process import wait_until
from infra.settings import new_secret_key

SUPERVISED = "DAFTAR__SUPERVISED_BY"
"""In the environment of every child that is ours: the data folder it works for, so that a leftover can be told."""


class DataDirError(Exception):
    """The data folder cannot be used; the message says why and what to do."""


class DataDirBusy(DataDirError):
    """Another Daftar runs on this data folder."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the servers of the Daftar that holds a data folder; it writes this down for the other commands."""

    pid: int
    database_url: str
    api_database_url: str
    nats_url: str


class DataDir:
    """A data folder, created if missing. `hold` takes it; every other method may be called without holding it."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = self.path.resolve()
            owner = self.path.stat().st_uid
        except OSError as error:
            raise DataDirError(f"the data folder {self.path} cannot be created: {error.strerror}") from error
        if os.geteuid() not in {0, owner}:
            raise DataDirError(
                f"the data folder {self.path} belongs to {account_of(owner).name}; start as that user, "
                f"or choose another folder with --data-dir or DAFTAR_DATA_DIR"
            )
        self.owner = account_of(owner)
        self.account = server_account(self.path)
        servers = self.path / "postgres"
        if servers.exists() and servers.stat().st_uid != self.account.uid:
            raise DataDirError(
                f"{servers} belongs to {account_of(servers.stat().st_uid).name}: this data folder was used as root before; "
                f"start as root, or choose another folder with --data-dir or DAFTAR_DATA_DIR"
            )
        let_reach(self.path, self.account)

    def folder(self, name: str, *, owner: Account | None = None, mode: int = 0o700) -> Path:
        """The sub-folder `name`, created if missing, owned by `owner` (default: who owns the data folder)."""
        path = self.path / name
        try:
            path.mkdir(mode=mode, exist_ok=True)
            if stat.S_IMODE(path.stat().st_mode) != mode:
                path.chmod(mode)
            give(path, owner or self.owner)
        except OSError as error:
            raise DataDirError(f"{path} cannot be used: {error.strerror}") from error
        return path

    def hold(self, *, patience_seconds: float = 0.0) -> None:
        """Take the folder for this process until `release` or its end.

        Raises DataDirBusy if another process still has it after `patience_seconds`: one that was killed may be just ending.
        """
        path = self.path / "lock"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            give(path, self.owner)
        except OSError as error:
            raise DataDirError(f"{path} cannot be used: {error.strerror}") from error
        if not wait_until(lambda: _take(lock), patience_seconds):
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
            os.close(lock)
            raise DataDirBusy(
                f"Daftar already runs on the data folder {self.path} (process {holder or 'unknown'}); stop it, "
                f"or choose another folder with --data-dir or DAFTAR_DATA_DIR"
            )
        (self.path / "running.json").unlink(missing_ok=True)  # of a holder that was killed
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """Give the folder back. Safe to call twice."""
        if self._lock is not None:
            (self.path / "running.json").unlink(missing_ok=True)
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def announce(self, running: Running) -> None:
        """Write down how to reach the servers, for commands that are run beside this process."""
        write_file(self.path / "running.json", msgspec.json.encode(running), self.owner)

    def announced(self) -> Running | None:
        """How to reach the servers of the process that holds the folder; None if it has not said (yet)."""
        try:
            return msgspec.json.decode((self.path / "running.json").read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def secret_key(self) -> str:
        """The signing key that is kept in the folder, made once; only its owner may read it."""
        path = self.path / "secret.key"
        if not path.exists():
            write_file(path, new_secret_key().encode(), self.owner)
        return path.read_text().strip()


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_file(path: Path, content: bytes, owner: Account) -> None:
    """Write a private file in one step: a reader sees the old content or the new, never a part, also after a crash."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        give(Path(name), owner)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
