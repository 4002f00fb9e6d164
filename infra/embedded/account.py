"""Which system account the embedded servers run as, and what that account may reach.

PostgreSQL refuses to run as root. Started by root, the servers run as the owner of the data folder if that is an ordinary
user, else as the system user `daftar`, which is created when missing. Started by anybody else, they run as that user.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
from pathlib import Path

import msgspec

SYSTEM_USER = "daftar"
_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_EXECUTE = 1


class AccountError(Exception):
    """There is no account that the embedded servers could run as, or it cannot reach what it needs."""


class Account(msgspec.Struct, frozen=True):
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def account_of(uid: int) -> Account:
    """The account with this uid; a uid without a name is named by its digits."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def server_account(data_dir: Path) -> Account:
    """The account that the embedded servers of `data_dir` (which exists) run as."""
    if os.geteuid() != 0:
        return account_of(os.geteuid())
    for path in (data_dir / "postgres", data_dir):
        if path.exists() and path.stat().st_uid != 0:
            return account_of(path.stat().st_uid)
    return _system_account()


def _system_account() -> Account:
    """The system user `daftar`, created if missing: no password, no login shell, no home."""
    if not _exists(SYSTEM_USER):
        if useradd := shutil.which("useradd"):
            command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
            command += ["--shell", "/bin/false", SYSTEM_USER]
        elif adduser := shutil.which("adduser"):  # BusyBox
            command = [adduser, "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/bin/false", SYSTEM_USER]
        else:
            raise AccountError(_advice("neither useradd nor adduser was found"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not _exists(SYSTEM_USER):
            raise AccountError(_advice(done.stderr.strip() or f"{command[0]} failed"))
    entry = pwd.getpwnam(SYSTEM_USER)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _advice(reason: str) -> str:
    return (
        f"PostgreSQL does not run as root, and the system user `{SYSTEM_USER}` could not be created ({reason}); "
        f"create it, start as an ordinary user, or set DAFTAR_DATABASE_URL"
    )


def give(path: Path, account: Account) -> None:
    """Make `account` the owner of `path`, where we are root; else it is already ours."""
    if os.geteuid() == 0:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def let_reach(path: Path, account: Account) -> None:
    """Let `account` pass through every folder above `path`, and through `path` if it is a folder.

    Only where root starts servers as another account is anything changed, and no more than the right to pass through, for
    that one account, by an access-control list; on file systems without such lists, for everybody.
    """
    if os.geteuid() != 0 or account.uid == 0:
        return
    resolved = path.resolve()
    folders = [*reversed(resolved.parents), *([resolved] if resolved.is_dir() else [])]
    for folder in folders:
        if not _may_pass(folder, account):
            _grant_pass(folder, account)


def let_read_tree(root: Path, account: Account) -> None:
    """Let `account` reach and read the folder `root` of programs, also where they were installed under a strict umask."""
    let_reach(root, account)
    if os.geteuid() != 0 or account.uid == 0:
        return
    for folder, _, files in os.walk(root):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            mode = path.lstat().st_mode
            wanted = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if not stat.S_ISLNK(mode) and mode & wanted != wanted:
                path.chmod(stat.S_IMODE(mode) | wanted)  # unpacked from a public wheel: there is nothing to hide


def _may_pass(folder: Path, account: Account) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    entries = _acl(folder)
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), 7)  # a chmod of the folder's group rights sets it
    for tag, rights, who in entries:
        if tag == _USER and who == account.uid:
            return bool(rights & mask & _EXECUTE)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _acl(folder: Path) -> list[tuple[int, int, int]]:
    """The access-control list of `folder` as (tag, rights, uid or gid); made of its mode where there is none."""
    if hasattr(os, "getxattr"):
        try:
            raw = os.getxattr(folder, _ACL)
        except OSError:
            pass
        else:
            return list(struct.iter_unpack("<HHI", raw[4:]))
    mode = folder.stat().st_mode
    return [(_USER_OBJ, mode >> 6 & 7, _NO_ID), (_GROUP_OBJ, mode >> 3 & 7, _NO_ID), (_OTHER, mode & 7, _NO_ID)]


def _grant_pass(folder: Path, account: Account) -> None:
    entries = [e for e in _acl(folder) if not (e[0] == _USER and e[2] == account.uid) and e[0] != _MASK]
    mask = _EXECUTE
    for tag, rights, _ in entries:
        if tag not in {_USER_OBJ, _OTHER}:
            mask |= rights
    entries += [(_USER, _EXECUTE, account.uid), (_MASK, mask, _NO_ID)]
    raw = struct.pack("<I", _ACL_VERSION) + b"".join(struct.pack("<HHI", *e) for e in sorted(entries, key=lambda e: (e[0], e[2])))
    try:
        if hasattr(os, "setxattr"):
            os.setxattr(folder, _ACL, raw)
            return
    except OSError as error:
        if error.errno not in {errno.ENOTSUP, errno.EPERM, errno.EINVAL}:
            raise
    try:
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
    except OSError as error:
        raise AccountError(f"{folder} is closed to the user {account.name}, and cannot be opened: {error.strerror}") from error
