"""What the event log adds to the error tree of the contracts.

::

    ConfigurationError
    ├── UnknownTopic     nobody created it
    ├── MemberFenced     another process uses our instance_id
    └── GroupIsRunning   the group has members where none may run
    TerminalError
    ├── ValueTooLarge    a value above the limit of the log
    └── PoisonMessage    handling it ended the process again and again
    BridgeworkError
    └── LoopStopped      a consumer loop ended and must not be started again by itself
"""

from bridgework_contracts.errors import BridgeworkError, ConfigurationError, TerminalError


class UnknownTopic(ConfigurationError):
    """The topic does not exist; control creates topics when it creates a tenant."""

    default_code = "unknown_topic"


class MemberFenced(ConfigurationError):
    """Another process joined the group under our instance id; two of us must not run."""

    default_code = "member_fenced"


class GroupIsRunning(ConfigurationError):
    """The group has members while something needs it stopped."""

    default_code = "group_is_running"


class ValueTooLarge(TerminalError):
    """The value of a record exceeds what the log carries."""

    default_code = "value_too_large"


class PoisonMessage(TerminalError):
    """Handling this message ended the process again and again."""

    default_code = "poison"


class LoopStopped(BridgeworkError):
    """A consumer loop ended because of ``original``; nothing of that batch was committed.

    Deliberately raised without a cause: an exception that is not ours may quote values, and
    whatever prints a chain of exceptions would print them. The loop's log has the frames.
    """

    default_code = "loop_stopped"

    def __init__(self, message: str, original: BaseException) -> None:
        super().__init__(message, error_class=type(original).__name__)
        self.original = original
