"""What `infra/embedded/launch.py` does, but for binding the program's life to its parent's."""

from __future__ import annotations

import os
import sys

uid, gid = int(sys.argv[3]), int(sys.argv[4])
if uid != -1:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
os.execv(sys.argv[5], sys.argv[5:])
