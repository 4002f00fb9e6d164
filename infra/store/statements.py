"""The SQL of the store. Parts are joined to one statement that holds only what a transaction needs."""

from __future__ import annotations

from functools import lru_cache

TAKE_HEAD = b"""
SELECT seq, recorded_at, hash, numbers::text, clock_timestamp() FROM heads WHERE company_id = %b FOR UPDATE
"""

# From Postgres 17 on a write is bounded in all: after a pipeline the server's clock of idle transactions does not run, because
# psycopg's last message in one is a Flush, which stops that clock and does not start it again
TAKE_HEAD_BOUNDED = b"""
SELECT seq, recorded_at, hash, numbers::text, clock_timestamp(), set_config('transaction_timeout', %b, true)
FROM heads WHERE company_id = %b FOR UPDATE
"""

READ_HEAD = b"SELECT seq, recorded_at, hash, numbers::text, clock_timestamp() FROM heads WHERE company_id = %b"

INSERT_COMPANY = b"INSERT INTO companies (company_id, codename, database_id) VALUES (%s, %s, %s)"

INSERT_NEXT_COMPANY = b"""
INSERT INTO companies (company_id, codename) VALUES (%s, %s)
ON CONFLICT ON CONSTRAINT companies_database_id_key DO NOTHING RETURNING database_id
"""

EVENT_COLUMNS = (
    "company_id, seq, kind, record_id, version, topic, data, recorded_at, occurred_at,"
    " actor_id, device_id, command_id, correlation_id, hash, sealed, person_id"
)

# The records that hold personal data of these persons, and the persons' own
TRACES = """
    SELECT unnest(%b) UNION SELECT e.record_id FROM person_keys k JOIN events e ON e.company_id = k.company_id AND e.seq = k.seq
    WHERE k.company_id = %b AND k.person_id = ANY(%b)"""

# Every part answers in the same columns: what it is, a document, three texts, two ids.
LOAD_PARTS = {
    "ids": """
        SELECT 'record', document, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::uuid
        FROM records WHERE company_id = %b AND id = ANY(%b)""",
    "parents": """
        SELECT 'record', document, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::uuid
        FROM records WHERE company_id = %b AND parent_id = ANY(%b) AND NOT deleted""",
    "traces": f"""
        SELECT 'record', document, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::uuid
        FROM records WHERE company_id = %b AND id IN ({TRACES})""",
    "numbers": """
        SELECT 'record', r.document, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::uuid
        FROM unnest(%b, %b) AS wanted (kind, number)
        JOIN records r ON r.company_id = %b AND r.kind = wanted.kind AND r.number = wanted.number""",
    "clients": """
        SELECT 'client', r.document, c.kind, c.source, c.client_id, c.record_id, NULL::uuid
        FROM unnest(%b, %b, %b) AS wanted (kind, source, client_id)
        JOIN client_ids c ON c.company_id = %b
            AND (c.kind, c.source, c.client_id) = (wanted.kind, wanted.source, wanted.client_id)
        JOIN records r ON r.company_id = c.company_id AND r.id = c.record_id""",
    "unique": """
        SELECT 'unique', NULL::text, u.kind, u.name, u.value, u.record_id, NULL::uuid
        FROM unnest(%b, %b, %b) AS wanted (kind, name, value)
        JOIN unique_values u ON u.company_id = %b
            AND (u.kind, u.name, u.value) = (wanted.kind, wanted.name, wanted.value)""",
    "holders": """
        SELECT 'holder', r.document, u.kind, u.name, u.value, u.record_id, NULL::uuid
        FROM unnest(%b, %b, %b) AS wanted (kind, name, value)
        JOIN unique_values u ON u.company_id = %b
            AND (u.kind, u.name, u.value) = (wanted.kind, wanted.name, wanted.value)
        JOIN records r ON r.company_id = u.company_id AND r.id = u.record_id""",
    "stock": """
        SELECT 'stock', s.quantity::text, NULL::text, NULL::text, NULL::text, s.product_id, s.store_id
        FROM unnest(%b, %b) AS wanted (product_id, store_id)
        JOIN stock_levels s ON s.company_id = %b AND (s.product_id, s.store_id) = (wanted.product_id, wanted.store_id)""",
    "shifts": """
        SELECT 'record', document, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::uuid
        FROM records WHERE company_id = %b AND id = ANY(ARRAY(SELECT records_of_shifts(%b)))
            AND kind <> 'invoice' AND NOT deleted""",
    "keys": """
        SELECT 'answer', a.answer, a.key, encode(a.fingerprint, 'hex'), NULL::text, NULL::uuid, NULL::uuid
        FROM answers a WHERE a.company_id = %b AND a.key = ANY(%b)""",
}

