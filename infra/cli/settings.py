"""`daftar settings`: every setting, documented."""

from __future__ import annotations

import click
from rich.table import Table

from infra.cli.conventions import json_option, print_json, results
from infra.settings import PREFIX, SECRET_FIELDS, load, variables


@click.command(
    epilog="""
\b
Examples:
  daftar settings
  DAFTAR_PORT=8080 daftar settings --json
"""
)
@json_option
def settings(*, as_json: bool) -> None:
    """List every setting (an environment variable), its default, and its value here. Secrets are not shown."""
    here = load().environment()
    rows = []
    for variable, (default, description) in variables().items():
        value = here.get(variable, "")
        secret = variable.removeprefix(PREFIX).lower() in SECRET_FIELDS
        rows.append((variable, default, "***" if secret and value else value, description))
    if as_json:
        print_json([dict(zip(("variable", "default", "value", "description"), row, strict=True)) for row in rows])
        return
    table = Table("variable", "default", "here", "meaning", show_lines=False)
    for row in rows:
        table.add_row(*row)
    results().print(table)
