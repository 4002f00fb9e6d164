-- Rows of the dialects: each record as a dialect sends it, rendered once and copied by every pull (infra/sync_rows.py). All of it
-- follows from the log, so it is not written to the WAL: after a crash the tables are empty, and the next pull renders anew.

-- collection is what is pulled with a cursor of its own; part is which of the collection's views of the record this is, and orders
-- the rows of one record. made_seq is the seq of the record's first event where the dialect tells new rows from changed ones.
CREATE UNLOGGED TABLE daftar.sync_rows (
    company_id  uuid NOT NULL,
    dialect     text COLLATE "C" NOT NULL,
    layout      integer NOT NULL,
    record_id   uuid NOT NULL,
    collection  text COLLATE "C" NOT NULL,
    part        smallint NOT NULL,
    seq         bigint NOT NULL,
    made_seq    bigint NOT NULL,
    deleted     boolean NOT NULL,
    is_waiting  boolean NOT NULL,
    body        text NOT NULL,
    PRIMARY KEY (company_id, record_id, dialect, layout, collection, part)
);
CREATE UNIQUE INDEX sync_rows_by_seq ON daftar.sync_rows (company_id, dialect, layout, collection, seq, part);
CREATE INDEX sync_rows_waiting ON daftar.sync_rows (company_id, dialect, layout, record_id) WHERE is_waiting;

-- How far the rows of a company are in a dialect's layout. Whoever renders holds this row.
CREATE UNLOGGED TABLE daftar.sync_positions (
    company_id  uuid NOT NULL,
    dialect     text COLLATE "C" NOT NULL,
    layout      integer NOT NULL,
    seq         bigint NOT NULL,
    PRIMARY KEY (company_id, dialect, layout)
) WITH (fillfactor = 20);

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['sync_rows', 'sync_positions'] LOOP
        EXECUTE format('ALTER TABLE daftar.%I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format($policy$
            CREATE POLICY own_company ON daftar.%I TO daftar_api
            USING (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
            WITH CHECK (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
        $policy$, owned);
        EXECUTE format('CREATE POLICY every_company ON daftar.%I TO daftar_worker USING (true) WITH CHECK (true)', owned);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON daftar.sync_rows, daftar.sync_positions TO daftar_api;
GRANT SELECT ON daftar.sync_rows, daftar.sync_positions TO daftar_worker;

-- Rendering reads documents and writes rows in one transaction; an erasure waits for those of its company that are under way, so
-- that none of them writes afterwards what it read before.
CREATE FUNCTION daftar.sync_rows_lock(company uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT hashtextextended('daftar.sync_rows ' || company::text, 0) $$;

-- As in 0005, and the rendered rows of every record that held something of the person go too.
CREATE OR REPLACE FUNCTION daftar.erase_person(person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    company uuid := nullif(current_setting('daftar.company_id', true), '')::uuid;
BEGIN
    PERFORM FROM daftar.events e WHERE e.company_id = company AND e.record_id = person
        AND e.topic IN ('party.erased.v1', 'user.erased.v1');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the log of this company does not say that % was erased', person USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(daftar.sync_rows_lock(company));
    DELETE FROM daftar.sync_rows s WHERE s.company_id = company AND s.record_id IN (
        SELECT person UNION SELECT e.record_id FROM daftar.person_keys k
            JOIN daftar.events e ON e.company_id = k.company_id AND e.seq = k.seq
            WHERE k.company_id = company AND k.person_id = person);
    UPDATE daftar.events e
        SET data = convert_from(substring(e.sealed FROM 1 FOR position('\x0a'::bytea IN e.sealed) - 1), 'UTF8')
        FROM daftar.person_keys k
        WHERE k.company_id = company AND k.person_id = person AND e.company_id = company AND e.seq = k.seq;
    DELETE FROM daftar.person_keys k WHERE k.company_id = company AND k.person_id = person;
    DELETE FROM daftar.credentials c WHERE c.company_id = company AND c.user_id = person;
END $$;
