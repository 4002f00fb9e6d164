"""Everything that touches the world: PostgreSQL, NATS, processes, settings and the command line.

What everything stands on lies here: `settings`, `database` with its `roles`, the one write path `ledger`, and `composition`, which
puts the parts together. `store` is the event store; each other folder says in its `__init__` what it is about.
"""
