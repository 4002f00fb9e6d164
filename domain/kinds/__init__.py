"""One module per kind of record, or per few that belong together."""
