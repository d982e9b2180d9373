"""The names a log field may have: counts, durations, codes, ids and places in our own structure.

A name that is missing here is added here, in a change somebody reviews. Names under which a person
could stand (name, owner, user, value, title, text, address …) never are.
"""

from __future__ import annotations

from typing import Final

BOUND_IDS: Final = frozenset(
    """
    service tenant_id job_id run_id correlation_id message_id topic partition offset
    """.split()  # noqa: SIM905  # a column of words reads better than a column of strings
)
"""What may be bound once per message with :func:`bridgework_service.logging.bind_ids`."""

ALLOWED: Final = BOUND_IDS | frozenset(
    """
    action active applied attempt attempts batch_size budget bytes cause causes check checks
    code codes concurrency constraint count counts credits cursor details dialect direction
    error_class partitions suspects tries
    duplicates edition error error_code exit_code extracted failed failures field fields file
    files format frames from_status group http_status in_flight index inserted interval items
    kind lag lease level limit line lines logger merged method migration missing mode module
    modules number object objects op outcome outcomes parked part parts pending percent phase
    pid port position profile progress queue ready reason records relayed remaining retries
    role row rows schema seed sheet signal size skipped slots source_key sources spec_name
    sqlstate stage state status step subject table task tasks template tenants to_status total
    type unchanged updated used version wave waves window workers written
    """.split()  # noqa: SIM905  # likewise
)

ALLOWED_SUFFIXES: Final = tuple(
    """
    _id _ids _s _ms _at _bytes _total _count _records _rows _files _per_min _per_s _percent
    _code _codes _status _kind _hash _version _offset _credits _index
    """.split()  # noqa: SIM905  # likewise
)

NUMBERS_ONLY: Final = frozenset(
    """
    drift owners patients providers users
    """.split()  # noqa: SIM905  # likewise
)
"""Names that may carry how many, never who or what."""

NEVER: Final = frozenset(
    """
    birth_at driver_license_id email_id medicaid_id
    medicare_id member_id policy_id postal_code ssn_id subscriber_id tax_id zip_code
    """.split()  # noqa: SIM905  # likewise
)
"""Names of the source that look technical and identify a person."""


def is_allowed(name: str) -> bool:
    """Tell whether a field of this name may carry a value into a log line."""
    return name not in NEVER and (name in ALLOWED or name.endswith(ALLOWED_SUFFIXES))
