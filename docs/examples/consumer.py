"""A durable consumer of a company's events, whose effects happen exactly once: it counts events by topic in SQLite.

    DAFTAR_NATS_URL=nats://… DAFTAR_TOKEN=… python consumer.py babil tally.db

The stream delivers at least once. What makes the effect exactly-once is that it is committed together with the `seq` of its
event. DAFTAR_URL and DAFTAR_TOKEN (an access token) are used where the stream does not have everything: see docs/events.md.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import urllib.request

import nats

TABLES = """
CREATE TABLE IF NOT EXISTS position (company TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tally (company TEXT, topic TEXT, events INTEGER NOT NULL, PRIMARY KEY (company, topic));
"""


def apply(database, company, event):
    """The effect and the position, in the caller's transaction."""
    database.execute("INSERT INTO tally VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET events = events + 1", (company, event["topic"]))
    database.execute("INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", (company, event["seq"]))


def position(database, company):
    """The seq of the last event that had its effect; 0 before the first."""
    row = database.execute("SELECT seq FROM position WHERE company = ?", (company,)).fetchone()
    return row[0] if row else 0


def from_the_log(after, until):
    """The events after a seq up to another, from the API: the log is kept for ever, the stream is not."""
    while after < until:
        page = f"after={after}&limit={min(until - after, 1000)}"
        url = f"{os.environ.get('DAFTAR_URL', 'http://127.0.0.1:8000')}/ledger/v1/events?{page}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['DAFTAR_TOKEN']}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            events = json.load(response)["events"]
        yield from events
        after = events[-1]["seq"]


def receive(database, company, event):
    """Give the event its effect, unless it has had it; and first those before it that did not come."""
    last = position(database, company)
    if event["seq"] <= last:
        return  # a repetition
    if event["seq"] > last + 1 or event.get("oversized"):
        for missed in from_the_log(last, event["seq"]):
            apply(database, company, missed)
    else:
        apply(database, company, event)


async def consume(company, path, *, until_idle):
    """Consume until stopped, or until nothing has come for a while."""
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    client = await nats.connect(os.environ["DAFTAR_NATS_URL"], max_reconnect_attempts=-1)
    events = await client.jetstream().pull_subscribe(f"daftar.{company}.>", durable=f"tally-{company}", stream="DAFTAR_EVENTS")
    try:
        while True:
            try:
                messages = await events.fetch(500, timeout=until_idle or 5)
            except TimeoutError:  # the client's own, and asyncio's, are both this one
                if until_idle:
                    return
                continue
            with database:  # effects and position of the whole batch, or nothing
                for message in messages:
                    receive(database, company, json.loads(message.data))
            for message in messages:
                await message.ack()  # after the commit: a message whose consumer dies before it comes again
    finally:
        print(position(database, company), "events,", dict(database.execute("SELECT topic, events FROM tally ORDER BY topic")))
        await client.close()
        database.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("company", help="codename")
    arguments.add_argument("database", help="SQLite file")
    arguments.add_argument("--until-idle", type=float, metavar="SECONDS", help="end when nothing has come for so long")
    given = arguments.parse_args()
    asyncio.run(consume(given.company, given.database, until_idle=given.until_idle))
