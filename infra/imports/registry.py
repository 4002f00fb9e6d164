"""The formats, each by its name, and the one function that imports a file of any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from domain.command import Actor
from domain.errors import InvalidField
from infra.imports.csv_invoices import plan_invoices
from infra.imports.csv_masters import plan_parties, plan_products
from infra.imports.csv_opening import plan_opening_balances
from infra.imports.known import Known
from infra.imports.model import Options, Plan, Problems, Progress, Report
from infra.imports.runner import Runner
from infra.ledger import Ledger
from infra.reading.reader import Reader

Planner = Callable[[bytes, Options, Known, Problems], Plan]


def _ofx(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    try:
        from infra.imports.ofx import plan_ofx  # its library costs more to load than all else here, and may be left out
    except ModuleNotFoundError as error:
        raise InvalidField("Reading OFX needs the package ofxtools, which is not installed here.", path="format") from error
    return plan_ofx(raw, options, known, problems)


def _hledger(raw: bytes, options: Options, known: Known, problems: Problems) -> Plan:
    from infra.imports.hledger import plan_hledger

    return plan_hledger(raw, options, known, problems)


CSV_KINDS: Mapping[str, Planner] = {
    "parties": plan_parties,
    "products": plan_products,
    "invoices": plan_invoices,
    "opening-balances": plan_opening_balances,
}
FORMATS: Mapping[str, Mapping[str, Planner]] = {"csv": CSV_KINDS, "ofx": {"": _ofx}, "hledger": {"": _hledger}}
"""Format → kind of file → its planner; formats whose files say themselves what they hold have the one kind ``''``."""


def run_import(
    ledger: Ledger,
    reader: Reader,
    company_id: UUID,
    actor: Actor,
    format_: str,
    kind: str,
    raw: bytes,
    options: Options,
    *,
    progress: Progress = lambda _what, _done, _of: None,
) -> Report:
    """Import a file: all of it or nothing, adding what is not there yet.

    Raises ImportRefused, with every problem, and InvalidField where an option is wrong.
    """
    planner = FORMATS[format_].get(kind)
    if planner is None:
        kinds = ", ".join(filter(None, FORMATS[format_])) or "no kind: the file says what it holds"
        raise InvalidField(f"There is no kind {kind!r} of {format_} files; there is {kinds}.", path="kind")
    problems = Problems()
    progress("reading", 0, 1)
    plan = planner(raw, options, Known(ledger, reader, company_id), problems)
    progress("reading", 1, 1)
    runner = Runner(ledger, company_id, actor, options, progress)
    return runner.run(format_, kind, plan, problems)
