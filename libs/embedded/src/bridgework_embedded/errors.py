"""One error for every launcher: what could not be started, and what a person can do about it."""


class LauncherError(RuntimeError):
    """A server could not be found or started.

    Attributes:
        what: What happened, to which program.
        remedy: One sentence a person can act on.
        log_tail: The last lines the program wrote, empty when it never ran.
    """

    def __init__(self, what: str, *, remedy: str, log_tail: str = "") -> None:
        self.what = what
        self.remedy = remedy
        self.log_tail = log_tail
        tail = f"\n--- last lines of its log ---\n{log_tail}" if log_tail else ""
        super().__init__(f"{what} {remedy}{tail}")
