-- Following projections: which there are, and what keeps their journals balanced. Their tables are made from the declarations in
-- `projections/`, so that the live tables and those of a rebuild aside are the same.

CREATE TABLE daftar.projections (
    name      text PRIMARY KEY,
    version   integer NOT NULL,
    built_at  timestamptz NOT NULL DEFAULT now()
);

-- A rebuild is resumed only where it was begun by the same version of its projection.
DROP TABLE daftar.rebuilds;
CREATE TABLE daftar.rebuilds (
    projection  text PRIMARY KEY,
    version     integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE daftar.positions ADD COLUMN parked_at timestamptz;
CREATE INDEX positions_parked ON daftar.positions (follower) WHERE parked_seq IS NOT NULL;

-- The argument is SQL of the amount, the same that the table's declaration names.
CREATE FUNCTION daftar.require_balance() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    bad record;
BEGIN
    EXECUTE format('SELECT company_id, seq, currency FROM added GROUP BY company_id, seq, currency HAVING sum(%s) <> 0 LIMIT 1',
                   TG_ARGV[0]) INTO bad;
    IF bad.seq IS NOT NULL THEN
        RAISE EXCEPTION 'the lines of event % of company % do not balance in %', bad.seq, bad.company_id, bad.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'balanced', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT ON daftar.projections, daftar.rebuilds TO daftar_api, daftar_worker;
