"""The criteria of bulk read as SQL, and their refusals (fact sheet §3.12)."""

from __future__ import annotations

from typing import Any

from .columns import NUMBERS, UNQUERYABLE, column_sql, is_text, kind_of, literal
from .errors import ZohoError
from .metadata import Module
from .search import Clause, like

GROUP_MAX = 25
DEPTH_MAX = 10
IN_MAX = 20
PAIR = 2
EMPTY = "${EMPTY}"
_ORDERED = {"less_than": "<", "less_equal": "<=", "greater_than": ">", "greater_equal": ">="}
_COMPARATORS = (
    "equal",
    "not_equal",
    "in",
    "not_in",
    *_ORDERED,
    "between",
    "not_between",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
)
_LISTS = frozenset({"in", "not_in"})
_BETWEENS = frozenset({"between", "not_between"})
_PATTERNS = {"contains": "%{}%", "not_contains": "%{}%", "starts_with": "{}%", "ends_with": "%{}"}


def refuse(code: str, message: str, **details: Any) -> ZohoError:
    """Refuse a bulk read: 400 with this code."""
    return ZohoError(400, code, message, details)


def criteria_sql(module: Module, criteria: Any, depth: int = 0) -> Clause:
    """Return a criteria tree as SQL.

    Raises:
        ZohoError: 400 for unknown fields, comparators or values.
    """
    if not isinstance(criteria, dict) or depth > DEPTH_MAX:
        raise refuse("INVALID_CRITERIA", "the criteria is invalid")
    if "group" in criteria and "comparator" in criteria:
        raise refuse("AMBIGUOUS_CRITERIA", "the criteria is ambiguous")
    if "group" in criteria:
        group, word = criteria["group"], criteria.get("group_operator")
        if not isinstance(group, list) or not group:
            raise refuse("AMBIGUOUS_GROUP_IN_CRITERIA", "the group is ambiguous")
        if word not in {"and", "or", "AND", "OR"}:
            raise refuse(
                "GROUP_OPERATOR_NOT_SUPPORTED", "unknown group operator", supported=["and", "or"]
            )
        if len(group) > GROUP_MAX:
            raise refuse("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", max_limit=GROUP_MAX)
        parts = [criteria_sql(module, item, depth + 1) for item in group]
        return Clause(
            "(" + f" {word} ".join(part.sql for part in parts) + ")",
            [value for part in parts for value in part.values],
        )
    field = criteria.get("field")
    name = field.get("api_name") if isinstance(field, dict) else criteria.get("api_name")
    kind = kind_of(module, name) if isinstance(name, str) else None
    if kind is None or not isinstance(name, str):
        raise refuse(
            "FIELD_IN_CRITERIA_NOT_AVAILABLE",
            "the field is not available",
            api_name=str(name)[:100],
        )
    if kind in UNQUERYABLE:
        raise refuse("FIELD_IN_CRITERIA_NOT_SUPPORTED", "the field is not supported", api_name=name)
    return _comparison(name, kind, str(criteria.get("comparator")).lower(), criteria.get("value"))


def _comparison(name: str, kind: str, comparator: str, value: Any) -> Clause:
    if comparator not in _COMPARATORS:
        raise refuse(
            "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
            "the comparator is not supported",
            api_name=name,
            comparator=comparator[:50],
            supported=list(_COMPARATORS),
        )
    column, text = column_sql(name), is_text(kind)
    if value == EMPTY and comparator in {"equal", "not_equal"}:
        return Clause(f"{column} is {'' if comparator == 'equal' else 'not '}null", [])
    if isinstance(value, dict):
        raise refuse(
            "VALUE_IN_CRITERIA_NOT_SUPPORTED",
            "the value is not supported",
            api_name=name,
            comparator=comparator,
        )
    unfit = (comparator in _PATTERNS and not text) or (
        comparator in _ORDERED and not (kind in NUMBERS or kind in {"date", "datetime", "id"})
    )
    if unfit:
        raise refuse(
            "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE",
            "field and comparator do not fit",
            api_name=name,
            comparator=comparator,
        )
    if comparator in _PATTERNS:
        word = "not like" if comparator.startswith("not") else "like"
        pattern = _PATTERNS[comparator].format(like(str(value)))
        return Clause(f"coalesce({column}, '') {word} ? escape '\\'", [pattern])
    values = _literals(name, kind, comparator, value)
    return Clause(_sql(column, comparator, len(values), " collate nocase" if text else ""), values)


def _incompatible(name: str, comparator: str) -> ZohoError:
    return refuse(
        "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        "comparator and value do not fit",
        api_name=name,
        comparator=comparator,
    )


def _literals(name: str, kind: str, comparator: str, value: Any) -> list[Any]:
    several = comparator in _LISTS or comparator in _BETWEENS
    items = value if isinstance(value, list) else str(value).split(",") if several else [value]
    if comparator in _LISTS and len(items) > IN_MAX:
        raise refuse("VALUE_LIMIT_EXCEEDED_IN_CRITERIA", "too many values", max_limit=IN_MAX)
    wanted = PAIR if comparator in _BETWEENS else None if several else 1
    if not items or (wanted is not None and len(items) != wanted):
        raise _incompatible(name, comparator)
    try:
        return [literal(kind, item.strip() if isinstance(item, str) else item) for item in items]
    except (ValueError, TypeError, OverflowError):
        raise refuse(
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
            "field and value do not fit",
            api_name=name,
            comparator=comparator,
        ) from None


def _sql(column: str, comparator: str, count: int, nocase: str) -> str:
    if comparator in _BETWEENS:
        return f"{column} {comparator.replace('_', ' ')} ? and ?"
    if comparator in _LISTS:
        marks = ", ".join("?" * count)
        return f"{column}{nocase} {comparator.replace('_', ' ')} ({marks})"
    if comparator in _ORDERED:
        return f"{column} {_ORDERED[comparator]} ?"
    if comparator == "equal":
        return f"{column} = ?{nocase}"
    return f"({column} is null or {column} != ?{nocase})"
