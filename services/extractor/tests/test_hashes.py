"""The memory a delta has of the export before."""

from pathlib import Path

import pytest
from bridgework_contracts.errors import TerminalError
from bridgework_extractor.hashes import FILE_NAME, BaseHashes, HashWriter
from cryptography.exceptions import InvalidTag

KEY = bytes(range(32))


def written(folder: Path, *lines: tuple[str, str, str, str]) -> BaseHashes:
    """Write hashes and read them as a base."""
    writer = HashWriter(folder, KEY)
    for line in lines:
        writer.add(*line)
    writer.close()
    return BaseHashes(folder, KEY)


LINES = (("patient", "1", "h1", "1"), ("patient", "2", "h2", "2"), ("task", "1", "h3", "2"))


def test_a_record_that_is_still_there_is_known_by_its_hash(tmp_path: Path) -> None:
    """By object and key; what was not there before is new."""
    base = written(tmp_path, *LINES)
    assert base.take("patient", "1") == "h1"
    assert base.take("task", "1") == "h3"
    assert base.take("patient", "3") is None
    assert base.take("carrier", "1") is None


def test_what_nobody_asked_for_was_deleted(tmp_path: Path) -> None:
    """In key order, with the partition its earlier messages went to."""
    base = written(tmp_path, *LINES, ("patient", "0", "h0", "0"))
    base.take("patient", "1")
    assert list(base.deleted("patient")) == [("0", "h0", "0"), ("2", "h2", "2")]
    assert list(base.deleted("task")) == [("1", "h3", "2")]
    assert list(base.deleted("carrier")) == []


def test_an_unfinished_snapshot_is_no_base(tmp_path: Path) -> None:
    """A crash before the end leaves nothing that looks whole, nor harms an earlier whole one."""
    HashWriter(tmp_path, KEY).add("patient", "1", "h", "1")
    with pytest.raises(TerminalError) as caught:
        BaseHashes(tmp_path, KEY)
    assert caught.value.code == "base_missing"
    written(tmp_path, *LINES)
    whole = (tmp_path / FILE_NAME).read_bytes()
    half = HashWriter(tmp_path, KEY)
    half.add("patient", "9", "h", "9")
    assert (tmp_path / FILE_NAME).read_bytes() == whole
    half.close()
    assert BaseHashes(tmp_path, KEY).take("patient", "9") == "h"
    assert BaseHashes(tmp_path, KEY).take("patient", "1") is None


def test_the_file_tells_nobody_whose_records_there_were(tmp_path: Path) -> None:
    """Neither numbers nor partitions can be read; with another key nothing is found or opened."""
    many = [("patient", f"chart-{n}", f"h{n}", f"part-{n}") for n in range(2_500)]
    base = written(tmp_path, *many)
    raw = (tmp_path / FILE_NAME).read_bytes()
    assert b"chart-" not in raw
    assert b"part-" not in raw
    assert b"patient" in raw
    assert base.take("patient", "chart-2499") == "h2499"
    assert len(list(base.deleted("patient"))) == 2_499
    other = BaseHashes(tmp_path, KEY[::-1])
    assert other.take("patient", "chart-1") is None
    with pytest.raises(InvalidTag):
        list(other.deleted("patient"))


def test_a_key_that_was_written_twice_is_one_record(tmp_path: Path) -> None:
    """The later hash counts, once."""
    base = written(tmp_path, *LINES, ("patient", "1", "later", "1"))
    assert base.take("patient", "1") == "later"
    assert base.take("patient", "1") is None
    assert [key for key, *_ in base.deleted("patient")] == ["2"]


def test_an_empty_export_is_a_base_too(tmp_path: Path) -> None:
    """Everything after it is new."""
    base = written(tmp_path)
    assert base.take("patient", "1") is None
    assert list(base.deleted("patient")) == []


@pytest.mark.parametrize("key", ["11|2025-05", "70001#2", "ü ß", "a b", "", "\u2028", "\x1f"])
def test_a_key_of_any_form_comes_back(tmp_path: Path, key: str) -> None:
    """Keys are the source's own."""
    base = written(tmp_path, ("patient", key, "h", key))
    assert list(base.deleted("patient")) == [(key, "h", key)]
    assert base.take("patient", key) == "h"


@pytest.mark.parametrize("key", ["a\tb", "a\nb", "a\rb"])
def test_a_key_with_a_separator_inside_comes_back(tmp_path: Path, key: str) -> None:
    """A cell may hold a tab or a line break; the delta must not stumble over it."""
    base = written(tmp_path, ("patient", key, "h", "p"), ("patient", "2", "h2", "p"))
    assert base.take("patient", key) == "h"
    assert base.take("patient", "2") == "h2"
