"""Finding the records of files."""

from __future__ import annotations

from uuid import UUID

from domain.errors import RecordNotFound
from domain.needs import Needs
from domain.record import Record
from infra.database import Database
from infra.store.interface import Store

_COMPANY_OF_PUBLIC_FILE = b"SELECT company_of_public_file(%b)"


def find_public_file(database: Database, store: Store, file_id: UUID) -> Record | None:
    """The record of a file that anybody may read; None where there is none, or it is not for everybody."""
    with database.connection() as connection:
        row = connection.execute(_COMPANY_OF_PUBLIC_FILE, (file_id,), binary=True).fetchone()
    return find_file(store, row[0], file_id) if row is not None and row[0] is not None else None


def find_file(store: Store, company_id: UUID, file_id: UUID) -> Record | None:
    """The record of a company's file; None where there is none, or it was deleted."""
    records = store.read_records(company_id, Needs(ids={file_id})).records
    return next((one for one in records if one.id == file_id and one.kind == "attachment" and not one.deleted), None)


def get_file(store: Store, company_id: UUID, file_id: UUID) -> Record:
    """The record of a company's file. Raises RecordNotFound."""
    found = find_file(store, company_id, file_id)
    if found is None:
        raise RecordNotFound("There is no such file.", path="file_id")
    return found
