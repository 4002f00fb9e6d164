"""A worker process for tests to kill: `python run_follower.py URL BATCH`."""

from __future__ import annotations

import sys
import threading

from infra.database import Database
from infra.followers.runner import Runner
from infra.processes.worker import projection_followers

if __name__ == "__main__":
    url, batch = sys.argv[1], int(sys.argv[2])
    Runner(Database(url, size=2).open(), projection_followers(), batch=batch, sweep_seconds=0.05).run(threading.Event())
