"""What can go wrong between us and Zoho, by what the caller should do about it.

::

    ZohoError (BridgeworkError)
    ├── ZohoBusy            (RateLimited)             too many calls in flight: soon
    ├── CreditsExhausted    (RateLimited)             the 24 hours are spent: later
    ├── TokenThrottled      (RateLimited)             ten access tokens in ten minutes
    ├── ZohoUnavailable     (DestinationUnavailable)  nothing was applied: again
    ├── WriteOutcomeUnknown (OutcomeUnknown)          may have been applied: ask, then decide
    │   └── PositionsLost                             applied, but results do not match the rows
    ├── BulkJobPending      (OutcomeUnknown)          a bulk job did not finish in time
    ├── GrantLost           (StopRun)                 the refresh token is dead: authorise again
    ├── RunStopped          (StopRun)                 permissions, scopes, licence, storage
    ├── RequestRefused      (TerminalError)           this request can never succeed as it is
    │   └── ScanTooLong                               the reading goes beyond what paging reaches
    └── FileRefused         (AttachmentUnusable)      this file is too big or not allowed

A refused *record* is not an exception: it is an ``ElementResult`` with ``ok`` false, because its
neighbours in the same call may have been written.
"""

from collections.abc import Sequence

from bridgework_contracts.errors import (
    AttachmentUnusable,
    BridgeworkError,
    DestinationUnavailable,
    OutcomeUnknown,
    RateLimited,
    StopRun,
    TerminalError,
)


class ZohoError(BridgeworkError):
    """Anything the Zoho client raises; ``details`` hold operation, module and http_status."""

    default_code = "zoho"


class ZohoBusy(ZohoError, RateLimited):
    """Zoho refused the call because too many were in flight; nothing was applied."""

    default_code = "TOO_MANY_REQUESTS"


class CreditsExhausted(ZohoError, RateLimited):
    """The org's credits of the last 24 hours are spent; some return after ``retry_after_s``."""

    default_code = "CREDITS_EXHAUSTED"


class TokenThrottled(ZohoError, RateLimited):
    """No new access token may be asked for before ``retry_after_s``."""

    default_code = "TOKEN_THROTTLED"


class ZohoUnavailable(ZohoError, DestinationUnavailable):
    """Zoho did not answer, or answered that it cannot; nothing was applied."""

    default_code = "ZOHO_UNAVAILABLE"


class WriteOutcomeUnknown(ZohoError, OutcomeUnknown):
    """A write may have been applied: the connection broke or a 5xx came after it was sent.

    Attributes:
        ids: Zoho ids the request named; empty for inserts.
        body_sha256: Hash of the body sent, to recognise the same request later.
    """

    default_code = "OUTCOME_UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        ids: Sequence[str] = (),
        body_sha256: str = "",
        **details: object,
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s, **details)
        self.ids = tuple(ids)
        self.body_sha256 = body_sha256


class PositionsLost(WriteOutcomeUnknown):
    """Zoho applied a write but answered with another number of results than rows were sent."""

    default_code = "POSITIONS_LOST"


class BulkJobPending(ZohoError, OutcomeUnknown):
    """A bulk job was still running when we stopped watching; ``details`` hold its job_id."""

    default_code = "BULK_JOB_PENDING"


class BulkJobFailed(ZohoError, OutcomeUnknown):
    """A bulk job ended as FAILED and may have written rows; compare by external id first."""

    default_code = "BULK_JOB_FAILED"


class GrantLost(ZohoError, StopRun):
    """Zoho no longer accepts the refresh token or the client: a person must authorise again."""

    default_code = "GRANT_LOST"


class RunStopped(ZohoError, StopRun):
    """Permission, scope, licence or storage is missing: no call of this kind can succeed."""

    default_code = "RUN_STOPPED"


class RequestRefused(ZohoError, TerminalError):
    """Zoho refused the request as a whole; sending it again changes nothing."""

    default_code = "REQUEST_REFUSED"


class ScanTooLong(RequestRefused):
    """List paging ends at 100,000 rows; use ``coql_scan`` or ``bulk_read`` for this module."""

    default_code = "PAGINATION_LIMIT_EXCEEDED"


class FileRefused(ZohoError, AttachmentUnusable):
    """Zoho does not take this file, or we know beforehand that it would not."""

    default_code = "FILE_REFUSED"
