"""Equal or not, per kind: each forgives what Zoho does to a value and nothing else."""

from typing import Any

import pytest
from bridgework_mapping.comparators import comparator

EQUAL: list[tuple[str, Any, Any]] = [
    ("text", "a\nb", "a\r\nb "),
    ("text", None, ""),
    ("text", "a\u00a0b", "a b"),
    ("note", "x\n[src:note:1]", "x"),
    ("date", "2024-01-11", "2024-01-11"),
    ("datetime", "2024-01-11T09:20:00-05:00", "2024-01-11T14:20:00+00:00"),
    ("datetime", "2024-01-11T09:20:00-05:00", "2024-01-11T19:50:00+05:30"),
    ("currency", 152.45, "152.45"),
    ("currency", 0.1 + 0.2, 0.3),
    ("currency", 50.0, 50),
    ("integer", 3, "3"),
    ("boolean", True, True),
    ("boolean", False, None),
    ("phone", "8575550176x334", "(857) 555-0176 x334"),
    ("picklist", "Male", "Male"),
    ("picklist", "Male", {"display_value": "Male"}),
    ("lookup", {"id": "1"}, {"id": "1", "name": "A"}),
    ("lookup", "1", {"id": "1"}),
    ("json", '{"a":1,"b":[2]}', '{"b": [2], "a": 1}'),
    ("json", '{"a":1,"b":', '{"a":1,"b":'),
    ("ignore", True, None),
]
UNEQUAL: list[tuple[str, Any, Any]] = [
    ("text", "a", "A"),
    ("text", "a", None),
    ("text", None, "a"),
    ("text", "a b", "a  b"),
    ("note", "x\n[src:note:1]", "y\n[src:note:1]"),
    ("date", "2024-01-11", "2024-01-12"),
    ("date", "2024-01-11", None),
    ("datetime", "2024-01-11T09:20:00-05:00", "2024-01-11T09:20:00+00:00"),
    ("datetime", "2024-01-11T09:20:00-05:00", "not a time"),
    ("currency", 152.45, 152.46),
    ("currency", 152.45, "abc"),
    ("currency", 0.0, None),
    ("integer", 3, 4),
    ("integer", 3, "three"),
    ("boolean", True, None),
    ("boolean", False, True),
    ("phone", "8575550176", "8575550177"),
    ("picklist", "No", "Unknown"),
    ("picklist", "No", None),
    ("lookup", {"id": "1"}, {"id": "2"}),
    ("lookup", {"id": "1"}, None),
    ("json", '{"a":1}', '{"a":2}'),
    ("json", '{"a":1}', "{"),
]


@pytest.mark.parametrize(("kind", "expected", "actual"), EQUAL)
def test_the_same_value_in_zohos_form_is_equal(kind: str, expected: Any, actual: Any) -> None:
    """No false alarms."""
    assert comparator(kind)(expected, actual)


@pytest.mark.parametrize(("kind", "expected", "actual"), UNEQUAL)
def test_a_different_value_is_different(kind: str, expected: Any, actual: Any) -> None:
    """No blind spots."""
    assert not comparator(kind)(expected, actual)
