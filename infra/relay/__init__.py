"""The relay: every event of every company to NATS JetStream, in the company's order, at least once."""
