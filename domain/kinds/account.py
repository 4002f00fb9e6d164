"""Account: one line of the company's chart of accounts. Journal lines name accounts by their codes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from domain.chart import DEFAULT_CHART, AccountType, root_of
from domain.decision import Decision
from domain.errors import AccountClosed, AccountUnknown, InvalidField, SystemAccount
from domain.kind import HolderOf, Unique
from domain.kinds.opening import OpeningKind
from domain.policy import Policy
from domain.record import Record, assign
from domain.values import CurrencyCode, Fields, Name, Reference, Text, always

AccountCode = Annotated[str, Meta(min_length=1, max_length=64)]


class Account(Fields, frozen=True, kw_only=True):
    """`code`, `type` and `is_system` are fixed. What follows a colon in a code is a part of the account before it.

    `is_system` accounts are made with the company: they can be renamed, and neither closed nor suspended. An account that is not
    `is_active` is suspended: nothing is posted to it. A closed account keeps its code for ever, because the books name it.
    `opening_balance` is in `currency`, or the company's without one.
    """

    code: AccountCode
    name: Name
    type: AccountType
    parent_id: Reference | None = None
    description: Text | None = None
    currency: CurrencyCode | None = None
    opening_balance: Decimal | None = None
    is_system: bool = always(False)
    is_active: bool = always(True)
    extra: dict[str, Any] = {}


class AccountKind(OpeningKind):
    """The accounts of the default chart stay; a company opens, renames, suspends and closes its own."""

    def holders(self, data: Any) -> Iterable[HolderOf]:
        """Whoever has the code already, and the account that it is a part of."""
        yield from holders_of_code(getattr(data, "code", None))

    def decide_create(self, decision: Decision, record_id: UUID, data: Account) -> None:
        """Open an account. A part of another needs an account before the colon, and is of its type."""
        if data.is_system:
            raise InvalidField("Only the accounts that a company begins with are `is_system`; leave it out.", path="data.is_system")
        if any(not part or part != part.strip() for part in data.code.split(":")):
            raise InvalidField("A code, and each part of it between colons, begins and ends with a character.", path="data.code")
        root = root_of(data.code)
        if root != data.code and data.type != (expected := type_of_open(decision, root, "data.code")):
            raise InvalidField(f"{data.code!r} is a part of {root!r}, so its type is {expected!r}.", path="data.type")
        super().decide_create(decision, record_id, data)

    def decide_update(self, decision: Decision, record: Record, changes: dict[str, Any]) -> None:
        """Rename, describe, move, suspend or resume an account."""
        if record.data["is_system"] and changes.get("is_active") is False:
            raise SystemAccount(path="data.is_active")
        if changes.get("parent_id") == str(record.id):
            raise InvalidField("An account is not its own parent.", path="data.parent_id")
        after = assign(record.data, changes)
        opens = record.data.get("opening_balance") or after.get("opening_balance")
        moves = opens and {"opening_balance", "currency"} & changes.keys()
        if moves and not after["is_active"]:
            message = f"The account {after['code']!r} is suspended; set its `is_active` to true first."
            raise AccountClosed(message, path="data.opening_balance", account=after["code"])
        super().decide_update(decision, record, changes)

    def decide_delete(self, decision: Decision, record: Record) -> None:
        """Close an account; its code stays its own, and what was posted to it, its opening balance too, stays posted."""
        if record.data["is_system"]:
            raise SystemAccount(path="id")
        decision.delete(self, record)


def open_default_chart(decision: Decision) -> None:
    """Emit `account.opened` for every account of the default chart."""
    for account in DEFAULT_CHART.values():
        data = Account(code=account.code, name=account.name, type=account.type, is_system=True)
        decision.create(ACCOUNT, decision.new_id(), data)


def holders_of_code(code: Any) -> Iterable[HolderOf]:
    """What has to be loaded before it can be said whether anything may be posted to `code`."""
    if isinstance(code, str):
        for name in {code: None, root_of(code): None}:
            yield HolderOf("account", "code", name)


def type_of_open(decision: Decision, code: str, path: str) -> AccountType:
    """The type of the account that `code` names; of the one before the colon where the part has no record of its own.

    Logs that are older than the default chart name its accounts without having opened them. Raises AccountUnknown; AccountClosed
    where the account was closed or suspended.
    """
    root = root_of(code)
    account = _holder(decision, code) or _holder(decision, root)
    if account is None:
        default = DEFAULT_CHART.get(root)
        if default is None:
            raise AccountUnknown(f"There is no account {code!r}; open it with `account.create` first.", path=path, account=code)
        return default.type
    if account.deleted:
        raise AccountClosed(f"The account {account.data['code']!r} was closed; name another.", path=path, account=code)
    if not account.data["is_active"]:
        message = f"The account {account.data['code']!r} is suspended; set its `is_active` to true first."
        raise AccountClosed(message, path=path, account=code)
    found: AccountType = account.data["type"]
    return found


def _holder(decision: Decision, code: str) -> Record | None:
    holder = decision.books.unique.get(("account", "code", code))
    return decision.books.record(holder) if holder is not None else None


ACCOUNT = AccountKind(
    name="account",
    fields=Account,
    policy=Policy.MERGE,
    references={"parent_id": "account"},
    unique=(Unique("code", ("code",), kept=True),),
    fixed=frozenset({"code", "type", "is_system"}),
    verbs=("opened", "changed", "closed"),
)
