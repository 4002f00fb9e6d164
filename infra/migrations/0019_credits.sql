-- Payments that are on no invoice are their party's credit: found by the party, for what customers owe.
CREATE INDEX credits_by_party ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'party_id')))
    WHERE kind = 'payment' AND parent_id IS NULL AND NOT deleted;

-- What came in from these parties and is on no invoice. Under row-level security no index on a value in a document is used, because
-- its operators might tell of other rows; so this runs with its owner's rights, and sees the company that the session may see.
CREATE FUNCTION daftar.customer_credits(parties text[]) RETURNS TABLE (party_id text, currency text, amount numeric)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT data ->> 'party_id', data ->> 'currency', sum((data ->> 'amount')::numeric)
    FROM (
        SELECT document::jsonb -> 'data' AS data FROM daftar.records
        WHERE company_id = nullif(current_setting('daftar.company_id', true), '')::uuid
        AND kind = 'payment' AND parent_id IS NULL AND NOT deleted
        AND document::jsonb -> 'data' ->> 'party_id' = ANY (parties)
        OFFSET 0  -- each document is read once
    ) AS payments
    WHERE data ->> 'direction' = 'in'
    GROUP BY 1, 2
$$;
REVOKE ALL ON FUNCTION daftar.customer_credits(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.customer_credits(text[]) TO daftar_api;
