"""The rows of pulls, ready to send: one collection of changes, in which each view of a kind is a part (infra/sync/rows.py).

A row's body is a change without its beginning, `operation` and `table`, which depend on who pulls. A conflict shows its record as
it is when it is pulled: in the place of its data there is a mark with its id, in bytes that no JSON has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from api.matrix.documents import Document, Numbers, document_of, documents_of, time_text
from api.matrix.rendering import KINDS, Numbering, Rows
from api.matrix.tables import ALL, BY_KIND
from api.matrix.tables.money import account_key
from api.matrix.tables.others import CONFLICTS
from api.matrix.tables.table import Table, every
from domain.event import JSON
from domain.needs import Needs
from infra.companies.directory import database_id_of
from infra.database import CompanyConnections
from infra.sync.change_reader import ChangeReader
from infra.sync.layout import Layout, Render, SyncRow
from infra.sync.rows import Openings

CHANGES = "changes"
"""The one collection."""
_VIEWS: Mapping[str, tuple[tuple[int, Table], ...]] = {
    kind: tuple((ALL.index(table), table) for table in tables) for kind, tables in BY_KIND.items()
}
_MARK = re.compile(rb"\x01([0-9a-f-]{36})\x01")


def openings_of(tables: Mapping[str, str]) -> dict[int, Openings]:
    """What begins the changes of these tables (own name → the client's name)."""
    return {
        part: Openings(*(f'{{"operation":"{word}","table":"{tables[table.name]}"' for word in ("INSERT", "UPDATE", "DELETE")))
        for part, table in enumerate(ALL)
        if table.name in tables
    }


def make_renderer(connections: CompanyConnections, company_id: UUID) -> Render:
    """Renders documents as changes."""
    reader = ChangeReader(connections)
    company_number = database_id_of(connections, company_id)
    numbering = Numbering(reader, company_id, company_number)

    def render(page: bytes) -> Iterable[SyncRow]:
        documents = documents_of(page)
        numbers = numbering.numbers_for(documents)
        older = reader.first_seqs(company_id, [UUID(document.id) for document in documents if document.version > 1])
        return rows_of(documents, numbers, older, company_number)

    return render


def rows_of(documents: Sequence[Document], numbers: Numbers, older: Mapping[str, int], company_number: int) -> Iterator[SyncRow]:
    """The rows of documents. `older`: the seqs of the first events of those that have more than one."""
    encode = JSON.encode
    for document in documents:
        seq, deleted = document.seq, document.deleted
        made = older.get(document.id, seq)
        end = b',"version":%d,"timestamp":"%b"}' % (seq, time_text(document.updated_at).encode())
        is_waiting = document.kind == "journal_line" and account_key(document.data["account_code"]) not in numbers
        for part, table in _VIEWS[document.kind]:
            if table.shows is not every and not table.shows(document):
                continue
            row_id = table.row_id(document, company_number)
            if deleted:
                data = b'{"id":%d}' % row_id
            elif table is CONFLICTS:
                data = b"\x01%b\x01" % document.id.encode()
            else:
                data = encode(table.row(document, numbers, company_number))
            body = b',"id":%d,"record_id":%d,"data":%b%b' % (seq, row_id, data, end)
            yield SyncRow(document.id, CHANGES, seq, body, deleted, part, made, is_waiting=is_waiting)


LAYOUT = Layout("matrix", version=1, kinds=KINDS, renderer=make_renderer, awaited=frozenset({"account"}))


def with_conflicts(items: bytes, rows: Rows) -> bytes:
    """Changes with the conflicts among them as they are now."""
    ids = {UUID(found.decode()) for found in _MARK.findall(items)}
    if not ids:
        return items
    records = rows.store.read_records(rows.company_id, Needs(ids=ids)).records
    conflicts = [document_of(record) for record in records]
    shown = {one.id.encode(): row for one, row in zip(conflicts, rows.conflicts(conflicts), strict=True)}
    return _MARK.sub(lambda mark: JSON.encode(shown[mark[1]]), items)
