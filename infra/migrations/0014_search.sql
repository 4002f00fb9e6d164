-- Folding of texts for searching: small letters, and one letter for the ways to write it in Arabic, Persian, Turkish and Greek;
-- projections/search.py folds the same way. Letters beyond ASCII have small forms in the collation named here, which PostgreSQL has
-- from version 17 on whatever the database's locale; before, in the database's own.

DO $do$
DECLARE
    named text := CASE WHEN EXISTS (SELECT FROM pg_collation WHERE collname = 'pg_c_utf8' AND collnamespace = 'pg_catalog'::regnamespace)
                           THEN ' COLLATE pg_catalog.pg_c_utf8' ELSE '' END;
BEGIN
    EXECUTE format($function$
        CREATE FUNCTION daftar.fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN translate(lower(translate($1, %L, %L)%s), U&'\03C2', U&'\03C3')
    $function$,
        U&'\0130\0131\03C2\064A\0649\0643\0629\0623\0625\0622\0671\0624\0626\06F0\06F1\06F2\06F3\06F4\06F5\06F6\06F7\06F8\06F9\0660\0661\0662\0663\0664\0665\0666\0667\0668\0669\200C\200D\200E\200F\0640\064B\064C\064D\064E\064F\0650\0651\0652',
        U&'\0069\0069\03C3\06CC\06CC\06A9\0647\0627\0627\0627\0627\0648\06CC\0030\0031\0032\0033\0034\0035\0036\0037\0038\0039\0030\0031\0032\0033\0034\0035\0036\0037\0038\0039',
        named);
END $do$;

GRANT EXECUTE ON FUNCTION daftar.fold(text) TO daftar_api, daftar_worker;
