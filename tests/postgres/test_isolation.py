"""Row-level security: what one company's connection can see and change of another's, in every table there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from bookkeeping import audit, create, open_store, register
from checking import Watch
from fixtures import Urls
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from infra.database import API_ROLE, WORKER_ROLE, Database, confine
from infra.ledger import Ledger
from infra.store.postgres import PostgresStore

READABLE_BY_ALL = {"companies"}
"""Who there is has to be found before a company is known: ids, codenames and database ids, nothing of their business."""
SAMPLES = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "bigint": "(random() * 1e9)::bigint + 1",
    "integer": "(random() * 1e9)::integer + 1",
    "smallint": "1",
    "numeric": "1",
    "double precision": "1",
    "boolean": "false",
    "bytea": "decode(repeat('00', 32), 'hex')",
    "jsonb": "'{}'::jsonb",
    "date": "current_date",
    "timestamp with time zone": "now()",
}
"""A value of each type, unlike the last one where the type has more than a few."""

CONFINED_VIEWS = frozenset({"searchable"})
"""Views that show everybody, their owner too, the rows of one company only; the table behind is tried like the others."""

Connection = psycopg.Connection[Any]


def company_tables(connection: Connection) -> list[str]:
    """Every relation of the schema that has a company_id."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'daftar'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND a.attname = 'company_id' AND NOT a.attisdropped ORDER BY 1"
    )
    return [row[0] for row in rows]


def insertion(connection: Connection, table: str, company: UUID) -> sql.Composed:
    """An INSERT of one row of this company, made up from the columns' types."""
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = ('daftar.' || %s)::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        (table,),
    ).fetchall()
    values = [sql.Literal(company) if name == "company_id" else sql.SQL(SAMPLES[kind]) for name, kind in columns]
    return sql.SQL("INSERT INTO daftar.{} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns), sql.SQL(", ").join(values)
    )


@pytest.fixture(scope="module")
def companies(urls: Urls, watch: Watch) -> tuple[UUID, UUID]:
    """Two companies with at least one row each in every relation; made-up rows, which are no books. A view has its table's too."""
    pair = uuid4(), uuid4()
    for company in pair:
        watch.ignore(company)
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")  # rows without what they refer to
        for table in company_tables(owner):
            for company in pair:
                owner.execute(insertion(owner, table, company))
    return pair


@pytest.fixture(scope="module")
def owner(urls: Urls) -> Iterator[Connection]:
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        yield connection


@pytest.fixture
def api(urls: Urls) -> Iterator[Connection]:
    with psycopg.connect(urls.api, autocommit=True) as connection:
        yield connection


def attempt(connection: Connection, statement: str | sql.Composable, *parameters: Any) -> int:
    """How many rows a statement returned or changed; none where the role has no right to it."""
    try:
        return connection.execute(statement, parameters or None).rowcount
    except InsufficientPrivilege:
        return 0


def test_there_are_tables_to_protect(owner: Connection) -> None:
    assert set(company_tables(owner)) >= {"events", "heads", "records", "answers", "credentials", "client_ids", "positions"}


def test_a_connection_sees_and_changes_only_its_company(owner: Connection, api: Connection, companies: tuple[UUID, UUID]) -> None:
    mine, theirs = companies
    confine(api, mine)
    seen = 0
    for table in company_tables(owner):
        name = sql.Identifier("daftar", table)
        of_others = sql.SQL("SELECT FROM {} WHERE company_id = %s").format(name)
        before = owner.execute(of_others, (theirs,)).rowcount
        everything = attempt(api, sql.SQL("SELECT company_id FROM {}").format(name))
        if table in READABLE_BY_ALL:
            continue
        own = attempt(api, sql.SQL("SELECT company_id FROM {} WHERE company_id = %s").format(name), mine)
        assert everything == own, f"{table}: only rows of its own"
        seen += own > 0
        change = sql.SQL("UPDATE {} SET company_id = company_id WHERE company_id = %s").format(name)
        assert attempt(api, change, theirs) == 0, f"{table}: nothing of others is updated"
        assert attempt(api, sql.SQL("DELETE FROM {} WHERE company_id = %s").format(name), theirs) == 0, table
        with pytest.raises(InsufficientPrivilege):
            api.execute(insertion(owner, table, theirs))
        with pytest.raises(InsufficientPrivilege):
            api.execute(sql.SQL("UPDATE {} SET company_id = %s").format(name), (theirs,))
        assert before > 0 or table in CONFINED_VIEWS, f"{table}: there is something of others"
        assert owner.execute(of_others, (theirs,)).rowcount == before, table
    assert seen >= 8


def test_without_a_company_nothing_is_visible(owner: Connection, api: Connection, companies: tuple[UUID, UUID]) -> None:
    for setting in (None, "", str(uuid4())):
        if setting is not None:
            api.execute("SELECT set_config('daftar.company_id', %s, false)", (setting,))
        for table in set(company_tables(owner)) - READABLE_BY_ALL:
            name = sql.Identifier("daftar", table)
            assert attempt(api, sql.SQL("SELECT FROM {}").format(name)) == 0, table
            with pytest.raises(InsufficientPrivilege):
                api.execute(insertion(owner, table, companies[0]))


def test_who_there_is_can_be_read_and_not_changed(api: Connection) -> None:
    assert attempt(api, "SELECT FROM daftar.companies") >= 2
    for statement in (
        "UPDATE daftar.companies SET codename = 'x'",
        "DELETE FROM daftar.companies",
        "TRUNCATE daftar.companies",
    ):
        with pytest.raises(InsufficientPrivilege):
            api.execute(statement)


