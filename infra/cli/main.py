"""The command `daftar`: the group, and which module each of its commands is in.

A command's module is imported only when the command runs, so that `daftar --help` is quick and one broken part does not take
the others along. To add a command, write `infra/cli/NAME.py` with a click command (or group), and name it in COMMANDS.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import sys
from typing import NoReturn

import click

from infra.cli.conventions import Failure, ServiceUnavailable, UsageProblem, show_error
from infra.embedded.account import AccountError
from infra.embedded.data_dir import DataDirError
from infra.embedded.process import ServerError
from infra.settings import SettingsError

COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("infra.cli.serve:serve", "Run everything on this machine: database, messages, HTTP, workers."),
    "api": ("infra.cli.processes:api", "Run the HTTP processes alone."),
    "worker": ("infra.cli.processes:worker", "Run one worker process alone."),
    "migrate": ("infra.cli.processes:migrate", "Bring the database schema up to date."),
    "settings": ("infra.cli.settings:settings", "List every setting, its default, and its value here."),
    "demo": ("infra.cli.demo:demo", "Make the demo company; import a real company's books."),
    "company": ("infra.cli.company:company", "Create and list companies."),
    "user": ("infra.cli.user:user", "Create users, reset passwords, end sessions."),
    "import": ("infra.cli.imports:import_", "Import CSV files, bank statements and hledger journals."),
    "projections": ("infra.cli.projections:projections", "List, rebuild and verify the read models."),
    "verify": ("infra.cli.verify:verify", "Check the hash chain of every company's log."),
    "check": ("infra.cli.check:check", "Check everything that must hold of the books."),
    "files": ("infra.cli.files:files", "Remove uploaded bytes that no record names."),
    "audit": ("infra.cli.audit:audit", "Signed heads, receipts, who changed what, the books as of then."),
    "export": ("infra.cli.export:export", "Write a company's books for other programs, as of any event."),
    "events": ("infra.cli.events:events", "Follow the log as it is written."),
    "device": ("infra.cli.device:device", "Keep books offline in a file of their own, and sync them."),
    "bench": ("infra.cli.bench:bench", "Measure, side by side with the references."),
}
"""Name → where its click command is, and its line in `daftar --help`."""

EPILOG = """
\b
Examples:
  daftar serve --demo              everything on this machine, with the demo company
  daftar serve --port 8080         another port
  daftar projections status        how far the read models are
  daftar verify --json             check every log, for a script

\b
Exit codes:
  0  done, nothing wrong
  1  it was done and found a problem, or it failed
  2  wrong usage, a company that does not exist, or a setting with a wrong value
  3  a server or the data folder it needs is not available

Settings are environment variables; `daftar settings` lists them.
"""


class _Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (place, _) in COMMANDS.items() if importlib.util.find_spec(place.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(importlib.metadata.version("daftar"), prog_name="daftar")
def daftar() -> None:
    """Daftar: a company's books as one append-only log, served over HTTP."""


def main() -> NoReturn:
    """Run `daftar` with the arguments of this process, and end it with the exit code that `--help` documents."""
    try:
        code = daftar.main(prog_name="daftar", standalone_mode=False)
    except click.exceptions.Abort:
        show_error("interrupted")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (SettingsError, UsageProblem) as error:
        show_error(str(error))
        sys.exit(2)
    except (ServerError, DataDirError, AccountError, ServiceUnavailable) as error:
        show_error(str(error))
        sys.exit(3)
    except Failure as error:
        show_error(str(error))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
