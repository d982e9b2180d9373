"""Waiting for something to become true, with a deadline instead of a sleep."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

_T = TypeVar("_T")


@overload
async def eventually(
    predicate: Callable[[], Awaitable[_T]], deadline_s: float = ..., *, poll_s: float = ...
) -> _T: ...


@overload
async def eventually(
    predicate: Callable[[], _T], deadline_s: float = ..., *, poll_s: float = ...
) -> _T: ...


async def eventually(
    predicate: Callable[[], object], deadline_s: float = 10.0, *, poll_s: float = 0.02
) -> object:
    """Call ``predicate`` until it returns something true; return that.

    Args:
        predicate: Plain or async; an ``AssertionError`` of it counts as not yet.
        deadline_s: How long to try.
        poll_s: Pause between calls.

    Raises:
        AssertionError: It was still not true; chained to the predicate's own last assertion.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    failure: AssertionError | None = None
    value: object = None
    while True:
        try:
            result = predicate()
            found = await result if inspect.isawaitable(result) else result
        except AssertionError as exc:
            failure, value = exc, "an assertion failed"
        else:
            if found:
                return found
            failure, value = None, found
        if loop.time() >= deadline:
            raise AssertionError(f"Not true after {deadline_s:g} s, last: {value!r}") from failure
        await asyncio.sleep(poll_s)