@pytest.mark.parametrize("role", [API_ROLE, WORKER_ROLE])
def test_roles_cannot_bypass(owner: Connection, urls: Urls, role: str) -> None:
    attributes = owner.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s", (role,)
    ).fetchone()
    assert attributes == (False,) * 5
    questions = {
        "owns a relation": "SELECT 1 FROM pg_class WHERE relowner = %s::regrole",
        "owns a function": "SELECT 1 FROM pg_proc WHERE proowner = %s::regrole",
        "owns a schema": "SELECT 1 FROM pg_namespace WHERE nspowner = %s::regrole",
        "is a member of another role": "SELECT 1 FROM pg_auth_members WHERE member = %s::regrole",
        "may make tables": "SELECT 1 WHERE has_schema_privilege(%s, 'daftar', 'CREATE')",
        "may empty tables or add triggers": "SELECT relname FROM pg_class WHERE relnamespace = 'daftar'::regnamespace"
        " AND relkind IN ('r', 'p') AND has_table_privilege(%s, oid, 'TRUNCATE, TRIGGER')",
    }
    for question, statement in questions.items():
        assert owner.execute(statement, (role,)).fetchall() == [], f"{role} {question}"
    url = urls.api if role == API_ROLE else urls.worker
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (
            "SET ROLE daftar",
            "SET session_replication_role = replica",
            "ALTER TABLE daftar.events DISABLE RULE x",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)
        connection.execute("SET row_security = off")
        if role == API_ROLE:
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                connection.execute("SELECT FROM daftar.events")


@pytest.mark.parametrize("role", [API_ROLE, WORKER_ROLE])
def test_nobody_changes_the_log(urls: Urls, companies: tuple[UUID, UUID], role: str) -> None:
    with psycopg.connect(urls.api if role == API_ROLE else urls.worker, autocommit=True) as connection:
        confine(connection, companies[0])
        assert connection.execute("SELECT FROM daftar.events").rowcount > 0
        for statement in ("UPDATE daftar.events SET data = '{}'", "DELETE FROM daftar.events", "TRUNCATE daftar.events"):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)


def test_workers_read_the_log_and_write_nothing_of_it(owner: Connection, urls: Urls, companies: tuple[UUID, UUID]) -> None:
    with psycopg.connect(urls.worker, autocommit=True) as worker:
        for table in ("companies", "heads", "events", "records", "unique_values", "client_ids", "stock_levels", "answers"):
            assert attempt(worker, f"SELECT FROM daftar.{table}") >= 2, f"{table}: of every company"
            with pytest.raises(InsufficientPrivilege):
                worker.execute(insertion(owner, table, companies[0]))
            with pytest.raises(InsufficientPrivilege):
                worker.execute(f"UPDATE daftar.{table} SET company_id = company_id")
        for table in ("credentials", "migrations"):
            with pytest.raises(InsufficientPrivilege):
                worker.execute(f"SELECT FROM daftar.{table}")


def test_what_crosses_companies_is_known_and_safe(owner: Connection) -> None:
    """Functions that run with their owner's rights see all companies: each new one has to be thought about, and listed here."""
    functions = owner.execute(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'daftar'::regnamespace AND prosecdef"
    ).fetchall()
    assert {name for name, _ in functions} <= {
        "businesses",
        "companies_of_email",
        "companies_of_username",
        "company_of_public_file",
        "erase_person",
        "follower_lags",
        "heads_of",
        "records_of_shifts",
        "customer_credits",
        "settle_index",
    }
    for name, config in functions:
        assert any(setting.startswith("search_path=") for setting in config or ()), f"{name} finds only what it means"


def test_what_runs_with_its_owners_rights_tells_of_the_sessions_company_only(urls: Urls) -> None:
    database = Database(urls.api, size=1).open()
    ledger = Ledger(PostgresStore(database))
    first, second = register(ledger), register(ledger)
    party = create(ledger, first, "party", name="A")
    create(ledger, first, "payment", party_id=party, amount="5", currency="USD")
    for company, rows in ((first, 1), (second, 0)):
        with database.company(company) as connection:
            assert connection.execute("SELECT FROM customer_credits(%s)", ([str(party)],)).rowcount == rows
    with database.connection() as connection:
        assert connection.execute("SELECT FROM customer_credits(%s)", ([str(party)],)).rowcount == 0
    database.close()


def test_a_pooled_connection_forgets_its_company(urls: Urls) -> None:
    database = Database(urls.api, size=1).open()
    ledger = Ledger(PostgresStore(database))
    first, second = register(ledger), register(ledger)
    party = create(ledger, first, "party", name="A")
    with database.connection() as connection:
        assert connection.execute("SELECT FROM records").rowcount == 0
    with database.company(second) as connection:
        assert connection.execute("SELECT FROM records WHERE id = %s", (party,)).rowcount == 0
    with database.company(first) as connection:
        assert connection.execute("SELECT FROM records WHERE id = %s", (party,)).rowcount == 1
    database.close()


def test_nothing_depends_on_the_servers_defaults(urls: Urls) -> None:
    """Times are hashed: a server in another zone, or with another isolation level, stores and reads the same bytes."""
    store = open_store(urls.api, size=2)
    ledger = Ledger(store)
    company = register(ledger)
    settings = {"timezone": "Asia/Tehran", "default_transaction_isolation": "serializable", "bytea_output": "escape"}
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER ROLE {API_ROLE} IN DATABASE {urls.name} SET {name} = '{value}'")
        odd = open_store(urls.api, size=2)
        create(Ledger(odd), company, "party", name="A")
        create(ledger, company, "party", name="B")
        assert audit(odd, company) == audit(store, company)
        connection.execute(f"ALTER ROLE {API_ROLE} IN DATABASE {urls.name} RESET ALL")
    odd.database.close()
    store.database.close()
