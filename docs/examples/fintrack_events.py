"""Prints FinTrack's events of one business as they happen.

    DAFTAR_NATS_URL=nats://… python fintrack_events.py babil fintrack-productcatalog-service-dbevent-productorservice-created

The consumer is durable: started again, it goes on behind what it acknowledged. `--all` begins with the first event that is kept.
"""

import argparse
import asyncio
import json
import os

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy


async def listen(arguments):
    """Print each event of the business, and acknowledge it when that is done; of other businesses nothing is read."""
    client = await nats.connect(os.environ["DAFTAR_NATS_URL"])
    begin = DeliverPolicy.ALL if arguments.all else DeliverPolicy.NEW
    name = f"example-{arguments.topic.replace('.', '-')}"
    consumer = await client.jetstream().pull_subscribe(arguments.topic, durable=name, config=ConsumerConfig(deliver_policy=begin))
    seen = 0
    while arguments.count is None or seen < arguments.count:
        try:
            messages = await consumer.fetch(100, timeout=5)
        except nats.errors.TimeoutError:
            continue
        for message in messages:
            if message.headers["Daftar-Company"] == arguments.codename:
                body = json.loads(message.data)
                print(message.subject, body.get("name") or body.get("dataName") or body.get("id") or "", flush=True)
                seen += 1
            await message.ack()
    await client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("codename")
    parser.add_argument("topic")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--count", type=int, default=None)
    asyncio.run(listen(parser.parse_args()))
