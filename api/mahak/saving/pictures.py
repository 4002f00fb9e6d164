"""Pictures that bring their files with them, as base64 in `binaryData`, and galleries, which say what a picture shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from api.mahak.collections.files import PHOTO_GALLERIES, PICTURES
from api.mahak.pictures import UNBOUND, bound_by, bound_of, file_commands, told_of
from api.mahak.saving.batch import Batch, Item
from api.mahak.saving.translation import Planned
from api.mahak.saving.writer import writer_of
from api.uploads import ReceivedFile, receive_base64, storing
from domain.command import Command
from domain.errors import InvalidField, LedgerError
from domain.needs import Needs
from domain.record import Record
from infra.composition import Services
from infra.files import StoredFile
from infra.identity.tokens import Claims
from infra.ids import new_id
from infra.store.interface import Store

CONTENT = "binaryData"


@dataclass(slots=True)
class RowFiles:
    """The files of a batch's pictures by the place of their row: those that are stored, are wrong, were used."""

    stored: dict[int, StoredFile] = field(default_factory=dict)
    wrong: dict[int, LedgerError] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)


@asynccontextmanager
async def row_files(services: Services, claims: Claims, form: Mapping[str, Any]) -> AsyncIterator[RowFiles]:
    """Store the files of the batch's pictures for as long as it takes to save it; those that it does not use are removed again."""
    rows = form.get(PICTURES.name.lower())
    contents = {
        index: row
        for index, row in enumerate(rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and any(name.lower() == CONTENT.lower() and value for name, value in row.items())
    }
    files = RowFiles()
    if not contents:
        yield files
        return
    with ExitStack() as received:
        arrived = await services.threads.run(_receive, services, claims, contents, files, received)
        async with storing(services, claims.cid, list(arrived.values())) as stored:
            files.stored = dict(zip(arrived, stored, strict=True))
            yield files
        for index in files.stored.keys() - files.used:
            await services.files.delete(files.stored[index].storage_key)


def _receive(
    services: Services, claims: Claims, contents: Mapping[int, Mapping[str, Any]], files: RowFiles, received: ExitStack
) -> dict[int, ReceivedFile]:
    """The files that can be read; what is wrong with the others is noted. Raises NotAuthenticated, NotAllowed."""
    writer_of(services, claims)
    arrived: dict[int, ReceivedFile] = {}
    for index, row in contents.items():
        fields = {name.lower(): value for name, value in row.items()}
        path, content, name = f"{PICTURES.name}[{index}].{CONTENT}", fields[CONTENT.lower()], fields.get("filename")
        try:
            if not isinstance(content, str):
                raise InvalidField("The file's content is base64.", path=path)
            file = receive_base64(services, content, name if isinstance(name, str) else "", path)
            received.callback(file.content.close)
            services.files.check(file.content, file.file_name, file.claimed_type)
            arrived[index] = file
        except LedgerError as error:
            error.path = path
            files.wrong[index] = error
    return arrived


class Pictures:
    """What the files and the galleries of one batch need beside its rows."""

    def __init__(self, store: Store, company_id: UUID, files: RowFiles) -> None:
        self.store = store
        self.company_id = company_id
        self.files = files
        self._first: list[Planned] = []
        self._made: dict[str, str] = {}
        """The attachments that the batch makes, by their pictures."""

    def begin(self, batch: Batch) -> None:
        """Note what is wrong with the files on their rows."""
        for item in batch.lists.get(PICTURES.name, ()):
            if (error := self.files.wrong.get(item.index)) is not None:
                item.error = item.error or error

    def brings_another(self, item: Item) -> bool:
        """Whether a picture that is there already comes with another file than it has."""
        stored = self.files.stored.get(item.index) if item.collection is PICTURES else None
        if stored is None or item.record is None or item.record.deleted:
            return False
        return (item.record.data.get("data") or {}).get("pictureHash") != stored.sha256

    def complete(self, items: list[Item]) -> None:
        """Put the files into the data of their pictures."""
        children = self._children_of([item for item in items if self.brings_another(item)])
        for item in items:
            stored = self.files.stored.get(item.index) if item.collection is PICTURES and item.error is None else None
            if stored is None or item.deleted:
                continue
            if item.kind != "custom_record":
                item.error = InvalidField("This picture has its file; save another picture.", path=f"{item.path}.{CONTENT}")
                continue
            if item.record is not None and not self.brings_another(item):
                continue
            assert item.record_id is not None, "every item that is read has its record's id"
            before = item.record.data if item.record is not None else {}
            attachment_id = new_id()
            self.files.used.add(item.index)
            self._made[str(item.record_id)] = str(attachment_id)
            bound = bound_of(children[str(item.record_id)])
            commands = file_commands(attachment_id, item.record_id, stored, before.get("attachment_id"), bound)
            if item.is_new and item.client_key:  # the same row at the same time makes no second file
                name = f"file of {item.client_key}"
                commands[0] = msgspec.structs.replace(commands[0], client_id=name)
            self._first += [Planned(None, command) for command in commands]
            item.data["attachment_id"] = str(attachment_id)
            item.data["data"] = {**before.get("data", {}), **item.data.get("data", {}), **told_of(stored)}

    def before(self) -> list[Planned]:
        """The commands that come before the rows'."""
        return self._first

    def after(self, items: list[Item]) -> list[Planned]:
        """The commands that come after the rows': files are bound to what their galleries show."""
        shown: list[tuple[Any, dict[str, Any]]] = []
        for item in items:
            if item.collection is not PHOTO_GALLERIES or item.error is not None or item.kind != "custom_record":
                continue
            was = item.record.data if item.record is not None else {}
            data = was if item.deleted else {**was, **item.data}
            if bound := bound_by(data):
                shown.append((data.get("owner_id"), UNBOUND if item.deleted else bound))
        attachments = self._attachments({picture_id for picture_id, _ in shown if isinstance(picture_id, str)})
        return [
            Planned(None, Command(kind="attachment", action="update", id=UUID(attachments[picture_id]), data=change))
            for picture_id, change in shown
            if isinstance(picture_id, str) and picture_id in attachments
        ]

    def _attachments(self, picture_ids: set[str]) -> dict[str, str]:
        """Of the pictures that have files, by their ids: those that the batch makes, and those that are there already."""
        needs = Needs(ids={UUID(one) for one in picture_ids - self._made.keys()})
        there = self.store.read_records(self.company_id, needs).records if needs else ()
        found = {str(one.id): one.data.get("attachment_id") for one in there if not one.deleted}
        return self._made | {picture_id: str(attached) for picture_id, attached in found.items() if attached is not None}

    def _children_of(self, items: Sequence[Item]) -> dict[str, list[Record]]:
        """The galleries that show these pictures, by the pictures' ids."""
        children: dict[str, list[Record]] = defaultdict(list)
        needs = Needs(parents={item.record_id for item in items if item.record_id is not None})
        for record in self.store.read_records(self.company_id, needs).records if needs else ():
            children[str(record.data.get("owner_id"))].append(record)
        return children
