"""Moments as columns: cut into day and clock, which differ far less often than the two together."""

import re

import pyarrow as pa
import pyarrow.compute as pc

_ODD_DAY = re.compile(r"[^0-9/.\-]|^$")
_ODD_CLOCK = re.compile(r"^[^:]*$|T")


def cut_moments(texts: pa.StringArray) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
    """Cut texts at their first blank; the second part is empty where there is none."""
    parts = pc.split_pattern(texts, " ", max_splits=1)
    second = pc.list_slice(parts, 1, 2, return_fixed_size_list=True).flatten()
    first = pc.list_element(parts, 0)
    return first.dictionary_encode(), pc.fill_null(second, "").dictionary_encode()


def is_odd(days: pa.DictionaryArray, clocks: pa.DictionaryArray) -> pa.BooleanArray:
    """Tell which moments are not plainly a day and a clock with the blank between them.

    Those are cut as :func:`parsers.dates.split_moment` does it, one by one.
    """
    return pc.or_(_matches(days, _ODD_DAY), _matches(clocks, _ODD_CLOCK))


def _matches(cells: pa.DictionaryArray, pattern: re.Pattern[str]) -> pa.BooleanArray:
    """Return which cells match; each different text is looked at once."""
    found = [pattern.search(text) is not None for text in cells.dictionary.to_pylist()]
    return pc.take(pa.array(found, pa.bool_()), cells.indices)
