-- Who may log in by e-mail alone, invitations, and how long syncs take.

-- The companies in which a living user has this e-mail (as the unique value has it: without case). The API's role sees one company
-- at a time, so this runs with its owner's rights; it tells ids and nothing else, and a password is still asked of each.
CREATE INDEX users_by_email ON daftar.unique_values (value) WHERE kind = 'user' AND name = 'email';

CREATE FUNCTION daftar.companies_of_email(email text, most integer) RETURNS TABLE (company_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT u.company_id FROM daftar.unique_values u JOIN daftar.companies c USING (company_id)
    WHERE u.kind = 'user' AND u.name = 'email' AND u.value = email ORDER BY c.database_id LIMIT most
$$;
REVOKE ALL ON FUNCTION daftar.companies_of_email(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.companies_of_email(text, integer) TO daftar_api;

-- A log-in on a device ends the earlier ones of its user there.
CREATE INDEX sessions_by_device ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'device_id')))
    WHERE kind = 'session' AND NOT deleted;

-- Invitations to become a user. code_hash is the SHA-256 of the code, which is random and told once. The user is made under user_id,
-- so that an invitation makes one user whatever happens in between.
CREATE TABLE daftar.invitations (
    company_id  uuid NOT NULL,
    code_hash   bytea NOT NULL,
    user_id     uuid NOT NULL,
    role        text NOT NULL,
    email       text,
    invited_by  uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (company_id, code_hash)
);
ALTER TABLE daftar.invitations ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_company ON daftar.invitations TO daftar_api
    USING (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
    WITH CHECK (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON daftar.invitations TO daftar_api;

ALTER TABLE daftar.device_syncs
    ADD COLUMN first_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN pull_seconds double precision NOT NULL DEFAULT 0,
    ADD COLUMN push_seconds double precision NOT NULL DEFAULT 0,
    ADD COLUMN pulled_items bigint NOT NULL DEFAULT 0,
    ADD COLUMN pushed_items bigint NOT NULL DEFAULT 0;
