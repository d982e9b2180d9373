"""Logs that cannot hold personal data, because only known names and plain tokens get through.

The event is a fixed snake_case phrase. Every field must be on the allow-list (by name or by a unit
suffix) and its value must be a number or a token without blanks; everything else is replaced by a
marker and counted. Exceptions are written as class, code and frames: our own texts hold no values,
other people's do, so theirs are left out.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, Literal
from uuid import UUID

import orjson
import structlog
from bridgework_contracts.errors import BridgeworkError
from prometheus_client import Counter
from structlog.contextvars import bound_contextvars, merge_contextvars

from bridgework_service.log_fields import BOUND_IDS, NUMBERS_ONLY, is_allowed
from bridgework_service.metrics import Metrics

MASKED: Final = "[masked]"

_STRUCTURE: Final = frozenset({"event", "level", "timestamp", "exc_info"})

_EVENT = re.compile(r"^[a-z][a-z0-9_]{2,79}$")
_TOKEN = re.compile(r"^[\w.:/|+*,=<>\[\](){}#%~-]{0,200}$")
_FRAME = re.compile(r"^[\w./-]+\.py:\d+ [\w<>]+$")
_DATA_FILE = re.compile(
    r"\.(csv|tsv|psv|json|jsonl|ndjson|xml|xlsx|sql|parquet|ya?ml|toml|zip|py)$"
)
_LONGEST_LIST = 50
_DEEPEST = 3

OnMask = Callable[[], object]


class PhiFilter:
    """structlog processor: keeps allowed fields with harmless values, masks and counts the rest."""

    def __init__(self, masked: Counter) -> None:
        self._masked = masked

    def __call__(
        self, _logger: Any, _method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Clean one line in place."""
        for name, value in event_dict.items():
            if name not in _STRUCTURE:
                event_dict[name] = clean(name, value, self._masked.inc)
        event = event_dict.get("event")
        if not isinstance(event, str) or not _EVENT.match(event):
            event_dict["event"] = "event_masked"
            self._masked.inc()
        return event_dict


def clean(name: str, value: Any, on_mask: OnMask = lambda: None, depth: int = 0) -> Any:
    """Return ``value`` with everything masked that may not stand under ``name``.

    Numbers pass under an allowed name. Text passes when it is a token: at most 200 characters, no
    blanks, no ``@``; so ids, codes and times do, sentences, full names and addresses do not. Of a
    file that is not tabular data only the extension passes, because documents are often named
    after their patient. A mapping keeps its numbers (counts by word) and what its own keys allow.
    """
    if value is None or (
        isinstance(value, bool | int | float)
        and (depth or is_allowed(name) or name in NUMBERS_ONLY)
    ):
        return value
    if isinstance(value, Mapping) and depth < _DEEPEST and is_allowed(name):
        return {
            key if isinstance(key, str) and _TOKEN.match(key) else MASKED: clean(
                str(key), item, on_mask, depth + 1
            )
            for key, item in list(value.items())[:_LONGEST_LIST]
        }
    if is_allowed(name):
        if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
            items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
            return [clean(name, item, on_mask, depth + 1) for item in items[:_LONGEST_LIST]]
        text = _plain(value)
        if text is not None and (_TOKEN if name != "frames" else _FRAME).match(text):
            return text if name not in {"file", "files"} else _file_shown(text)
    on_mask()
    return MASKED


def _plain(value: Any) -> str | None:
    """Return text as it is, and the text of types that are tokens by nature."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, UUID | datetime | date | PurePath | Decimal):
        return str(value).replace(" ", "T")
    return None


def _file_shown(path: str) -> str:
    return path if _DATA_FILE.search(path.lower()) else f"*{PurePath(path).suffix}"


def describe_exception(exc: BaseException) -> dict[str, Any]:
    """Return what may be said of an exception: class, code, our own text, causes and frames.

    Keys: ``error`` (class), ``error_code``, ``error_message`` and ``details`` (only of our own
    exceptions), ``causes`` (classes, nearest first), ``traceback`` (``file:line function``, the
    innermost frame last), and for a group ``errors`` (the same of each member).
    """
    said: dict[str, Any] = {"error": type(exc).__name__}
    if isinstance(exc, BridgeworkError):
        said["error_code"] = exc.code
        said["error_message"] = str(exc)
        details = {name: clean(name, value) for name, value in exc.details.items()}
        if details:
            said["details"] = details
    causes = [type(cause).__name__ for cause in _causes(exc)]
    if causes:
        said["causes"] = causes
    said["traceback"] = [
        f"{_short(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(exc.__traceback__)
    ]
    if isinstance(exc, BaseExceptionGroup):
        said["errors"] = [describe_exception(member) for member in exc.exceptions]
    return said


def configure_logging(
    *,
    service: str,
    level: str = "info",
    log_format: Literal["json", "console"] = "json",
    metrics: Metrics | None = None,
) -> None:
    """Make structlog and the standard library write PHI-free lines to standard output.

    Lines of libraries (standard ``logging``) appear as ``library_logged`` with logger, level and
    the unformatted template; their arguments, which may be anything, are dropped. Below warning
    they do not appear at all.

    Idempotent: yes; the last call wins.
    """
    masked = (metrics or Metrics()).counter(
        "bridgework_log_values_masked_total", "Log fields or events that were not allowed through."
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if log_format == "console"
        else _render_json
    )
    structlog.configure(
        processors=[
            merge_contextvars,
            _ServiceName(service),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            PhiFilter(masked),
            _add_exception,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler()]
    root.setLevel(logging.WARNING)


@contextmanager
def bind_ids(**ids: str | int | None) -> Iterator[None]:
    """Add ids to every line written inside the block (per task); ``None`` values are left out.

    Raises:
        ValueError: a name that is not one of :data:`BOUND_IDS`.
    """
    unknown = ids.keys() - BOUND_IDS
    if unknown:
        raise ValueError(f"cannot bind {', '.join(sorted(unknown))} to log lines")
    with bound_contextvars(**{name: value for name, value in ids.items() if value is not None}):
        yield


class _ServiceName:
    """Adds the service's name where none is bound (several services may share one process)."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(
        self, _logger: Any, _method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event_dict.setdefault("service", self._service)
        return event_dict


def _add_exception(
    _logger: Any, _method: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    exc_info = event_dict.pop("exc_info", None)
    exc: BaseException | None = None
    if isinstance(exc_info, BaseException):
        exc = exc_info
    elif isinstance(exc_info, tuple):
        exc = exc_info[1]
    elif exc_info:
        exc = sys.exc_info()[1]
    if exc is not None:
        event_dict.update(describe_exception(exc))
    return event_dict


def _render_json(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> str:
    return orjson.dumps(
        event_dict, default=lambda _: MASKED, option=orjson.OPT_NON_STR_KEYS
    ).decode()


class _LibraryHandler(logging.Handler):
    """Passes a library's record on without its arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; text without arguments may be anything and is left out."""
        fields: dict[str, Any] = {"logger": record.name, "line": record.lineno}
        if record.args and isinstance(record.msg, str):
            fields["template"] = re.sub(r"\s+", "_", record.msg)[:200]
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        log = structlog.get_logger()
        log.log(record.levelno, "library_logged", **fields)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen = {id(exc)}
    current: BaseException | None = exc
    while current is not None:
        follows = current.__cause__
        if follows is None and not current.__suppress_context__:
            follows = current.__context__
        if follows is None or id(follows) in seen:
            return
        seen.add(id(follows))
        yield follows
        current = follows


def _short(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-3:])
