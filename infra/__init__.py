"""Everything that touches the world: PostgreSQL, NATS, processes, settings and the command line."""
