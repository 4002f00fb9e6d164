"""The relays, as their tests run them: that of every event, and FinTrack's of its topics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jetstream
import psycopg
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from waiting import wait_until

from infra.database import Database
from infra.embedded import EmbeddedNats
from infra.followers.runner import Runner
from infra.relay import NAME
from infra.relay.follower import Relay
from infra.relay.publisher import Publisher
from infra.relay.stream import EVENTS, Retention, StreamNames
from infra.relay.topics import FINTRACK, TopicRelay, load_topics


class Relayed:
    """One of the relays at a server, whose stream is not there yet."""

    names: StreamNames = EVENTS
    follower_name = NAME

    def __init__(self, server: EmbeddedNats) -> None:
        self.server = server
        if server.pid is None:
            server.start()
        self.ask(lambda stream: stream.delete_stream(self.names.name), missing_ok=True)

    @property
    def url(self) -> str:
        """The server's address."""
        return self.server.url

    def publisher(self, retention: Retention | None = None) -> Publisher:
        """What publishes to the stream."""
        return Publisher(self.url, retention or Retention(), self.names)

    @classmethod
    def follower(cls, publisher: Publisher) -> Relay:
        """The follower that relays."""
        return Relay(publisher)

    @contextmanager
    def relaying(self, worker: Database, *, batch: int = 250) -> Iterator[Runner]:
        """The relay at work."""
        stop = threading.Event()
        with self.publisher() as publisher:
            runner = Runner(worker, [self.follower(publisher)], sweep_seconds=0.05, batch=batch)
            thread = threading.Thread(target=runner.run, args=(stop,))
            thread.start()
            try:
                yield runner
            finally:
                stop.set()
                thread.join(30)
                assert not thread.is_alive()

    def kill_at_second_batch(self, worker_url: str) -> None:
        """Relay in a process that is killed when its second batch is stored, before that batch's position is moved."""
        command = [sys.executable, __file__, type(self).__name__, worker_url, self.url]
        path = os.pathsep.join((str(Path.cwd()), str(Path(__file__).parent)))
        killed = subprocess.run(command, env={"PYTHONPATH": path}, timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL

    @classmethod
    def position(cls, owner: psycopg.Connection, shop: Any) -> int:
        """How far the relay is."""
        statement = "SELECT seq FROM positions WHERE follower = %s AND company_id = %s"
        row = owner.execute(statement, (cls.follower_name, shop.company_id)).fetchone()
        return row[0] if row else 0

    def ask(self, work: Callable[[JetStreamContext], Awaitable[Any]], *, missing_ok: bool = False) -> Any:
        """What `work(jetstream)` answers."""
        return jetstream.ask(self.url, work, missing_ok=missing_ok)

    def messages(self, subject: str = "") -> list[Msg]:
        """Everything in the stream, in its order."""
        return jetstream.messages(self.url, self.names.name, subject)

    def kill(self) -> None:
        """Kill the server."""
        self.server.kill()
        wait_until(lambda: self.server.pid is None)


class RelayedTopics(Relayed):
    """FinTrack's."""

    topics = load_topics(FINTRACK)
    names = topics.stream
    follower_name = topics.name

    @classmethod
    def follower(cls, publisher: Publisher) -> Relay:
        """The follower that relays."""
        return TopicRelay(publisher, cls.topics)


class Suicidal(Publisher):
    """Stores two batches; the position of the second is never moved."""

    stored = 0

    def publish(self, messages: Any) -> Any:
        """Store a batch, and die with the second."""
        answer = super().publish(messages)
        self.stored += 1
        if self.stored == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


if __name__ == "__main__":
    kind = {one.__name__: one for one in (Relayed, RelayedTopics)}[sys.argv[1]]
    with Suicidal(sys.argv[3], Retention(), kind.names) as publisher_:
        Runner(Database(sys.argv[2], size=2).open(), [kind.follower(publisher_)], batch=20).run(threading.Event())
