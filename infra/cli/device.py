"""`daftar device`: a small app of the Matrix dialect in a terminal, which works offline and syncs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from infra.cli.conventions import (
    Failure,
    ServiceUnavailable,
    UsageProblem,
    counted,
    json_option,
    line,
    messages,
    print_json,
    results,
)
from infra.cli.passwords import password_stdin_option
from infra.device import Device, DeviceError, FileProblem, Report, ServerAway, WrongUse

HIDDEN = frozenset({"id", "company_id", "created_at", "updated_at", "deleted_at"})
"""Columns that a list of rows leaves out, or shows by themselves."""

file_argument = click.argument("file", type=click.Path(path_type=Path))
values_argument = click.argument("values", nargs=-1, metavar="COLUMN=VALUE…")


@contextmanager
def _problems() -> Iterator[None]:
    """A device's errors with the exit codes that `daftar --help` documents."""
    try:
        yield
    except ServerAway as error:
        raise ServiceUnavailable(f"{error}; nothing here is lost") from None
    except (WrongUse, FileProblem) as error:
        raise UsageProblem(str(error)) from None
    except DeviceError as error:
        raise Failure(str(error)) from None


@contextmanager
def _device(file: Path) -> Iterator[Device]:
    with _problems():
        device = Device.open(file)
        try:
            yield device
        finally:
            device.close()


def read_values(given: tuple[str, ...]) -> dict[str, Any]:
    """`column=value` as a row: texts, but for null, true, false, and what looks like a JSON object or list. Raises UsageProblem."""
    values: dict[str, Any] = {}
    for one in given:
        column, sign, text = one.partition("=")
        if not sign or not column:
            raise UsageProblem(f"{one!r} is not of the form column=value")
        values[column] = text
        if text in {"null", "true", "false"} or text[:1] in {"{", "["}:
            try:
                values[column] = json.loads(text)
            except ValueError:
                raise UsageProblem(f"the value of {column} is no JSON: {text}") from None
    return values


@click.group(
    epilog="""
\b
Examples:
  daftar device init till.db --server http://127.0.0.1:8000 --email admin@daftar.example
  daftar device add till.db parties name=Shirin party_type=customer
  daftar device sync till.db
  daftar device watch till.db

Everything but init, login, sync and watch works without the server. docs/devices.md shows two devices at work.
"""
)
def device() -> None:
    """Keep books on a device of its own, offline, and sync them."""


@device.command(
    epilog="""
\b
Examples:
  daftar device init till.db --server http://127.0.0.1:8000 --email admin@daftar.example
  printf '%s\\n' "$PASSWORD" | daftar device init till.db --server https://books.example --email a@b.example --password-stdin
  daftar device init till.db --server http://127.0.0.1:8000 --email mina@bazaar.example --register --company Bazaar
"""
)
@file_argument
@click.option("--server", required=True, metavar="URL", help="Address of the server.")
@click.option("--email", required=True, help="E-mail to log in with.")
@click.option("--name", default="", help="What to call this device; the server shows it in front of the device's id.")
@click.option("--register", is_flag=True, help="Register a new user with a new company, instead of logging in.")
@click.option("--company", default="", help="Name of the new company.  [default: the user's e-mail]")
@password_stdin_option
def init(file: Path, server: str, email: str, name: str, company: str, *, register: bool, password_stdin: bool) -> None:
    """Make FILE, a new device: log in, and fetch everything."""
    credentials = {"email": email, "password": _password(from_stdin=password_stdin)}
    if register:
        credentials |= {"name": email, "company_name": company}
    elif company:
        raise UsageProblem("--company names the new company of --register")
    with _problems():
        made = Device.create(file, server, credentials, name=name, register=register)
        try:
            report = made.sync()
        finally:
            made.close()
    rows = counted(report.received, "row", "rows")
    results().print(f"{file}: logged in as {email}; {rows} received, at version {report.version}", soft_wrap=True)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageProblem("there is no terminal to ask for the password; use --password-stdin")
    password: str = click.prompt("Password", hide_input=True, err=True)
    return password


@device.command(epilog="\b\nExample:\n  daftar device login till.db")
@file_argument
@password_stdin_option
def login(file: Path, *, password_stdin: bool) -> None:
    """Log in again, after the session has ended."""
    with _device(file) as found:
        found.log_in(_password(from_stdin=password_stdin))
    results().print(f"{file}: logged in", soft_wrap=True)


# Rows -----------------------------------------------------------------------------------------------


