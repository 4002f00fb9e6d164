"""Erasing in a database of its own: nothing left in any table, the proof of the chain, who may do it, and crashes in the middle."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from bookkeeping import BEGUN
from breaking import Steps, cut
from erasure_contract import SECRET, Scene
from fixtures import dump
from psycopg.errors import InsufficientPrivilege
from trial_balances import trial_balance

from domain.command import Actor, Command
from domain.errors import ServiceUnavailable
from infra.database import Database, confine
from infra.followers.follower import ProjectionFollower, add_positions, advance
from infra.ids import new_id
from infra.ledger import Ledger
from infra.store.postgres import PostgresStore
from infra.verification.log import KnownHead, verify_all, verify_chain
from infra.verification.read_models import compare
from projections.registry import PROJECTIONS


@pytest.fixture
def scene(api) -> Scene:
    store = PostgresStore(api)
    data = {"name": "Babil", "codename": "babil"}
    company, _, _ = Ledger(store).register_company([Command(kind="company", action="create", data=data)])
    return Scene(store, company, None)


def follow(worker, company) -> None:
    """Let every following projection see the whole log."""
    with worker.connection() as connection:
        for name, projection in PROJECTIONS.items():
            if not projection.inline:
                add_positions(connection, name)
                while advance(connection, ProjectionFollower(projection), company).behind:
                    pass


def balances(worker, company):
    with worker.connection() as connection:
        return trial_balance(connection, company)


def test_nothing_is_left_in_the_whole_database(scene, api, worker, worker_url, settings):
    follow(worker, scene.company)
    books = balances(worker, scene.company)
    before = verify_chain(api, scene.company)
    assert SECRET in dump(settings.database_url)
    scene.erase()
    follow(worker, scene.company)
    assert balances(worker, scene.company) == books
    for word in (SECRET, SECRET.casefold(), "1988-08-08"):
        assert word not in dump(settings.database_url)
    assert [verify_chain(api, scene.company).ok, verify_chain(api, scene.company, until=before.head_seq).ok] == [True, True]
    known = KnownHead(before.head_seq, before.head_hash)
    assert all(report.ok for report in verify_all(worker_url, [scene.company], processes=1, known_head=known))
    for report in compare(settings.database_url, list(PROJECTIONS), processes=1):
        assert report.ok, report.differences


MINA, INVOICE = BEGUN + 1, BEGUN + 3
"""The seqs of the scene's first party, and of its first invoice."""
SEALED = {
    "the clear text": f"UPDATE events SET data = replace(data, '{SECRET} Mina', '{SECRET} Mona') WHERE seq = {{mina}}",
    "white space": "UPDATE events SET data = data || ' ' WHERE seq = {mina}",
    "a public field": "UPDATE events SET data = replace(data, '\"500\"', '\"900\"') WHERE seq = {mina}",
    "what is sealed": (
        "UPDATE events SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)"
        " WHERE seq = {mina}"
    ),
    "what would be left": "UPDATE events SET sealed = set_byte(sealed, 3, get_byte(sealed, 3) # 1) WHERE seq = {mina}",
    "not sealed any more": "UPDATE events SET sealed = NULL WHERE seq = {mina}",
    "sealed, and it was not": "UPDATE events SET sealed = convert_to(data, 'UTF8'), data = '{}' WHERE seq = {mina}",
    "another key": "UPDATE person_keys SET key = sha256(key) WHERE seq = {mina}",
    "no key": "DELETE FROM person_keys WHERE seq = {mina}",
    "no key, and as if erased": (
        "UPDATE events SET data = convert_from(substring(sealed FROM 1 FOR position('\\x0a'::bytea IN sealed) - 1), 'UTF8')"
        " WHERE seq = {mina}; DELETE FROM person_keys WHERE seq = {mina}"
    ),
    "another person": (
        "UPDATE events SET person_id = record_id WHERE seq = {invoice}; UPDATE person_keys SET person_id ="
        " (SELECT record_id FROM events WHERE seq = {invoice}) WHERE seq = {invoice}"
    ),
}


@pytest.mark.parametrize("statements", SEALED.values(), ids=list(SEALED))
def test_every_tampering_with_what_is_sealed_is_found(scene, api, owner, statements):
    assert verify_chain(api, scene.company).ok
    for statement in statements.split(";"):
        assert owner.execute(statement.replace("{mina}", str(MINA)).replace("{invoice}", str(INVOICE))).rowcount == 1
    assert verify_chain(api, scene.company).first_bad_seq == (INVOICE if "{invoice}" in statements else MINA)


