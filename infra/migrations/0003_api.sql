-- What an API process has to know of all companies at once: where logs end and how far followers are, and nothing of what is in
-- them. The API's role sees one company at a time, so these run with their owner's rights.

CREATE FUNCTION daftar.heads_of(companies uuid[]) RETURNS TABLE (company_id uuid, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT h.company_id, h.seq FROM daftar.heads h WHERE h.company_id = ANY (companies) $$;

CREATE FUNCTION daftar.follower_lags()
RETURNS TABLE (follower text, behind bigint, companies_behind bigint, parked bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.follower, coalesce(max(greatest(h.seq - p.seq, 0)), 0), count(*) FILTER (WHERE p.seq < h.seq),
           count(*) FILTER (WHERE p.parked_seq IS NOT NULL)
    FROM daftar.positions p JOIN daftar.heads h USING (company_id) GROUP BY p.follower
$$;

REVOKE ALL ON FUNCTION daftar.heads_of(uuid[]), daftar.follower_lags() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.heads_of(uuid[]), daftar.follower_lags() TO daftar_api, daftar_worker;
