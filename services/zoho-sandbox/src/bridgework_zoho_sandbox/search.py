"""``GET /{module}/search``: criteria over a search index that lags behind writes.

The index is modelled by what it does not know yet: rows created within the lag are unseen, rows
changed within the lag are matched by the version before the change. What is returned is the
record as it is now (fact sheet §3.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .addressing import record_module
from .call import PER_PAGE_MAX, Answer, Call, answer_json, no_content
from .columns import NUMBERS, column_sql, is_text, kind_of, literal, queryable
from .errors import ZohoError, bad_param
from .metadata import Module
from .paging import SORTABLE
from .rendering import Renderer
from .table import COLUMNS, Record

CRITERIA_MAX = 10
IN_MAX = 100
ROWS_MAX = 2_000
PAIR = 2
_MODES = ("criteria", "email", "phone", "word")
_ORDERED = {"less_than": "<", "less_equal": "<=", "greater_than": ">", "greater_equal": ">="}
_TEXT_OPS = frozenset({"equals", "not_equal", "starts_with", "in"})
_PLAIN_OPS = frozenset({"equals", "not_equal", "in"})
_RANGE_OPS = frozenset({*_PLAIN_OPS, *_ORDERED, "between"})


@dataclass(slots=True)
class Clause:
    """A piece of SQL with its values."""

    sql: str
    values: list[Any]


def invalid_query(reason: str, **details: Any) -> ZohoError:
    """Refuse a criterion: 400 ``INVALID_QUERY``."""
    return ZohoError(400, "INVALID_QUERY", "invalid query formed", {"reason": reason, **details})


class CriteriaParser:
    """Recursive descent over ``((Field:op:value)and(Field:op:value))``."""

    def __init__(self, module: Module, text: str) -> None:
        self._module = module
        self._text = text
        self._at = 0
        self._count = 0

    def parse(self) -> Clause:
        """Return the whole criterion as SQL.

        Raises:
            ZohoError: 400 ``INVALID_QUERY`` or ``CRITERIA_LIMIT_EXCEEDED``.
        """
        clause = self._group(0)
        if self._at != len(self._text):
            raise invalid_query("unexpected text after the criteria")
        return clause

    def _group(self, depth: int) -> Clause:
        if depth > CRITERIA_MAX or not self._text.startswith("(", self._at):
            raise invalid_query("a criterion must stand in parentheses")
        self._at += 1
        clause = self._operands(depth) if self._text.startswith("(", self._at) else self._leaf()
        if not self._text.startswith(")", self._at):
            raise invalid_query("a parenthesis is not closed")
        self._at += 1
        return clause

    def _operands(self, depth: int) -> Clause:
        clause = self._group(depth + 1)
        while (word := self._joiner()) is not None:
            other = self._group(depth + 1)
            clause = Clause(f"({clause.sql} {word} {other.sql})", [*clause.values, *other.values])
        return clause

    def _joiner(self) -> str | None:
        for word in ("and", "or"):
            if self._text[self._at : self._at + len(word)].lower() == word:
                self._at += len(word)
                return word
        return None

    def _leaf(self) -> Clause:
        self._count += 1
        if self._count > CRITERIA_MAX:
            raise ZohoError(
                400,
                "CRITERIA_LIMIT_EXCEEDED",
                "criteria limit exceeded",
                {"limit": CRITERIA_MAX, "param_name": "criteria"},
            )
        parts = [""]
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "\\" and self._at + 1 < len(self._text):
                parts[-1] += "\x00" + self._text[self._at + 1]
                self._at += 2
                continue
            if char in "()":
                break
            if char == ":" and len(parts) <= PAIR:
                parts.append("")
            else:
                parts[-1] += char
            self._at += 1
        if len(parts) != PAIR + 1:
            raise invalid_query("a criterion has the form Field:operator:value")
        return comparison(self._module, parts[0], parts[1], parts[2])


def _plain(value: str) -> str:
    return value.replace("\x00", "")


def _items(value: str) -> list[str]:
    items, current, escaped = [], "", False
    for char in value:
        if char == "\x00":
            escaped = True
        elif char == "," and not escaped:
            items.append(current)
            current = ""
        else:
            current += char
            escaped = False
    return [*items, current]


def like(text: str) -> str:
    """Return text with the wildcards of ``like`` escaped by a backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def comparison(module: Module, field: str, operator: str, value: str) -> Clause:
    """Return one comparison as SQL."""
    kind = kind_of(module, field)
    if kind is None or (field in module.fields and not queryable(module.fields[field])):
        raise invalid_query("invalid field", api_name=field)
    text = is_text(kind)
    ordered = kind in NUMBERS or kind in {"date", "datetime"}
    allowed = _TEXT_OPS if text else _RANGE_OPS if ordered else _PLAIN_OPS
    if operator not in allowed:
        raise invalid_query("invalid operator", api_name=field, operator=operator)
    column = column_sql(field)
    if operator in {"in", "between"}:
        return _several(column, kind, field, operator, _items(value), text=text)
    try:
        wanted = literal(kind, _plain(value))
    except ValueError:
        raise invalid_query("invalid value", api_name=field, operator=operator) from None
    if operator in _ORDERED:
        return Clause(f"{column} {_ORDERED[operator]} ?", [wanted])
    if not text:
        return Clause(f"{column} {'=' if operator == 'equals' else 'is not'} ?", [wanted])
    pattern = like(wanted) + "%" if operator == "starts_with" else f"%{like(wanted)}%"
    if operator == "not_equal":
        return Clause(f"({column} is null or {column} not like ? escape '\\')", [like(wanted)])
    return Clause(f"{column} like ? escape '\\'", [pattern])