def test_tampering_with_what_is_left_is_found(scene, api, owner):
    scene.erase()
    owner.execute(f"UPDATE events SET data = replace(data, '(erased)', 'Somebody') WHERE seq = {MINA}")
    assert verify_chain(api, scene.company).first_bad_seq == MINA
    owner.execute(f"UPDATE events SET data = replace(data, 'Somebody', '(erased)') WHERE seq = {MINA}")
    assert verify_chain(api, scene.company).ok
    owner.execute(f"INSERT INTO person_keys SELECT company_id, person_id, seq, sha256('') FROM events WHERE seq = {MINA}")
    assert verify_chain(api, scene.company).first_bad_seq == MINA


def test_only_the_log_can_erase(scene, api, worker, settings):
    """The role that serves requests can neither change an event or a key, nor erase somebody whose erasure is not in the log."""
    other = Ledger(scene.store).register_company(
        [Command(kind="company", action="create", data={"name": "Other", "codename": "other"})]
    )[0]
    for pool in (api, worker):
        with pool.company(scene.company) as connection:
            for statement in (
                "UPDATE events SET sealed = NULL",
                "UPDATE events SET data = '{}'",
                "UPDATE person_keys SET key = key",
                "DELETE FROM person_keys",
                f"SELECT erase_person('{scene.party}')",
            ):
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(statement)
    scene.erase()
    with api.company(other) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("SELECT erase_person(%s)", (scene.party,))
    with psycopg.connect(settings.database_url, autocommit=True) as connection:  # not even the owner, without a company
        confine(connection, None)
        with pytest.raises(InsufficientPrivilege):
            connection.execute("SELECT daftar.erase_person(%s)", (scene.party,))


def erase_with(scene, api, fault, at) -> tuple[Steps, UUID, bool]:
    """Erase a new person, with a fault at a step; the steps it passed, the person, and whether it was answered."""
    person = scene.create("party", name=f"{SECRET} {at}", phone=SECRET)
    single = Database(api.url, size=1).open()
    steps = Steps(fault, at)
    ledger = steps.arm(Ledger(PostgresStore(single)))
    try:
        ledger.execute(scene.company, [Command(kind="party", action="erase", id=person)], Actor())
    except ServiceUnavailable:
        return steps, person, False
    finally:
        steps.disarm()
        single.close()
    return steps, person, True


HELD = """
SELECT (SELECT count(*) FROM events WHERE record_id = %(person)s AND topic = 'party.erased.v1'),
    (SELECT count(*) FROM person_keys WHERE person_id = %(person)s),
    (SELECT count(*) FROM records WHERE id = %(person)s AND document LIKE %(word)s),
    (SELECT count(*) FROM events WHERE record_id = %(person)s AND data LIKE %(word)s)
"""


def test_a_connection_lost_at_any_step_of_an_erasure(scene, api, owner, settings):
    """All or nothing: a person is never erased in part."""
    names = erase_with(scene, api, lambda _: None, None)[0].names
    assert any("erase_person" in name for name in names)
    outcomes = set()
    for at, name in enumerate(names):
        _, person, answered = erase_with(scene, api, cut(settings.database_url), at)
        counts = owner.execute(HELD, {"person": person, "word": f"%{SECRET}%"}).fetchone()
        assert counts in ((1, 0, 0, 0), (0, 1, 1, 1)), name
        outcomes.add((counts[0], answered))
    assert {(0, False), (1, True)} <= outcomes
    assert verify_chain(api, scene.company).ok


def test_a_person_of_many_records(scene, api):
    """Chunks of statements, and documents beyond one of them."""
    lines = [{"description": "Tea", "quantity": "1", "unit_price": "1"}]
    data = {"type": "sales", "party_id": str(scene.party), "lines": lines, "notes": SECRET}
    commands = [Command(kind="invoice", action="create", id=new_id(), data=data) for _ in range(300)]
    scene.ledger.execute(scene.company, commands, Actor())
    scene.erase()
    assert verify_chain(api, scene.company).ok
    with api.company(scene.company) as connection:
        for table in ("events", "records"):
            assert connection.execute(f"SELECT FROM {table} WHERE {table}::text LIKE '%{SECRET}%'").rowcount == 0
