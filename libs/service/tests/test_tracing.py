"""Traces travel in headers without any SDK."""

import pytest
from bridgework_service.tracing import (
    continued_trace,
    current_traceparent,
    new_trace,
    with_traceparent,
)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_goes_from_the_incoming_to_the_outgoing_message() -> None:
    """What a handler sends carries the trace its message came with."""
    with continued_trace({"traceparent": PARENT, "type": "x"}):
        assert current_traceparent() == PARENT
        assert with_traceparent({"type": "y"}) == {"type": "y", "traceparent": PARENT}
    assert current_traceparent() is None


@pytest.mark.parametrize("headers", [{}, {"traceparent": "garbage"}, {"traceparent": ""}])
def test_no_or_a_broken_header_is_no_trace(headers: dict[str, str]) -> None:
    """A message without trace is handled like any other, even inside another trace."""
    with continued_trace({"traceparent": PARENT}), continued_trace(headers):
        assert current_traceparent() is None
        assert with_traceparent({"a": "b"}) == {"a": "b"}


def test_a_new_trace_has_fresh_ids() -> None:
    """A job's start begins a trace of the W3C form; two starts begin two."""
    with new_trace() as first:
        assert current_traceparent() == first
    with new_trace() as second:
        pass
    assert first != second
    assert [len(part) for part in first.split("-")] == [2, 32, 16, 2]
