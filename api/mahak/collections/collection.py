"""A collection of the Sync API: its wire fields, and the kinds of record that are its rows.

A collection is declared by the contract's list of its fields and by what differs from the rule: a field is ours of the name that a
view gives it, else it is kept under its own name in `extra` (of a custom record: in `data`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.mahak.collections.plan import Plan
from api.mahak.collections.view import ID_BASES, View
from api.mahak.documents import Row
from domain.catalogue import CATALOGUE
from domain.policy import Policy

BOOKKEEPING = "dataHash:s, createDate:t, updateDate:t, createSyncId:i, updateSyncId:i"
"""What the vendor's server keeps beside every row."""


def _letters(fields: str) -> dict[str, str]:
    """The letter of each field of a list of the contract."""
    parts = (part.strip().partition(":") for part in fields.split(",") if part.strip())
    return {wire: letter for wire, _, letter in parts}


@dataclass(frozen=True)
class Collection:
    """One collection. `entity` is the prefix of its ids, `fields` the contract's list; `asked` names it in `from…Version`.

    `guide` are the names that the guide has for it (with `RowVersion` in a request, plain in an answer).
    """

    name: str
    entity: str
    fields: str
    views: tuple[View, ...]
    asked: str = ""
    client_wire: str = ""
    """What a client's own id of a row is, where it is not `xClientId`; empty where rows have none."""
    also: str = ""
    """Another prefix of its ids: the guide's `customerId`."""
    guide: tuple[str, ...] = ()
    said: str = ""
    """What the guide has in a row beside the vendor's fields; and what only a batch says."""
    is_of_guide: bool = False
    """Only the guide has it: V1 does not answer it."""
    pascal_name: str = ""
    saved_name: str = ""
    choose: Callable[[Row], str] | None = None
    """Which kind a new row is, by what it says (names in lower case); the first view's where that is not asked."""
    bookkeeping: frozenset[str] = field(init=False)
    """Those of the server's own five fields that it fills: a collection of clients may have one of them itself."""
    types: Mapping[str, str] = field(init=False)
    words: Mapping[str, str] = field(init=False)
    """The letters of `said`."""
    id_wire: str = field(init=False)
    code_wire: str = field(init=False)
    plans: Mapping[str, Plan] = field(init=False)

    def __post_init__(self) -> None:
        types = _letters(self._with_bookkeeping())
        title = self.name[0].upper() + self.name[1:]
        set_once = object.__setattr__  # the dataclass is frozen; these are derived once, here
        set_once(self, "types", types)
        set_once(self, "words", _letters(self.said))
        clients = (
            {"createDate"} if "createDate:t" in self.fields and self.views and self.views[0].kind == "custom_record" else set()
        )
        set_once(self, "bookkeeping", frozenset(part.partition(":")[0] for part in BOOKKEEPING.split(", ")) - clients)
        set_once(self, "id_wire", f"{self.entity}Id" if f"{self.entity}Id" in types else "")
        set_once(self, "client_wire", self.client_wire or (f"{self.entity}ClientId" if f"{self.entity}ClientId" in types else ""))
        set_once(self, "code_wire", f"{self.entity}Code" if f"{self.entity}Code" in types else "")
        set_once(self, "asked", self.asked or self.entity[0].upper() + self.entity[1:])
        set_once(self, "pascal_name", self.pascal_name or title)
        set_once(self, "saved_name", self.saved_name or title)
        set_once(self, "plans", {view.kind: Plan(self, view) for view in self.views})

    def _with_bookkeeping(self) -> str:
        """The fields with the five that every V1 row has before its version, which every row has too."""
        fields = [part.strip() for part in self.fields.split(",") if part.strip()]
        if "rowVersion:l" not in fields:
            fields.append("rowVersion:l")
        place = fields.index("rowVersion:l")
        missing = [part for part in BOOKKEEPING.split(", ") if part not in fields]
        return ",".join(fields[:place] + missing + fields[place:])

    @property
    def financial(self) -> bool:
        """Whether the server's version stands in a conflict: a stale write is refused."""
        return any(CATALOGUE[view.kind].policy is Policy.SERVER_WINS for view in self.views)

    @property
    def version_field(self) -> str:
        """What asks for it in a request of the vendor's: `fromBankVersion`."""
        return f"from{self.asked}Version"

    def plan_of_row(self, row: Row) -> Plan:
        """The kind that a new row is, by what it says; its names are in lower case."""
        return self.plans[self.choose(row)] if self.choose is not None else next(iter(self.plans.values()))

    def plan_of_id(self, row_id: int) -> tuple[Plan, int]:
        """The kind behind an id of this collection, and the record's number."""
        ordered = sorted(self.plans.values(), key=lambda plan: -ID_BASES.get((self.name, plan.kind), 0))
        for plan in ordered:
            base = ID_BASES.get((self.name, plan.kind), 0)
            if row_id > base:
                return plan, row_id - base
        return ordered[-1], row_id
