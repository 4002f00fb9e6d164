"""The event store: one log per company in Postgres, with its inline read models in the same transaction."""
