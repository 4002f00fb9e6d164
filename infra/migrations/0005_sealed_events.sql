-- Personal data in the log. The chain hashes what is left of an event's data when its person is erased, and the ciphertext of the
-- data as it is (domain/event.py). The clear text in data is kept beside it for as long as the key is.

ALTER TABLE daftar.events ADD COLUMN sealed bytea, ADD COLUMN person_id uuid;

CREATE TABLE daftar.person_keys (
    company_id  uuid NOT NULL,
    person_id   uuid NOT NULL,
    seq         bigint NOT NULL,
    key         bytea NOT NULL CHECK (length(key) = 32),
    PRIMARY KEY (company_id, person_id, seq)
);

ALTER TABLE daftar.person_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_company ON daftar.person_keys TO daftar_api
    USING (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid)
    WITH CHECK (company_id = nullif(current_setting('daftar.company_id', true), '')::uuid);
CREATE POLICY every_company ON daftar.person_keys TO daftar_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON daftar.person_keys TO daftar_api;
GRANT SELECT ON daftar.person_keys TO daftar_worker;

-- Erasing is the one thing that ever changes a stored event, and no role of ours may do it otherwise. It takes nothing but the
-- person, and only one whose erasure the log itself tells; what it puts in the place of the clear text is what was hashed.
CREATE FUNCTION daftar.erase_person(person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    company uuid := nullif(current_setting('daftar.company_id', true), '')::uuid;
BEGIN
    PERFORM FROM daftar.events e WHERE e.company_id = company AND e.record_id = person
        AND e.topic IN ('party.erased.v1', 'user.erased.v1');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the log of this company does not say that % was erased', person USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE daftar.events e
        SET data = convert_from(substring(e.sealed FROM 1 FOR position('\x0a'::bytea IN e.sealed) - 1), 'UTF8')
        FROM daftar.person_keys k
        WHERE k.company_id = company AND k.person_id = person AND e.company_id = company AND e.seq = k.seq;
    DELETE FROM daftar.person_keys k WHERE k.company_id = company AND k.person_id = person;
    DELETE FROM daftar.credentials c WHERE c.company_id = company AND c.user_id = person;
END $$;

REVOKE ALL ON FUNCTION daftar.erase_person(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.erase_person(uuid) TO daftar_api;
