-- Who may log in by a user name alone: Mahak's clients name no company, or the number 0.

-- The companies in which a living user has this user name or e-mail, as the unique values have them: without case. See 0008.
CREATE INDEX users_by_username ON daftar.unique_values (value) WHERE kind = 'user' AND name = 'username';

CREATE FUNCTION daftar.companies_of_username(username text, most integer) RETURNS TABLE (company_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.company_id FROM daftar.companies c WHERE c.company_id IN (
        SELECT u.company_id FROM daftar.unique_values u WHERE u.kind = 'user' AND u.name = 'username' AND u.value = username
        UNION
        SELECT u.company_id FROM daftar.unique_values u WHERE u.kind = 'user' AND u.name = 'email' AND u.value = username
    ) ORDER BY c.database_id LIMIT most
$$;
REVOKE ALL ON FUNCTION daftar.companies_of_username(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION daftar.companies_of_username(text, integer) TO daftar_api;
