-- Accounts that are run by themselves: codes that prove an address, the public list of businesses, and what archived users need.

-- The last code that was sent for a purpose. code_hash is a keyed hash of it (NULL: it was used), tries are the wrong guesses at it.
-- starts counts the codes sent since window_at, so that nobody is flooded with them; it is also the number of the last one, by which
-- people tell messages apart. None of it is a fact of the books.
CREATE TABLE daftar.verification_codes (
    company_id  uuid NOT NULL,
    user_id     uuid NOT NULL,
    purpose     text NOT NULL,
    code_hash   bytea,
    tries       integer NOT NULL DEFAULT 0,
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    window_at   timestamptz NOT NULL,
    starts      integer NOT NULL,
    PRIMARY KEY (company_id, user_id, purpose)
);
ALTER TABLE daftar.verification_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_company ON daftar.verification_codes TO daftar_api
    USING (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
    WITH CHECK (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid);
CREATE POLICY every_company ON daftar.verification_codes TO daftar_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON daftar.verification_codes TO daftar_api;
GRANT SELECT ON daftar.verification_codes TO daftar_worker;

-- What is kept of nobody's password once the person is gone for ever.
GRANT DELETE ON daftar.credentials TO daftar_api;

-- Businesses as their own records have them, in the order in which they were begun, and how many there are. The API's role sees one
-- company at a time, so this runs with its owner's rights; it tells what a company says of itself, and nothing of its books.
CREATE FUNCTION daftar.businesses(most bigint, skipped bigint)
RETURNS TABLE (document text, total bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH found AS MATERIALIZED (
        SELECT c.database_id, r.document FROM daftar.companies c
        JOIN daftar.records r ON r.company_id = c.company_id AND r.id = c.company_id
        WHERE c.codename <> 'root' AND NOT r.deleted AND r.document::jsonb -> 'data' ->> 'is_active' = 'true'
    )
    SELECT page.document, counted.total FROM (SELECT count(*) AS total FROM found) AS counted
    LEFT JOIN (SELECT * FROM found ORDER BY database_id LIMIT most OFFSET skipped) AS page ON true
    ORDER BY page.database_id
$$;
REVOKE ALL ON FUNCTION daftar.businesses(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.businesses(bigint, bigint) TO daftar_api;

-- A new password ends the sessions of its user.
CREATE INDEX sessions_by_user ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'user_id')))
    WHERE kind = 'session' AND NOT deleted;

-- Whoever archived himself is forgotten a month later.
CREATE INDEX users_archived ON daftar.records (((document::jsonb -> 'data' ->> 'archived_at')))
    WHERE kind = 'user' AND NOT deleted AND document::jsonb -> 'data' ->> 'archived_at' IS NOT NULL;
