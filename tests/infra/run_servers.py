"""Starts the embedded servers on a data folder, says so as one line of JSON, and waits to be stopped or killed.

    python run_servers.py DIR [--outlive]

`--outlive`: the servers are not bound to this process, as on systems where that cannot be had.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import psutil

from infra.embedded import process, servers
from infra.embedded.account import AccountError
from infra.embedded.data_dir import DataDirError
from infra.embedded.process import ServerError
from infra.settings import load


def main(directory: str, *, outlive: bool) -> None:
    if outlive:
        process.LAUNCH = str(Path(__file__).with_name("launch_unbound.py"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with servers(load({}, data_dir=directory)) as settings:
        children = {child.name(): child.pid for child in psutil.Process().children()}
        # Waited for instead of handled: a signal that came between the line and the wait would be slept through
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        print(json.dumps({"url": settings.database_url, "nats_url": settings.nats_url, **children}), flush=True)
        signal.sigwait({signal.SIGTERM})


try:
    main(sys.argv[1], outlive="--outlive" in sys.argv)
except (AccountError, DataDirError, ServerError) as error:
    sys.exit(str(error))
