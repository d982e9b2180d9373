"""What the event log adds to the error tree of the contracts.

::

    ConfigurationError
    ├── UnknownTopic     nobody created it
    └── MemberFenced     another process uses our instance_id
    TerminalError
    └── ValueTooLarge    a value above the limit of the log
"""

from bridgework_contracts.errors import ConfigurationError, TerminalError


class UnknownTopic(ConfigurationError):
    """The topic does not exist; control creates topics when it creates a tenant."""

    default_code = "unknown_topic"


class MemberFenced(ConfigurationError):
    """Another process joined the group under our instance id; two of us must not run."""

    default_code = "member_fenced"


class ValueTooLarge(TerminalError):
    """The value of a record exceeds what the log carries."""

    default_code = "value_too_large"