READ_STREAMS = f"SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND record_id = ANY(%b) ORDER BY seq".encode()
READ_TRACES = f"SELECT {EVENT_COLUMNS} FROM events WHERE company_id = %b AND record_id IN ({TRACES}) ORDER BY seq".encode()

# Arrays of equal lengths side by side: rows come out one by one, where unnest(a, b, …) would first write every array to a store.
WRITE_PARTS = {
    "events": """
        INSERT INTO events
            (company_id, seq, record_id, version, kind, topic, data, recorded_at, occurred_at,
             actor_id, device_id, command_id, correlation_id, hash)
        SELECT %b, unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b),
            unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b)""",
    "sealed": """
        INSERT INTO events
            (company_id, seq, record_id, version, kind, topic, data, recorded_at, occurred_at,
             actor_id, device_id, command_id, correlation_id, hash, sealed, person_id)
        SELECT %b, unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b),
            unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b)""",
    "keys": """
        INSERT INTO person_keys (company_id, person_id, seq, key) SELECT %b, unnest(%b), unnest(%b), unnest(%b)""",
    "created": """
        INSERT INTO records (company_id, id, kind, number, seq, parent_id, deleted, document)
        SELECT %b, unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b)""",
    "updated": """
        INSERT INTO records (company_id, id, kind, number, seq, parent_id, deleted, document)
        SELECT %b, unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b), unnest(%b)
        ON CONFLICT (company_id, id) DO UPDATE SET seq = excluded.seq, parent_id = excluded.parent_id,
            deleted = excluded.deleted, document = excluded.document""",
    "claimed": """
        INSERT INTO unique_values (company_id, kind, name, value, record_id)
        SELECT %b, * FROM unnest(%b, %b, %b, %b)""",
    "clients": """
        INSERT INTO client_ids (company_id, kind, source, client_id, record_id)
        SELECT %b, * FROM unnest(%b, %b, %b, %b)""",
    "stock": """
        INSERT INTO stock_levels (company_id, product_id, store_id, quantity)
        SELECT %b, product_id, store_id, quantity::numeric FROM unnest(%b, %b, %b) AS moved (product_id, store_id, quantity)
        ON CONFLICT (company_id, product_id, store_id) DO UPDATE SET quantity = stock_levels.quantity + excluded.quantity""",
    "answers": """
        INSERT INTO answers (company_id, key, fingerprint, answer, seq)
        SELECT %b, key, fingerprint, answer, %b FROM unnest(%b, %b, %b) AS given (key, fingerprint, answer)""",
    "credentials": """
        INSERT INTO credentials (company_id, user_id, password_hash, md5_hash)
        SELECT %b, * FROM unnest(%b, %b, %b)
        ON CONFLICT (company_id, user_id) DO UPDATE SET password_hash = excluded.password_hash, md5_hash = excluded.md5_hash""",
}

RELEASE_UNIQUE = b"""
DELETE FROM unique_values u USING unnest(%b, %b, %b) AS released (kind, name, value)
WHERE u.company_id = %b AND (u.kind, u.name, u.value) = (released.kind, released.name, released.value)
"""

ERASE_PERSON = b"SELECT erase_person(%b)"

# What was refused is kept as it was sent, so nobody knows whose it is: whatever holds a name or an address of the person goes
DROP_REJECTED = b"""
DELETE FROM rejected_items i WHERE i.company_id = %b AND EXISTS (
    SELECT FROM records r, jsonb_each_text(r.document::jsonb -> 'data') said
    WHERE r.company_id = %b AND r.id = ANY(%b) AND length(said.value) > 3
    AND said.key = ANY(ARRAY['name', 'first_name', 'last_name', 'organization', 'email', 'phone', 'mobile', 'username',
        'national_code', 'economic_number', 'address'])
    AND strpos(lower(i.item || i.message), lower(said.value)) > 0
)
"""

UPDATE_HEAD = """
UPDATE heads SET seq = %b, recorded_at = %b, hash = %b, numbers = %b::jsonb WHERE company_id = %b"""


@lru_cache(maxsize=512)
def load_statement(parts: tuple[str, ...]) -> bytes:
    """One SELECT of the named LOAD_PARTS; its parameters are theirs, in order."""
    return " UNION ALL ".join(LOAD_PARTS[part] for part in parts).encode()


@lru_cache(maxsize=512)
def write_statement(parts: tuple[str, ...], *, head: bool) -> bytes:
    """One statement of the named WRITE_PARTS, ending with the head where `head`."""
    steps = [f"{part} AS ({WRITE_PARTS[part]})" for part in (parts if head else parts[:-1])]
    last = UPDATE_HEAD if head else WRITE_PARTS[parts[-1]]
    return ((f"WITH {', '.join(steps)} " if steps else "") + last).encode()
