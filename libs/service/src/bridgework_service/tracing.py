"""One trace from the job's first command to the last outcome, carried in message headers.

Only OpenTelemetry's API is used: without an SDK configured nothing is recorded or exported, but the
``traceparent`` header still travels unchanged, so that a process with an SDK can join.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_HEADER = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()


def current_traceparent() -> str | None:
    """Return the W3C ``traceparent`` of what is going on now, ``None`` outside any trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER)


def with_traceparent(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of ``headers`` with the current ``traceparent``, if there is one."""
    current = current_traceparent()
    return {**headers, _HEADER: current} if current else dict(headers)


@contextmanager
def continued_trace(headers: Mapping[str, str]) -> Iterator[None]:
    """Make what happens in the block part of the trace a message came with.

    A missing or malformed header means no trace, never an error.
    """
    found = headers.get(_HEADER)
    extracted = _PROPAGATOR.extract({_HEADER: found} if found else {}, context.Context())
    token = context.attach(extracted)
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def new_trace() -> Iterator[str]:
    """Begin a trace for the block (where a job starts) and give its ``traceparent``."""
    span_context = trace.SpanContext(
        trace_id=secrets.randbits(128) or 1,
        span_id=secrets.randbits(64) or 1,
        is_remote=False,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    token = context.attach(
        trace.set_span_in_context(trace.NonRecordingSpan(span_context), context.Context())
    )
    try:
        yield current_traceparent() or ""
    finally:
        context.detach(token)
