-- What syncing clients leave behind beside the log: how far each has pulled, and what was refused of what it sent. None of it is a
-- fact of the company's books, so none of it moves the log's head.

-- How far a device is. device is the name the installation gave itself.
CREATE TABLE daftar.device_syncs (
    company_id       uuid NOT NULL,
    dialect          text NOT NULL,
    device           text NOT NULL,
    pulled_seq       bigint NOT NULL DEFAULT 0,
    pulled_at        timestamptz,
    pushed_seq       bigint NOT NULL DEFAULT 0,
    pushed_at        timestamptz,
    pulls            bigint NOT NULL DEFAULT 0,
    pushes           bigint NOT NULL DEFAULT 0,
    conflicts        bigint NOT NULL DEFAULT 0,
    refusals         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (company_id, dialect, device)
) WITH (fillfactor = 50);

-- What was refused, until the same item succeeds, or somebody discards it. item is what the client sent.
CREATE TABLE daftar.rejected_items (
    company_id  uuid NOT NULL,
    dialect     text NOT NULL,
    source      text NOT NULL,
    item_key    text NOT NULL,
    number      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    place       text NOT NULL,
    item        text NOT NULL,
    code        text NOT NULL,
    message     text NOT NULL,
    field       text NOT NULL DEFAULT '',
    attempts    integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, dialect, source, item_key)
);
CREATE UNIQUE INDEX rejected_items_by_number ON daftar.rejected_items (company_id, number);

DO $$
DECLARE
    owned text;
BEGIN
    FOREACH owned IN ARRAY ARRAY['device_syncs', 'rejected_items'] LOOP
        EXECUTE format('ALTER TABLE daftar.%I ENABLE ROW LEVEL SECURITY', owned);
        EXECUTE format($policy$
            CREATE POLICY own_company ON daftar.%I TO daftar_api
            USING (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
            WITH CHECK (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
        $policy$, owned);
        EXECUTE format('CREATE POLICY every_company ON daftar.%I TO daftar_worker USING (true) WITH CHECK (true)', owned);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON daftar.device_syncs, daftar.rejected_items TO daftar_api;
GRANT SELECT ON daftar.device_syncs, daftar.rejected_items TO daftar_worker;
