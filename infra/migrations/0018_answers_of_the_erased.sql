-- What a dialect answered is kept with the key of the request, to be said again. Where it tells of a person who is erased, it goes:
-- a replay then says the record's number, and that it was erased.

-- As in 0011, and the kept answers about every record that held something of the person go too.
CREATE OR REPLACE FUNCTION daftar.erase_person(person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    company uuid := nullif(current_setting('daftar.company_id', true), '')::uuid;
    held uuid[];
BEGIN
    PERFORM FROM daftar.events e WHERE e.company_id = company AND e.record_id = person
        AND e.topic IN ('party.erased.v1', 'user.erased.v1');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the log of this company does not say that % was erased', person USING ERRCODE = 'insufficient_privilege';
    END IF;
    held := ARRAY(
        SELECT person UNION SELECT e.record_id FROM daftar.person_keys k
            JOIN daftar.events e ON e.company_id = k.company_id AND e.seq = k.seq
            WHERE k.company_id = company AND k.person_id = person);
    PERFORM pg_advisory_xact_lock(daftar.sync_rows_lock(company));
    DELETE FROM daftar.sync_rows s WHERE s.company_id = company AND s.record_id = ANY(held);
    UPDATE daftar.answers a
        SET answer = jsonb_set(a.answer::jsonb, '{said}',
            jsonb_build_object('id', a.answer::jsonb #> '{results,0,number}', 'erased', true))::text
        WHERE a.company_id = company AND jsonb_typeof(a.answer::jsonb -> 'said') = 'object' AND EXISTS (
            SELECT FROM jsonb_array_elements(a.answer::jsonb -> 'results') AS r WHERE (r ->> 'id')::uuid = ANY(held));
    UPDATE daftar.events e
        SET data = convert_from(substring(e.sealed FROM 1 FOR position('\x0a'::bytea IN e.sealed) - 1), 'UTF8')
        FROM daftar.person_keys k
        WHERE k.company_id = company AND k.person_id = person AND e.company_id = company AND e.seq = k.seq;
    DELETE FROM daftar.person_keys k WHERE k.company_id = company AND k.person_id = person;
    DELETE FROM daftar.credentials c WHERE c.company_id = company AND c.user_id = person;
END $$;
