"""The relay: every event of every company to NATS JetStream, in the company's order, at least once."""

NAME = "relay"
"""The follower's name: of its positions, in `/health`, and for `daftar projections retry`."""
