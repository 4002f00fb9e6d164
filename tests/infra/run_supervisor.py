"""Supervises fake children, given as Python programs, and prints the pid of each as a line of JSON whenever it changes.

python run_supervisor.py PROGRAM …
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from infra.processes import supervisor as module
from infra.processes.supervisor import Process, StopRequested, Supervisor


def main(programs: list[str]) -> None:
    module.FIRST_PAUSE_SECONDS = 0.1
    children = [Process(f"child {n}", [sys.executable, "-c", program], os.environ) for n, program in enumerate(programs)]

    def tell() -> None:
        last: list[int | None] = []
        while True:
            pids = [child.pid for child in children]
            if pids != last and None not in pids:
                # In one piece, on a line of its own: the supervisor writes to its log, which is the same pipe, meanwhile
                sys.stdout.write(f"\n{json.dumps(pids)}\n")
                sys.stdout.flush()
                last = pids
            time.sleep(0.05)

    supervisor = Supervisor()
    with supervisor.signals():
        try:
            for number, child in enumerate(children):
                supervisor.add((f"child {number}", child))
            threading.Thread(target=tell, daemon=True).start()
            supervisor.run()
        except StopRequested:
            pass
        finally:
            supervisor.stop_all()


main(sys.argv[1:])
