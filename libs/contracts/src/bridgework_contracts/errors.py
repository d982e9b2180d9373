"""What can go wrong, by what the caller should do about it.

::

    BridgeworkError
    ├── TransientError          try again; may carry retry_after_s
    │   ├── RateLimited         out of credits or concurrency
    │   ├── SourceUnavailable   the export or database does not answer
    │   ├── DestinationUnavailable
    │   ├── StoreUnavailable    PostgreSQL or the event log does not answer
    │   └── OutcomeUnknown      the request may have been applied: ask before sending again
    ├── TerminalError           never succeeds as it is: dead-letter or reject; carries code and ids
    │   ├── ContractViolation   a message or name breaks the agreed form
    │   ├── MappingError        the mapping document cannot be applied
    │   ├── RecordRejected      Zoho (or our pre-validation) refuses this record
    │   ├── AttachmentUnusable  this file cannot be moved
    │   ├── SourceUnreadable    this file or row of the export cannot be read
    │   └── StopRun             nothing in this run can succeed until a person acts
    └── ConfigurationError      refuse to start

Messages say what happened, to which thing, and what happens next. They never hold a secret or a
value of a record; ids, codes, file names and row numbers only.
"""


class BridgeworkError(Exception):
    """Root of everything we raise on purpose.

    Attributes:
        code: Stable machine-readable word, snake_case.
        details: Ids, counts and names; never values of records.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.details = details


class TransientError(BridgeworkError):
    """Try again, not before ``retry_after_s`` seconds if that is given."""

    default_code = "transient"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, code=code, **details)
        self.retry_after_s = retry_after_s


class RateLimited(TransientError):
    """The destination's allowance is used up for now."""

    default_code = "rate_limited"


class SourceUnavailable(TransientError):
    """The source does not answer."""

    default_code = "source_unavailable"


class DestinationUnavailable(TransientError):
    """The destination does not answer, or answers that it cannot; nothing was written."""

    default_code = "destination_unavailable"


class StoreUnavailable(TransientError):
    """PostgreSQL or the event log does not answer."""

    default_code = "store_unavailable"


class OutcomeUnknown(TransientError):
    """The request may have been applied. Ask the destination before sending it again."""

    default_code = "outcome_unknown"


class TerminalError(BridgeworkError):
    """Cannot succeed as it is, however often it is tried."""

    default_code = "terminal"


class ContractViolation(TerminalError):
    """A message, id or name breaks its agreed form."""

    default_code = "contract_violation"


class MappingError(TerminalError):
    """The mapping document is wrong or does not fit the record."""

    default_code = "mapping_error"


class RecordRejected(TerminalError):
    """This record is refused by the destination or by pre-validation."""

    default_code = "record_rejected"


class AttachmentUnusable(TerminalError):
    """This file cannot be moved as it is."""

    default_code = "attachment_unusable"


class SourceUnreadable(TerminalError):
    """This export, file or row cannot be read; ``details`` hold file, line, column, remedy."""

    default_code = "source_unreadable"


class StopRun(TerminalError):
    """Nothing of this run can succeed until a person acts (permissions, scopes, storage)."""

    default_code = "stop_run"


class ConfigurationError(BridgeworkError):
    """A setting is missing or wrong: the process refuses to start."""

    default_code = "configuration"
