"""What clients that keep a copy ask: where the log ends, what changed since, and how far each of them is."""
