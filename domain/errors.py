"""Every way the ledger can refuse, in the order in which they are checked.

One class per refusal: its docstring is the message, `code` is stable for ever and is what dialects translate. `path` names
the place in the request (`commands[3].data.amount`). A refusal is raised before anything is stored.
"""

from __future__ import annotations

from typing import Any, ClassVar


class LedgerError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: str | None = None, *, path: str = "", **details: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.path = path
        self.details = details
        super().__init__(self.message)

    def at(self, prefix: str) -> LedgerError:
        """Put `prefix` before the path: the caller knows which command of the batch this was."""
        joined = f"{prefix}.{self.path}" if self.path and not self.path.startswith("[") else f"{prefix}{self.path}"
        self.path = joined
        return self


# The request as a whole --------------------------------------------------------------------------


class MalformedRequest(LedgerError):
    """The body is not valid JSON in UTF-8."""

    code = "malformed_request"


class InvalidField(LedgerError):
    """A field is missing, unknown, of the wrong type or out of range."""

    code = "invalid_field"


class UnknownKind(LedgerError):
    """There is no such kind of record."""

    code = "unknown_kind"


class UnknownFormat(LedgerError):
    """There is no such export format."""

    code = "unknown_format"


class BatchTooLarge(LedgerError):
    """A request may hold at most 5,000 commands."""

    code = "batch_too_large"


class KeyReused(LedgerError):
    """This idempotency key was used before with another body; use a new key, or send the first body again."""

    code = "idempotency_key_reused"


# Who asks ----------------------------------------------------------------------------------------


class NotAuthenticated(LedgerError):
    """Log in first: the token is missing, malformed, expired or revoked."""

    code = "not_authenticated"


class WrongCredentials(LedgerError):
    """The company, e-mail or password is wrong."""

    code = "wrong_credentials"


class NotAllowed(LedgerError):
    """Your role does not allow this."""

    code = "not_allowed"


class AlreadyVerified(LedgerError):
    """This is verified already."""

    code = "already_verified"


class NothingToVerify(LedgerError):
    """No verification is in progress; start one."""

    code = "nothing_to_verify"


class NothingToReset(LedgerError):
    """No reset of the password is in progress; start one."""

    code = "nothing_to_reset"


class CodeExpired(LedgerError):
    """The code has expired; ask for a new one."""

    code = "code_expired"


class CodeLocked(LedgerError):
    """Too many wrong codes were tried; ask for a new one."""

    code = "code_locked"


class CodeWrong(LedgerError):
    """This is not the code that was sent."""

    code = "code_wrong"


class CodesTooOften(LedgerError):
    """A code was sent a moment ago, or too many were sent today; wait and try again."""

    code = "codes_too_often"


class TooManyRequests(LedgerError):
    """Too many requests; wait and try again."""

    code = "too_many_requests"


# What is asked about -----------------------------------------------------------------------------


class CompanyNotFound(LedgerError):
    """There is no such company."""

    code = "company_not_found"


class CursorInvalid(LedgerError):
    """The cursor is not a whole number from 0."""

    code = "cursor_invalid"


class CursorAhead(LedgerError):
    """The cursor is ahead of this company's log; it belongs to another company or to other data."""

    code = "cursor_ahead"


class EventNotFound(LedgerError):
    """There is no such event in this company's log."""

    code = "event_not_found"


class RecordNotFound(LedgerError):
    """There is no such record."""

    code = "record_not_found"


class RecordDeleted(LedgerError):
    """The record was deleted; a deleted record is not changed any more."""

    code = "record_deleted"


class PersonErased(LedgerError):
    """This person was erased; the record is not changed any more."""

    code = "person_erased"


class RecordExists(LedgerError):
    """A record with this id exists already."""

    code = "record_exists"


class ReferenceMissing(LedgerError):
    """The record that this one refers to does not exist or was deleted."""

    code = "reference_missing"


class VersionStale(LedgerError):
    """The record has changed since the version this write was based on; pull it and decide again."""

    code = "version_stale"


# What is asked for -------------------------------------------------------------------------------


class FieldFixed(LedgerError):
    """This field cannot be changed once the record exists."""

    code = "field_fixed"


class ValueTaken(LedgerError):
    """Another record already uses this value."""

    code = "value_taken"


class UnknownCurrency(LedgerError):
    """This is not an ISO 4217 currency code."""

    code = "unknown_currency"


class TooManyDecimals(LedgerError):
    """The amount has more decimals than its currency."""

    code = "too_many_decimals"


class AmountNotPositive(LedgerError):
    """The amount must be more than zero."""

    code = "amount_not_positive"


class CurrencyMismatch(LedgerError):
    """The payment's currency is not the invoice's."""

    code = "currency_mismatch"


class PartyRoleMissing(LedgerError):
    """A sales invoice needs a customer, a purchase invoice a supplier."""

    code = "party_role_missing"


class SystemAccount(LedgerError):
    """An account of the default chart can be renamed, but neither closed nor suspended."""

    code = "system_account"


class AccountUnknown(LedgerError):
    """There is no account with this code."""

    code = "account_unknown"


class AccountClosed(LedgerError):
    """The account was closed or suspended; nothing is posted to it any more."""

    code = "account_closed"


class EntryUnbalanced(LedgerError):
    """The entry's debits and credits differ."""

    code = "entry_unbalanced"


class EntryPosted(LedgerError):
    """A posted journal entry is never edited; post a reversal."""

    code = "entry_posted"


class StockInsufficient(LedgerError):
    """There is not enough stock."""

    code = "stock_insufficient"


class PeriodClosed(LedgerError):
    """The books are closed through this date; this company refuses facts that are dated before."""

    code = "period_closed"


class StillReferenced(LedgerError):
    """Other records still depend on this one."""

    code = "still_referenced"


class AlreadyResolved(LedgerError):
    """This was resolved before."""

    code = "already_resolved"


class ShiftAlreadyClosed(LedgerError):
    """The shift was closed before."""

    code = "shift_closed"


class CouponRefused(LedgerError):
    """The coupon does not hold for this sale."""

    code = "coupon_refused"


class PersonNotSealed(LedgerError):
    """Part of this person's data was written before personal data were sealed; it cannot be destroyed without breaking the log."""

    code = "person_not_sealed"


class NotExportable(LedgerError):
    """The books hold something that this format cannot say."""

    code = "not_exportable"


class RolesFixed(LedgerError):
    """The owner's role can be neither given nor taken away."""

    code = "role_fixed"


class ImportRefused(LedgerError):
    """The file has lines that cannot be imported; nothing was stored. `problems` names each line, column and reason."""

    code = "import_refused"


# Files -------------------------------------------------------------------------------------------


class FileTooLarge(LedgerError):
    """The file is larger than what is taken; nothing was stored."""

    code = "file_too_large"


class FileTypeRefused(LedgerError):
    """Files of this type are not taken; nothing was stored."""

    code = "file_type_refused"


class FileMissing(LedgerError):
    """The record of this file is there, and its bytes are not; `daftar check --only files` names all such files."""

    code = "file_missing"


# The service -------------------------------------------------------------------------------------


class ProjectionBehind(LedgerError):
    """The read model has not caught up with the log in time; try again in a moment."""

    code = "projection_behind"


class LogBroken(LedgerError):
    """Events of this log are missing or were changed; `daftar verify` names the first."""

    code = "log_broken"


class MessageNotSent(LedgerError):
    """The message could not be sent; nothing was changed; try again in a moment."""

    code = "message_not_sent"


class ServiceUnavailable(LedgerError):
    """The database cannot be reached; nothing was stored; try again in a moment."""

    code = "service_unavailable"
