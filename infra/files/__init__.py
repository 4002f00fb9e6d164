"""Files of companies: received within bounds, told by their content, kept in an object store under their company's id.

The bytes are stored first and the record of kind `attachment` is made afterwards, through the ledger: a crash in between leaves
bytes that nothing names, which `sweeping` finds, and never a record without its bytes.
"""

from infra.files.files import Files, StoredFile
from infra.files.names import safe_name
from infra.files.places import Place
from infra.files.spool import Spool

__all__ = ["Files", "Place", "Spool", "StoredFile", "safe_name"]
