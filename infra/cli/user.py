"""`daftar user`: who may log in to a company."""

from __future__ import annotations

from typing import Any, get_args
from uuid import UUID

import click
import msgspec
from rich.table import Table

from domain.command import SYSTEM, Command
from domain.kinds.user import Role
from domain.needs import Needs
from domain.record import Record
from infra.cli.books import Books, open_books
from infra.cli.conventions import Failure, UsageProblem, counted, data_dir_option, json_option, print_json, results
from infra.cli.passwords import password_stdin_option, read_password
from infra.companies.directory import ROOT, Listed, ensure_root, get_company
from infra.identity.passwords import Passwords
from infra.ids import new_id

company_option = click.option("--company", "codename", required=True, metavar="CODENAME", help="Codename of the company.")


@click.group(
    epilog="""
\b
Examples:
  daftar user create --company babil --role accountant --email mina@babil.example
  daftar user list --company babil
  daftar user password user1 --company babil
"""
)
def user() -> None:
    """Create users, list them, set passwords, end logins."""


@user.command(
    epilog="""
\b
Examples:
  daftar user create --company root --role superAdmin --email ops@example.com
  daftar user create --company babil --role accountant --email mina@babil.example --name "Mina Karimi"
  printf '%s\\n' "$PASSWORD" | daftar user create --company babil --username till7 --password-stdin --json

The company `root` is the service's own; it is made with its first user. The password is asked for, or read from stdin.
"""
)
@company_option
@click.option("--email", help="E-mail to log in with.")
@click.option("--username", help="User name to log in with, where a till or an integration has no e-mail.")
@click.option("--name", help="The person's name.  [default: the e-mail or user name]")
@click.option("--role", type=click.Choice(get_args(Role)), default="user", show_default=True, help="What the user may do.")
@password_stdin_option
@data_dir_option
@json_option
def create(
    codename: str,
    email: str | None,
    username: str | None,
    name: str | None,
    role: str,
    data_dir: str | None,
    *,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Create a user who may log in to a company."""
    if not (email or username):
        raise UsageProblem("a user needs an --email or a --username to log in with")
    data = {"email": email, "username": username, "name": name or email or username, "role": role}
    with open_books(data_dir) as books:
        company = ensure_root(books.ledger, books.database) if codename == ROOT else get_company(books.database, codename)
        user_id = new_id()
        credential = Passwords().credential(user_id, read_password(from_stdin=password_stdin, demo=books.settings.demo))
        given: dict[str, Any] = {key: value for key, value in data.items() if value is not None}
        given["email_verified"] = email is not None  # whoever runs the service vouches for it
        command = Command(kind="user", action="create", id=user_id, data=given)
        outcome = books.ledger.execute(company.id, [command], SYSTEM, credentials=[credential])
    if as_json:
        print_json({"id": user_id, "company": codename, "role": role, "seq": outcome.seq})
        return
    results().print(f"{data['name']}  {role} of {codename}  {user_id}", soft_wrap=True)


@user.command(
    name="list",
    epilog="""
\b
Examples:
  daftar user list --company babil
  daftar user list --company babil --json
""",
)
@company_option
@data_dir_option
@json_option
def list_(codename: str, data_dir: str | None, *, as_json: bool) -> None:
    """List a company's users, one JSON object per line with --json."""
    with open_books(data_dir) as books:
        company = get_company(books.database, codename)
        found = list(_users(books, company))
    if as_json:
        for record in found:
            print_json({"id": record.id, "number": record.number, **record.data})
        return
    table = Table("number", "e-mail", "user name", "name", "role", "active", box=None)
    for record in found:
        data = record.data
        active = "yes" if data.get("is_active", True) else "no"
        table.add_row(str(record.number), data.get("email", ""), data.get("username", ""), data["name"], data["role"], active)
    results().print(table)


@user.command(
    epilog="""
\b
Examples:
  daftar user password mina@babil.example --company babil
  printf '%s\\n' "$PASSWORD" | daftar user password user1 --company babil --password-stdin
"""
)
@click.argument("login")
@company_option
@password_stdin_option
@data_dir_option
@json_option
def password(login: str, codename: str, data_dir: str | None, *, password_stdin: bool, as_json: bool) -> None:
    """Set the password of the user whose e-mail or user name is LOGIN, and end every session it has."""
    with open_books(data_dir) as books:
        company = get_company(books.database, codename)
        record = _find(books, company, login)
        credential = Passwords().credential(record.id, read_password(from_stdin=password_stdin, demo=books.settings.demo))
        sessions = _open_sessions(books, company, record.id)
        commands = [Command(kind="user", action="change_password", id=record.id), *map(_close, sessions)]
        outcome = books.ledger.execute(company.id, commands, SYSTEM, credentials=[credential])
    _done(as_json, record, codename, outcome.seq, len(sessions), "has a new password")


@user.command(
    epilog="""
\b
Examples:
  daftar user deactivate mina@babil.example --company babil
  daftar user deactivate user1 --company babil --json
"""
)
@click.argument("login")
@company_option
@data_dir_option
@json_option
def deactivate(login: str, codename: str, data_dir: str | None, *, as_json: bool) -> None:
    """Let the user whose e-mail or user name is LOGIN log in no more, and end every session it has."""
    with open_books(data_dir) as books:
        company = get_company(books.database, codename)
        record = _find(books, company, login)
        sessions = _open_sessions(books, company, record.id)
        update = Command(kind="user", action="update", id=record.id, data={"is_active": False})
        outcome = books.ledger.execute(company.id, [update, *map(_close, sessions)], SYSTEM)
    _done(as_json, record, codename, outcome.seq, len(sessions), "is deactivated")


def _done(as_json: bool, record: Record, codename: str, seq: int, sessions: int, what: str) -> None:
    if as_json:
        print_json({"id": record.id, "company": codename, "sessions_ended": sessions, "seq": seq})
        return
    results().print(f"{record.data['name']} of {codename} {what}; {counted(sessions, 'session', 'sessions')} ended", soft_wrap=True)


def _close(session_id: UUID) -> Command:
    return Command(kind="session", action="delete", id=session_id)


def _users(books: Books, company: Listed) -> list[Record]:
    return [record for record in _records(books, company, "user") if not record.deleted]


def _open_sessions(books: Books, company: Listed, user_id: UUID) -> list[UUID]:
    sessions = _records(books, company, "session")
    return [record.id for record in sessions if record.data.get("user_id") == str(user_id) and not record.deleted]


def _records(books: Books, company: Listed, kind: str) -> list[Record]:
    found: list[Record] = []
    for page in books.reader.record_pages(company.id, 0, [kind]):
        found += msgspec.json.decode(b"[" + page.items + b"]", type=list[Record])
    return sorted(found, key=lambda record: record.number)


def _find(books: Books, company: Listed, login: str) -> Record:
    """The user whose e-mail or user name this is."""
    key = login.casefold()
    needs = Needs(unique={("user", "email", key), ("user", "username", key)})
    unique: dict[Any, UUID] = books.ledger.store.read_records(company.id, needs).unique
    ids = set(unique.values())
    found = books.ledger.store.read_records(company.id, Needs(ids=ids)).records if ids else []
    if not found:
        raise Failure(f"{company.codename} has no user {login!r}; daftar user list --company {company.codename}")
    return found[0]
