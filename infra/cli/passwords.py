"""Reading a new password: from a prompt or from stdin, never from the command line, where every process could see it."""

from __future__ import annotations

import sys

import click

from infra.cli.conventions import UsageProblem
from infra.identity.demo_password import DEMO_PASSWORD_REFUSED, is_demo_password

FEWEST_CHARACTERS = 8
MOST_CHARACTERS = 256

password_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin, without a prompt."
)


def read_password(*, from_stdin: bool, demo: bool) -> str:
    """A new password that may be used. Raises UsageProblem."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    else:
        raise UsageProblem("there is no terminal to ask for the password; use --password-stdin")
    if is_demo_password(password) and not demo:
        raise UsageProblem(DEMO_PASSWORD_REFUSED)
    if not FEWEST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise UsageProblem(f"a password has {FEWEST_CHARACTERS} to {MOST_CHARACTERS} characters")
    return password
