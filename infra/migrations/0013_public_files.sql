-- Files that anybody may read: found by their id alone, before a company is known.

CREATE INDEX attachments_by_id ON daftar.records (id) WHERE kind = 'attachment';

-- The company whose public file this is. The API's role sees one company at a time, so this runs with its owner's rights; it tells
-- the company's id and nothing else. Where another company gave a file of its own the same id, the first that had it counts.
CREATE FUNCTION daftar.company_of_public_file(file uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT first.company_id FROM (
        SELECT r.company_id, r.deleted, r.document::jsonb AS document FROM daftar.records r
        WHERE r.kind = 'attachment' AND r.id = file
        ORDER BY r.document::jsonb ->> 'created_at', r.company_id LIMIT 1
    ) AS first
    WHERE NOT first.deleted AND (first.document -> 'data' ->> 'is_public')::boolean
$$;
REVOKE ALL ON FUNCTION daftar.company_of_public_file(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.company_of_public_file(uuid) TO daftar_api;
