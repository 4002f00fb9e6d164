"""`daftar company`: begin companies, list them, look at one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click
import msgspec
from rich.table import Table

from domain.command import SYSTEM, Command
from domain.needs import Needs
from domain.record import Record
from domain.values import LARGEST_NUMBER
from infra.cli.books import Books, open_books
from infra.cli.conventions import Failure, UsageProblem, data_dir_option, json_option, messages, print_json, results
from infra.cli.passwords import password_stdin_option, read_password
from infra.companies.directory import company_record, get_company, list_companies
from infra.identity.passwords import Passwords
from infra.ids import new_id

POSITIVE = click.IntRange(1, LARGEST_NUMBER)


@click.group(
    epilog="""
\b
Examples:
  daftar company create bazaar --name "Bazaar Ltd" --currency EUR --time-zone Europe/Berlin
  daftar company list
  daftar company show babil
  daftar company erase-person --company babil --party 17
"""
)
def company() -> None:
    """Create and list companies, and erase people from their books."""


@company.command(
    epilog="""
\b
Examples:
  daftar company create bazaar --name "Bazaar Ltd" --currency EUR --time-zone Europe/Berlin
  daftar company create bazaar --owner mina@bazaar.example
  printf '%s\\n' "$PASSWORD" | daftar company create bazaar --owner mina@bazaar.example --password-stdin --json
"""
)
@click.argument("codename")
@click.option("--name", help="Its name.  [default: the codename]")
@click.option("--currency", default="USD", show_default=True, help="ISO 4217 code of the currency its books are kept in.")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA name of the time zone its days begin in.")
@click.option("--country", help="Where it is.")
@click.option(
    "--database-id",
    type=POSITIVE,
    help="Number by which Mahak clients name it.  [default: the next free one]",
)
@click.option("--package-number", type=POSITIVE, help="Mahak package number.")
@click.option("--owner", "owner_email", metavar="EMAIL", help="Make its owner too; the password is asked for.")
@click.option("--owner-name", help="The owner's name.  [default: the e-mail]")
@password_stdin_option
@data_dir_option
@json_option
def create(
    codename: str,
    owner_email: str | None,
    owner_name: str | None,
    data_dir: str | None,
    *,
    password_stdin: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Begin a company's books under CODENAME: lower-case letters, digits and hyphens. Codename and currency stay for ever."""
    data = {name: value for name, value in fields.items() if value is not None}
    data |= {"codename": codename, "name": fields["name"] or codename}
    with open_books(data_dir) as books:
        commands = [Command(kind="company", action="create", data=data)]
        credentials = []
        if owner_email is not None:
            user = {"email": owner_email, "name": owner_name or owner_email, "role": "tenantOwner"}
            owner_id = new_id()
            commands.append(Command(kind="user", action="create", id=owner_id, data=user))
            credentials.append(Passwords().credential(owner_id, read_password(from_stdin=password_stdin, demo=books.settings.demo)))
        company_id, database_id, outcome = books.ledger.register_company(commands, credentials=credentials)
    if as_json:
        print_json({"id": company_id, "codename": codename, "database_id": database_id, "seq": outcome.seq})
        return
    results().print(f"{codename}  {company_id}  DatabaseId {database_id}", soft_wrap=True)
    if owner_email is None:
        messages().print(
            f"nobody can log in yet: daftar user create --company {codename} --role tenantOwner --email …", soft_wrap=True
        )


@company.command(
    name="list",
    epilog="""
\b
Examples:
  daftar company list
  daftar company list --json
""",
)
@data_dir_option
@json_option
def list_(data_dir: str | None, *, as_json: bool) -> None:
    """List every company, one JSON object per line with --json."""
    with open_books(data_dir) as books:
        found = list_companies(books.database)
    if as_json:
        for row in found:
            print_json(row)
        return
    table = Table("codename", "database id", "id", "since", box=None)
    for row in found:
        table.add_row(row.codename, str(row.database_id), str(row.id), f"{row.created_at:%Y-%m-%d}")
    results().print(table)


@company.command(
    epilog="""
\b
Examples:
  daftar company show babil
  daftar company show babil --json
"""
)
@click.argument("codename")
@data_dir_option
@json_option
def show(codename: str, data_dir: str | None, *, as_json: bool) -> None:
    """Show a company: its particulars, and where its log ends."""
    with open_books(data_dir) as books:
        listed = get_company(books.database, codename)
        data = company_record(books.ledger, listed.id).data
        head = books.ledger.store.head(listed.id)
    if as_json:
        log = {"seq": head.seq, "hash": head.hash.hex(), "recorded_at": head.recorded_at}
        print_json({**msgspec.to_builtins(listed), "data": data, "head": log, "numbers": head.numbers})
        return
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in {**data, "database_id": listed.database_id, "id": listed.id}.items():
        table.add_row(name, str(value))
    table.add_row("log", f"seq {head.seq}, written {head.recorded_at:%Y-%m-%d %H:%M:%S} UTC")
    table.add_row("head hash", head.hash.hex())
    for kind, number in sorted(head.numbers.items()):
        table.add_row(f"last {kind} number", str(number))
    results().print(table)


@company.command(
    name="erase-person",
    epilog="""
\b
Examples:
  daftar company erase-person --company babil --party 17
  daftar company erase-person --company babil --user 0198c0de-0000-7000-8000-000000000001 --yes --json

Amounts, dates and numbers stay, as do the log's hashes. Backups, exports and what others have pulled keep what they have.
""",
)
@click.option("--company", "codename", required=True, metavar="CODENAME", help="Codename of the company.")
@click.option("--party", metavar="ID|NUMBER", help="The party to erase.")
@click.option("--user", metavar="ID|NUMBER", help="The user to erase.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
@json_option
def erase_person(codename: str, party: str | None, user: str | None, data_dir: str | None, *, yes: bool, as_json: bool) -> None:
    """Destroy the personal data of a party or a user for ever, wherever the company's books hold them."""
    if (party is None) == (user is None):
        raise UsageProblem("name one person: --party or --user")
    kind, name = ("party", party) if user is None else ("user", user)
    with open_books(data_dir) as books:
        listed = get_company(books.database, codename)
        person = _person(books, listed.id, kind, name or "")
        question = f"Erase {kind} {person.number}, {person.data['name']!r}, of {codename} for ever?"
        if not yes and not click.confirm(question, err=True):
            raise Failure("nothing was erased")
        outcome = books.ledger.execute(listed.id, [Command(kind=kind, action="erase", id=person.id)], SYSTEM)
    if as_json:
        print_json({"id": person.id, "kind": kind, "number": person.number, "seq": outcome.seq})
    else:
        results().print(f"{kind} {person.number} of {codename} is erased")


def _person(books: Books, company_id: UUID, kind: str, name: str) -> Record:
    """The party or user with this id or number."""
    if name.isascii() and name.isdigit() and len(name) < 17:
        needs = Needs(numbers={(kind, int(name))})
    else:
        try:
            needs = Needs(ids={UUID(name)})
        except ValueError:
            raise UsageProblem(f"{name!r} is neither an id nor a number") from None
    for record in books.ledger.store.read_records(company_id, needs).records:
        if record.kind == kind:
            return record
    raise Failure(f"there is no {kind} {name}")