@device.command(epilog="\b\nExample:\n  daftar device tables till.db")
@file_argument
@json_option
def tables(file: Path, *, as_json: bool) -> None:
    """List the tables that have rows."""
    with _device(file) as found:
        counts = found.tables()
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        results().print(f"{name}  {count:,}")


@device.command(name="list", epilog="\b\nExample:\n  daftar device list till.db parties")
@file_argument
@click.argument("table")
@json_option
def list_(file: Path, table: str, *, as_json: bool) -> None:
    """List the rows of TABLE, with what is not on the server yet."""
    with _device(file) as found:
        rows = found.rows(table)
    if as_json:
        for row in rows:
            print_json({**row.data, "state": row.state})
        return
    columns = {name for row in rows for name, value in row.data.items() if value is not None}
    shown = sorted(columns - HIDDEN)
    printed = Table("id", "state", *shown, box=None)
    for row in rows:
        printed.add_row(row.id, row.state, *(_text(row.data.get(name)) for name in shown))
    results().print(printed if rows else f"no rows in {table}")


@device.command(epilog="\b\nExample:\n  daftar device show till.db parties 1")
@file_argument
@click.argument("table")
@click.argument("row_id", metavar="ID")
@json_option
def show(file: Path, table: str, row_id: str, *, as_json: bool) -> None:
    """Show one row; `*` marks columns that are not on the server yet."""
    with _device(file) as found:
        row = found.row(table, row_id)
    if as_json:
        print_json({**row.data, "state": row.state})
        return
    for name, value in row.data.items():
        results().print(f"{'*' if name in row.changed else ' '} {name}: {_text(value)}", soft_wrap=True)


@device.command(
    epilog="""
\b
Examples:
  daftar device add till.db parties name=Shirin party_type=customer
  daftar device add till.db settings name=receipt 'value={"copies": 2}'

It prints the id that the row has until it is synced; other rows can name it by that.
"""
)
@file_argument
@click.argument("table")
@values_argument
def add(file: Path, table: str, values: tuple[str, ...]) -> None:
    """Add a row to TABLE."""
    with _device(file) as found:
        click.echo(found.add(table, read_values(values)))


@device.command(name="set", epilog="\b\nExample:\n  daftar device set till.db parties 1 phone=0912 address=null")
@file_argument
@click.argument("table")
@click.argument("row_id", metavar="ID")
@values_argument
def set_(file: Path, table: str, row_id: str, values: tuple[str, ...]) -> None:
    """Change columns of the row ID."""
    with _device(file) as found:
        found.set(table, row_id, read_values(values))


@device.command(epilog="\b\nExample:\n  daftar device delete till.db parties 1")
@file_argument
@click.argument("table")
@click.argument("row_id", metavar="ID")
def delete(file: Path, table: str, row_id: str) -> None:
    """Delete the row ID."""
    with _device(file) as found:
        found.delete(table, row_id)


# Syncing --------------------------------------------------------------------------------------------


@device.command(epilog="\b\nExample:\n  daftar device status till.db")
@file_argument
@json_option
def status(file: Path, *, as_json: bool) -> None:
    """Show what is not on the server yet, and what it rejected, and why."""
    with _device(file) as found:
        items, open_conflicts, version = found.items(), found.conflicts(), found.file.cursor
        facts = {name: found.file.fact(name) for name in ("device_id", "email", "server")}
    waiting = [item for item in items if item.state != "rejected"]
    rejected = [item for item in items if item.state == "rejected"]
    if as_json:
        shown = [{name: getattr(item, name) for name in item.__slots__} for item in items]
        print_json({**facts, "version": version, "open_conflicts": len(open_conflicts), "changes": shown})
        return
    said = results()
    said.print(f"device {facts['device_id']} of {facts['email']} at {facts['server']}", soft_wrap=True)
    said.print(
        f"version {version}, {counted(len(waiting), 'change', 'changes')} to send,"
        f" {len(rejected)} rejected, {counted(len(open_conflicts), 'open conflict', 'open conflicts')}"
    )
    for item in waiting:
        unanswered = ", sent without an answer" if item.state == "sent" else ""
        said.print(f"  {item.number}  {item.operation} {item.table} {item.row_id} {_text(item.data)}{unanswered}", soft_wrap=True)
    for item in rejected:
        where = f"{item.field}: " if item.field else ""
        said.print(f"  {item.number}  {item.operation} {item.table} {item.row_id} {_text(item.data)}", soft_wrap=True)
        said.print(line(("     rejected: ", "red"), f"{where}{item.message} ({item.code})"), soft_wrap=True)


