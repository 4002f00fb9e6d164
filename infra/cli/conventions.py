"""What every command does alike: errors and their exit codes, `--json`, and where text for people goes.

Results go to stdout; everything said meanwhile (progress, warnings, errors) goes to stderr. With `--json` stdout carries JSON
and nothing else: one object, or one object per line for commands that list or follow.
"""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

WIDTH_UNBOUND = 10_000
"""Columns of what is not a terminal."""

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
    return _console(stderr=True)


def results() -> Console:
    """The console for results that people read. It is stdout."""
    return _console(stderr=False)


def _console(*, stderr: bool) -> Console:
    """No markup: a company's name may hold brackets. Lines are folded for a terminal, never for a file or a pipe."""
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_UNBOUND
    return console


def line(*parts: str | tuple[str, str]) -> Text:
    """A line of text, of which the parts that are (text, style) are coloured."""
    return Text.assemble(*parts)


def counted(number: int, one: str, many: str) -> str:
    """A number and its noun: 1 company, 2 companies."""
    return f"{number:,} {one if number == 1 else many}"


def print_json(value: Any) -> None:
    """Print one line of JSON to stdout."""
    click.echo(_encoder.encode(value))


def show_error(message: str) -> None:
    """Print what went wrong to stderr, with the word `error:` in front, as every tool does."""
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
