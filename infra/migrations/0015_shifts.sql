-- What was sold, paid and spent in a shift: found when the shift is closed, and by its report. Of all other records nothing but the
-- kind, and of those kinds nothing but a text, is looked at when they are written.
CREATE INDEX records_by_shift ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'shift_id')))
    WHERE kind = ANY (ARRAY['cash_transaction', 'expense', 'invoice', 'payment']) AND strpos(document, '"shift_id":"') > 0;

-- Row-level security lets no expression but a leakproof one reach an index, and reading JSON is none: by itself the API's role would
-- read every shift there ever was. So the look-up is the owner's; it answers ids only, of the company that the session names.
CREATE FUNCTION daftar.records_of_shifts(shifts text[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT id FROM daftar.records
    WHERE company_id = nullif(current_setting('daftar.company_id', true), '')::uuid
    AND (document::jsonb -> 'data' ->> 'shift_id') = ANY (shifts)
    AND kind = ANY (ARRAY['cash_transaction', 'expense', 'invoice', 'payment']) AND strpos(document, '"shift_id":"') > 0
$$;

REVOKE ALL ON FUNCTION daftar.records_of_shifts(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.records_of_shifts(text[]) TO daftar_api;