@device.command(epilog="\b\nExamples:\n  daftar device retry till.db\n  daftar device retry till.db 12 sku=T-2")
@file_argument
@click.argument("number", type=int, required=False)
@values_argument
def retry(file: Path, number: int | None, values: tuple[str, ...]) -> None:
    """Send rejected changes again: all, or the one of NUMBER, corrected."""
    with _device(file) as found:
        count = found.retry(number, read_values(values))
    results().print(f"{counted(count, 'change', 'changes')} to send again")


@device.command(epilog="\b\nExamples:\n  daftar device discard till.db 12\n  daftar device discard till.db --all")
@file_argument
@click.argument("number", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Every rejected change.")
def discard(file: Path, number: int | None, *, everything: bool) -> None:
    """Give up the rejected change of NUMBER, or all."""
    if (number is None) != everything:
        raise UsageProblem("say which one by its number, or --all")
    with _device(file) as found:
        count = found.discard(number)
    results().print(f"{counted(count, 'change', 'changes')} discarded")


@device.command(epilog="\b\nExample:\n  daftar device conflicts till.db")
@file_argument
@click.option("--all", "everything", is_flag=True, help="Also those that are settled.")
@json_option
def conflicts(file: Path, *, everything: bool, as_json: bool) -> None:
    """List the conflicts that wait for somebody, with both versions."""
    with _device(file) as found:
        rows = found.conflicts(settled=everything)
    if as_json:
        for row in rows:
            print_json(row)
        return
    for row in rows:
        settled = f", {row['resolution']}" if row.get("resolution") else ""
        results().print(
            f"{row['id']}  {row.get('table')} {row.get('record_id')}  {row['status']} ({row['policy']}: {row['outcome']}{settled})"
        )
        results().print(f"     server {_text(row.get('server_version'))}", soft_wrap=True)
        results().print(f"     client {_text(row.get('client_version'))}", soft_wrap=True)
    if not rows:
        results().print("no conflicts")


@device.command(
    epilog="""
\b
Examples:
  daftar device resolve till.db 1 server
  daftar device resolve till.db 1 client
  daftar device resolve till.db 1 'value={"copies": 3}'

It is settled with the next sync, and reaches the other devices with theirs.
"""
)
@file_argument
@click.argument("conflict")
@click.argument("choice", nargs=-1, required=True, metavar="server|client|COLUMN=VALUE…")
def resolve(file: Path, conflict: str, choice: tuple[str, ...]) -> None:
    """Settle the conflict: with the server's version, the client's, or columns of your own."""
    word = choice[0] if choice in {("server",), ("client",)} else "merged"
    with _device(file) as found:
        found.resolve(conflict, word, read_values(choice) if word == "merged" else {})


@device.command(epilog="\b\nExample:\n  daftar device sync till.db")
@file_argument
@json_option
def sync(file: Path, *, as_json: bool) -> None:
    """Exchange everything with the server. Exit code 1 if something was rejected, 3 if the server is away."""
    with _device(file) as found:
        report = found.sync()
    if as_json:
        print_json({name: getattr(report, name) for name in report.__slots__})
    else:
        results().print(_told(report))
    if report.rejected:
        raise Failure(f"{counted(report.rejected, 'change was', 'changes were')} rejected; `daftar device status {file}` says why")


@device.command(epilog="\b\nExample:\n  daftar device watch till.db --every 2")
@file_argument
@click.option("--every", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between syncs.")
@click.option("--times", type=click.IntRange(min=1), help="End after so many syncs.  [default: until Ctrl-C]")
def watch(file: Path, every: float, times: int | None) -> None:
    """Sync again and again, and print what came and went. Other commands can work on FILE meanwhile."""
    with suppress(KeyboardInterrupt):  # how watching is meant to end
        _watch(file, every, times)


def _watch(file: Path, every: float, times: int | None) -> None:
    done, away = 0, False
    while times is None or done < times:
        if done:
            time.sleep(every)
        done += 1
        with _device(file) as found:
            try:
                report = found.sync()
            except ServerAway as error:
                if not away:
                    messages().print(f"{error}; nothing here is lost, and this goes on trying", soft_wrap=True)
                away = True
                time.sleep(error.retry_after)
                continue
        if away or report.sent or report.received or done == 1:
            results().print(f"{time.strftime('%H:%M:%S')}  {_told(report)}")
        away = False


def _told(report: Report) -> str:
    parts = [f"{counted(report.sent, 'change', 'changes')} sent"]
    if report.rejected:
        parts.append(f"{report.rejected} rejected")
    if report.conflicts:
        parts.append(counted(report.conflicts, "conflict", "conflicts"))
    return f"{', '.join(parts)}; {counted(report.received, 'row', 'rows')} received; at version {report.version}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
