"""Polling with a deadline."""

import pytest
from bridgework_testkit.eventually import eventually


async def test_returns_the_first_true_answer_of_plain_and_async_predicates() -> None:
    """The value itself comes back; assertions inside count as not yet."""
    answers = iter([0, None, 7])
    assert await eventually(lambda: next(answers), 5) == 7
    tries = 0

    async def third_time() -> str:
        nonlocal tries
        tries += 1
        assert tries >= 3
        return "yes"

    assert await eventually(third_time, 5) == "yes"


async def test_says_what_was_last_when_the_deadline_passes() -> None:
    """A failure is an assertion with the last value or the predicate's own assertion as cause."""
    with pytest.raises(AssertionError, match="last: 0"):
        await eventually(lambda: 0, 0.1)

    def never() -> bool:
        raise AssertionError("inner")

    with pytest.raises(AssertionError) as caught:
        await eventually(never, 0.1)
    assert str(caught.value.__cause__) == "inner"