def _several(
    column: str, kind: str, field: str, operator: str, items: list[str], *, text: bool
) -> Clause:
    try:
        values = [literal(kind, item) for item in items]
    except ValueError:
        raise invalid_query("invalid value", api_name=field, operator=operator) from None
    if operator == "between":
        if len(values) != PAIR:
            raise invalid_query("between takes two values", api_name=field, operator=operator)
        return Clause(f"{column} between ? and ?", values)
    if len(values) > IN_MAX:
        raise ZohoError(400, "LIMIT_EXCEEDED", "limit exceeded", {"limit": IN_MAX})
    nocase = " collate nocase" if text else ""
    return Clause(f"{column}{nocase} in ({', '.join('?' * len(values))})", values)


def _condition(call: Call, module: Module) -> Clause:
    given = [name for name in _MODES if call.params.get(name)]
    if not given:
        raise ZohoError(
            400,
            "EXPECTED_PARAM_MISSING",
            "One of the expected parameter is missing",
            {"param_names": list(_MODES)},
        )
    if len(given) > 1:
        raise ZohoError(
            400,
            "AMBIGUITY_DURING_PROCESSING",
            "ambiguity while processing the request",
            {"ambiguity_due_to": [{"param_name": name} for name in given]},
        )
    mode, value = given[0], call.params[given[0]]
    if mode == "criteria":
        return CriteriaParser(module, value).parse()
    if mode == "word":
        if len(value) < PAIR:
            raise bad_param("word", minimum_length=PAIR)
        pattern = f"%{like(value)}%"
        return Clause(
            "(name like ? escape '\\' or exists (select 1 from json_each(doc)"
            " where type = 'text' and json_each.value like ? escape '\\'))",
            [pattern, pattern],
        )
    columns = [column_sql(item.api_name) for item in module.live_fields() if item.data_type == mode]
    if not columns:
        return Clause("0", [])
    return Clause(
        "(" + " or ".join(f"{column} = ? collate nocase" for column in columns) + ")",
        [value for _ in columns],
    )


def _matching(call: Call, module: Module, clause: Clause) -> tuple[str, list[Any]]:
    """Return the SQL that selects matching ids from the index as it stands."""
    slot, now = module.slot, call.org.clock.now()
    call.org.database.execute(f"delete from s{slot} where visible_at <= ?", (now,))
    indexed = (
        f"select id, created, modified, created_by, modified_by, owner, name, doc from r{slot}"
        f" where created <= ? and id not in (select id from s{slot})"
        f" union all select r.id, r.created, s.modified, r.created_by, r.modified_by, s.owner,"
        f" s.name, s.doc from s{slot} s join r{slot} r on r.id = s.id where r.created <= ?"
    )
    seen = now - call.org.behaviour.search_index_lag_s
    return f"select id from ({indexed}) where {clause.sql}", [seen, seen, *clause.values]


def criteria_count(call: Call, module: Module) -> int:
    """Return how many records match the criterion of a count call."""
    sql, values = _matching(call, module, _condition(call, module))
    row = call.org.database.one(f"select count(*) from ({sql})", tuple(values))
    return 0 if row is None else int(row[0])


def search_records(call: Call) -> Answer:
    """``GET /{module}/search``: up to 2,000 matching rows, 200 a page, 204 for none."""
    module = record_module(call)
    clause = _condition(call, module)
    per_page = call.number_param("per_page", PER_PAGE_MAX, most=PER_PAGE_MAX)
    number = call.number_param("page", 1, most=10**6)
    if number * per_page > ROWS_MAX:
        raise ZohoError(
            400,
            "LIMIT_REACHED",
            "maximum response iteration limit reached",
            {"limit": ROWS_MAX},
        )
    sort_by = call.params.get("sort_by", "id")
    if sort_by not in SORTABLE:
        raise bad_param("sort_by", supported_values=list(SORTABLE))
    order = "asc" if call.params.get("sort_order") == "asc" else "desc"
    sql, values = _matching(call, module, clause)
    rows = call.org.database.all(
        f"select {COLUMNS} from r{module.slot} where id in ({sql})"
        f" order by {SORTABLE[sort_by]} {order}, id {order} limit ? offset ?",
        (*values, per_page + 1, (number - 1) * per_page),
    )
    if not rows:
        return no_content()
    text = call.params.get("fields")
    wanted = None if not text else [name.strip() for name in text.split(",")]
    renderer = Renderer(call.org, module, call.person, wanted=wanted, in_list=True)
    shown = rows[:per_page]
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": number,
        "sort_by": sort_by,
        "sort_order": order,
        "more_records": len(rows) > per_page,
    }
    body = {"data": [renderer.render(Record(*row)) for row in shown], "info": info}
    return answer_json(200, body)
