"""Reading the books as they are now: pages since a cursor, single records, and what dialects look up beside them."""
