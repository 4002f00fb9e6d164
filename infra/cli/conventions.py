"""What every command does alike: errors and their exit codes, `--json`, and where text for people goes.

Results go to stdout; everything said meanwhile (progress, warnings, errors) goes to stderr. With `--json` stdout carries JSON
and nothing else: one object, or one object per line for commands that list or follow.
"""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.console import Console

_encoder = msgspec.json.Encoder(decimal_format="string")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
"""Put `@json_option` on a command that a script would read; it gives the parameter `as_json: bool`."""

data_dir_option = click.option(
    "--data-dir", metavar="DIR", help="Folder of the embedded servers and their data.  [default: $DAFTAR_DATA_DIR or ./.daftar]"
)


class Failure(Exception):
    """The command did its work and found a problem, or failed; exit code 1."""


class UsageProblem(Exception):
    """The command was asked for something that does not make sense; exit code 2."""


class ServiceUnavailable(Exception):
    """A server that the command needs does not answer; exit code 3."""


def messages() -> Console:
    """The console for people: progress, warnings, what is being done. It is stderr."""
    return Console(stderr=True, highlight=False)


def results() -> Console:
    """The console for results that people read. It is stdout."""
    return Console(highlight=False)


def print_json(value: Any) -> None:
    """Print one line of JSON to stdout."""
    click.echo(_encoder.encode(value))


def show_error(message: str) -> None:
    """Print what went wrong to stderr, with the word `error:` in front, as every tool does."""
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
