-- A role for private SQL: it can read what the card says, and nothing else.
-- The guard and the read-only transaction hold without it; this is the layer below them.
CREATE ROLE nl2sql_ro LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 8;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO nl2sql_ro;
GRANT SELECT ON orders TO nl2sql_ro;
GRANT SELECT (id, city, joined) ON customer TO nl2sql_ro;
ALTER ROLE nl2sql_ro SET default_transaction_read_only = on;
ALTER ROLE nl2sql_ro SET statement_timeout = '5s';
ALTER ROLE nl2sql_ro SET lock_timeout = '1s';
ALTER ROLE nl2sql_ro SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE nl2sql_ro SET work_mem = '16MB';
ALTER ROLE nl2sql_ro SET temp_file_limit = '64MB';
ALTER ROLE nl2sql_ro SET search_path = 'public';
REVOKE EXECUTE ON FUNCTION pg_sleep(float8), pg_notify(text, text), pg_advisory_lock(bigint),
    query_to_xml(text, bool, bool, text), schema_to_xml(name, bool, bool, text),
    database_to_xml(bool, bool, text) FROM PUBLIC;
