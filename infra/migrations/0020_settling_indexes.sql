-- An inverted index gathers new entries in a list, and puts them into place together, which is several times cheaper than one by one.
-- Followers have it done at the end of each batch, so that readers never meet a long list. Only an index's owner may, so this runs
-- with its owner's rights.
CREATE FUNCTION daftar.settle_index(home text, name text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT gin_clean_pending_list(to_regclass(format('%I.%I', home, name))) $$;
REVOKE ALL ON FUNCTION daftar.settle_index(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.settle_index(text, text) TO daftar_worker;
