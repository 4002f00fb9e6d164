"""FinTrack's relay for tests to kill: `python run_topics.py WORKER_URL NATS_URL`. It kills itself when two batches are stored."""

from __future__ import annotations

import os
import signal
import sys
import threading

from infra.database import Database
from infra.followers.runner import Runner
from infra.relay.publisher import Publisher
from infra.relay.stream import Retention
from infra.relay.topics import FINTRACK, TopicRelay, load_topics


class Suicidal(Publisher):
    """Stores two batches; the position of the second is never moved."""

    stored = 0

    def publish(self, messages):
        answer = super().publish(messages)
        self.stored += 1
        if self.stored == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


if __name__ == "__main__":
    topics = load_topics(FINTRACK)
    with Suicidal(sys.argv[2], Retention(), topics.stream) as publisher:
        Runner(Database(sys.argv[1], size=2).open(), [TopicRelay(publisher, topics)], batch=20).run(threading.Event())
