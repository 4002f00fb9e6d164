"""`daftar files`: the store of uploaded files."""

from __future__ import annotations

from datetime import timedelta

import click

from domain import errors
from infra.cli.conventions import ServiceUnavailable, counted, data_dir_option, json_option, line, print_json, results
from infra.cli.database import owner_settings
from infra.files import Place
from infra.files.sweeping import sweep as sweep_files
from infra.followers.building import connect
from infra.verification.log import companies_of


@click.group()
def files() -> None:
    """The store of uploaded files."""


@files.command(
    epilog="""
\b
Examples:
  daftar files sweep --dry-run
  daftar files sweep --older-than 48

An upload stores its bytes first and makes its record then; one that is cut off in between leaves bytes that nothing names.
Uploads may go on meanwhile. After a database was restored from a backup, run `daftar check --only files` before this.
"""
)
@click.option(
    "--older-than",
    type=click.IntRange(1, 24 * 365),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="Leave younger bytes alone.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@data_dir_option
@json_option
def sweep(older_than: int, data_dir: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove bytes that no record names, and those of people who were erased."""
    with owner_settings(data_dir) as settings, connect(settings.database_url) as connection:
        place = Place(settings.files_url, settings.data_dir)
        try:
            swept = sweep_files(connection, place, companies_of(connection), timedelta(hours=older_than), dry_run=dry_run)
        except errors.ServiceUnavailable as error:
            raise ServiceUnavailable(error.message) from error
    if as_json:
        print_json({"files": swept.files, "bytes": swept.bytes, "half_written": swept.half_written, "dry_run": dry_run})
        return
    said = f"{counted(swept.files, 'file', 'files')} of no record ({swept.bytes} bytes), {swept.half_written} half written"
    results().print(line(f"{'would remove' if dry_run else 'removed'} {said}"))
