"""Every log call of the repository, read as source: what it says will not be masked."""

import ast
from collections.abc import Iterator
from pathlib import Path

from bridgework_service.log_fields import NUMBERS_ONLY, is_allowed
from bridgework_service.logging import _EVENT

ROOT = Path(__file__).resolve().parents[3]
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Give each call on something named log, with its place."""
    for path in [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in METHODS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"log", "logger"}
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_field_and_event_in_the_source_gets_through() -> None:
    """A new field is added to log_fields.py in a reviewed change, or renamed to a known one."""
    calls = list(log_calls())
    assert len(calls) > 20
    unknown = [
        f"{place} {keyword.arg}"
        for place, call in calls
        for keyword in call.keywords
        if keyword.arg not in {"exc_info", *NUMBERS_ONLY} and not is_allowed(keyword.arg or "**")
    ]
    no_phrase = [
        f"{place} {call.args[0].value!r}"
        for place, call in calls
        if call.args
        and isinstance(call.args[0], ast.Constant)
        and not _EVENT.match(str(call.args[0].value))
    ]
    assert unknown == []
    assert no_phrase == []
