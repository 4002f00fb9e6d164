"""Lists of records: filtered, searched, sorted, counted and cut into pages by Postgres."""
