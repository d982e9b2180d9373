"""Ids: random for jobs and runs, derived from content for messages."""

import re
import subprocess
import sys

from bridgework_contracts.ids import message_id, new_job_id, new_run_id
from hypothesis import given, settings
from hypothesis import strategies as st


def test_a_message_id_is_the_same_today_as_when_the_topic_was_written() -> None:
    """A replay years later recognises its own messages: these values never change."""
    assert message_id() == "cae66941d9efbd404e4d88758ea67670"
    assert message_id("run_1", "RecordExtracted", "patient", "1201", "h") == (
        "8ddadee27fba162994e9efa4144ee6ce"
    )


def test_a_message_id_does_not_depend_on_the_process() -> None:
    """Another interpreter, with another hash seed, derives the same id."""
    code = "from bridgework_contracts.ids import message_id; print(message_id('a', 'ü'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert said.stdout.strip() == message_id("a", "ü")


parts = st.lists(st.text(st.characters(exclude_characters="\x1f", codec="utf-8")), max_size=5)


@settings(deadline=None)
@given(parts, parts)
def test_different_parts_give_different_message_ids(one: list[str], other: list[str]) -> None:
    """Also where the parts only differ in where one ends and the next begins."""
    # No parts and one empty part are the same text; a message always has parts.
    if (one or [""]) == (other or [""]):
        assert message_id(*one) == message_id(*other)
    else:
        assert message_id(*one) != message_id(*other)


def test_the_border_between_parts_counts() -> None:
    """An id over (a, bc) is not the id over (ab, c)."""
    assert message_id("a", "bc") != message_id("ab", "c")


def test_a_message_id_is_32_hexadecimal_characters() -> None:
    """Short enough for a header, long enough never to meet another."""
    assert re.fullmatch("[0-9a-f]{32}", message_id("anything"))


def test_job_and_run_ids_are_fresh_and_say_what_they_are() -> None:
    """A prefix for people, 64 random bits for us."""
    jobs, runs = {new_job_id() for _ in range(50)}, {new_run_id() for _ in range(50)}
    assert len(jobs) == len(runs) == 50
    assert all(re.fullmatch("job_[0-9a-f]{16}", one) for one in jobs)
    assert all(re.fullmatch("run_[0-9a-f]{16}", one) for one in runs)
