"""Becomes another program, which will receive a signal when the process that started it ends. Linux, standard library only.

    python -I -S launch.py SIGNAL PARENT UID GID PROGRAM [ARGUMENT …]

It first takes on UID and GID, if UID is not -1. Doing this here, in a process of one thread, and not between fork and exec of
the process that starts it, is what makes it safe: that one may have threads, and a fork copies the locks they hold.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Do what the module says; exit code 127 if the program cannot be run."""
    death, parent, uid, gid = (int(word) for word in sys.argv[1:5])
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death)  # after the change of user, which would undo it
    if os.getppid() != parent:  # the parent ended before we had asked
        sys.exit(1)
    try:
        os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 (the caller's own choice of program)
    except OSError as error:
        sys.stderr.write(f"cannot run {sys.argv[5]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
