"""``POST /coql``: the parsed query as SQL over the stored records, no index lag (§3.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from .addressing import record_module
from .call import Answer, Call, answer_json, no_content
from .clock import iso
from .columns import NUMBERS, REFERENCES, UNQUERYABLE, column_sql, in_doc, is_text, kind_of, literal
from .coql_parse import Both, Comparison, Condition, Not, Parser, Query, limit_exceeded
from .errors import Json, ZohoError
from .fields_json import field_json
from .metadata import USER_TYPES, Module
from .table import match_key

DEFAULT_LIMIT = 200
CREDIT_BANDS = ((200, 1), (1000, 2))
MOST_CREDITS = 3
JOINS_MAX = 2
_RANGE = frozenset({"<", ">", "<=", ">=", "between", "not between"})
_PATH_PARTS_MAX = 3
Render = Callable[[Any], Any]


def invalid_query(reason: str, **details: Any) -> ZohoError:
    """Refuse a query that parses but cannot run: 400 ``INVALID_QUERY``."""
    return ZohoError(400, "INVALID_QUERY", "invalid query formed", {"reason": reason, **details})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a dotted path leads: table alias, module, field and its type."""

    alias: str
    module: Module
    field: str
    kind: str

    @property
    def sql(self) -> str:
        return column_sql(self.field, self.alias)


class Compiler:
    """Turns one query into SQL."""

    def __init__(self, call: Call, query: Query, module: Module) -> None:
        self._call = call
        self._query = query
        self._module = module
        self._joins: dict[str, tuple[str, Module, str]] = {}
        self._values: list[Any] = []

    def run(self) -> Answer:
        """Execute the query and return its answer."""
        query, behaviour = self._query, self._call.org.behaviour
        limit = DEFAULT_LIMIT if query.limit is None else query.limit
        if limit > behaviour.coql_max_limit:
            raise limit_exceeded(behaviour.coql_max_limit, "limit")
        if limit + query.offset > behaviour.coql_max_rows:
            raise limit_exceeded(behaviour.coql_max_rows, "offset")
        if len(query.columns) > behaviour.coql_max_columns:
            raise limit_exceeded(behaviour.coql_max_columns, "select")
        places = [self._place(column.path) for column in query.columns]
        self._check_columns(places)
        aggregated = any(column.aggregate for column in query.columns) or bool(query.group_by)
        shower = _Shower(self._call, query, places, aggregated=aggregated)
        where = self._where(query.where)
        order = self._order(aggregated=aggregated)
        group = ", ".join(self._place(path).sql for path in query.group_by)
        sql = (
            f"select {', '.join(shower.columns)} from {self._from()} where {where}"
            f"{f' group by {group}' if group else ''}{order} limit ? offset ?"
        )
        rows = self._call.org.database.all(sql, (*self._values, limit + 1, query.offset))
        if not rows or limit == 0:
            return no_content()
        data = [shower.show(row) for row in rows[:limit]]
        info = {"count": len(data), "more_records": len(rows) > limit}
        keys = [column.key for column in query.columns]
        return answer_json(200, {"data": data, "info": info, **self._meta(places, keys)})

    def _meta(self, places: list[_Place], keys: list[str]) -> Json:
        include = self._call.json().get("include_meta")
        if include is None:
            return {}
        if include != ["fields"]:
            details = {
                "api_name": "include_meta",
                "json_path": "$.include_meta",
                "supported_values": ["fields"],
            }
            raise ZohoError(400, "INVALID_DATA", "invalid data", details)
        meta: Json = {}
        for place, key in zip(places, keys, strict=True):
            field = place.module.fields.get(place.field)
            if field is not None:
                meta[key] = field_json(self._call.org, place.module, field)
        return {"fields": meta}

    def _check_columns(self, places: list[_Place]) -> None:
        seen: set[str] = set()
        for column, place in zip(self._query.columns, places, strict=True):
            if place.kind in UNQUERYABLE:
                raise invalid_query("column not supported", column_name=column.path)
            if column.aggregate in {"sum", "avg"} and place.kind not in NUMBERS:
                raise invalid_query("invalid aggregate", column_name=column.path)
            if column.key in seen:
                details = {"column_name": column.path, "aggregate": column.aggregate}
                raise ZohoError(400, "DUPLICATE_DATA", "duplicate data", details)
            seen.add(column.key)
            plain = column.aggregate is None and column.path not in self._query.group_by
            if self._query.group_by and plain:
                raise invalid_query("column is not grouped", column_name=column.path)

    def _place(self, path: str) -> _Place:
        *lookups, name = path.split(".")
        if len(lookups) >= _PATH_PARTS_MAX:
            raise invalid_query("too many relations", column_name=path)
        alias, module = "t0", self._module
        for depth, lookup in enumerate(lookups):
            key = ".".join(lookups[: depth + 1])
            if key not in self._joins:
                self._join(key, alias, module, lookup, path)
            alias, module, _ = self._joins[key]
        kind = kind_of(module, name)
        if kind is None:
            raise invalid_query("column given seems to be invalid", column_name=path)
        return _Place(alias, module, name, kind)

    def _join(self, key: str, alias: str, module: Module, lookup: str, path: str) -> None:
        field = module.fields.get(lookup)
        target = None if field is None or field.deleted else field.lookup_module
        if target is None:
            raise invalid_query("relation given seems to be invalid", column_name=path)
        if len(self._joins) >= JOINS_MAX:
            raise limit_exceeded(JOINS_MAX, "join")
        joined = f"t{len(self._joins) + 1}"
        other = self._call.org.modules[target]
        on = f"{joined}.id = {column_sql(lookup, alias)}"
        self._joins[key] = (joined, other, f"left join r{other.slot} {joined} on {on}")

    def _from(self) -> str:
        return " ".join([f"r{self._module.slot} t0", *(sql for _, _, sql in self._joins.values())])

    def _order(self, *, aggregated: bool) -> str:
        if not self._query.order_by:
            return "" if aggregated else " order by t0.id"
        keys = {column.alias: column for column in self._query.columns if column.alias}
        parts = []
        for path, descending in self._query.order_by:
            column = keys.get(path)
            place = self._place(path if column is None else column.path)
            sql = place.sql
            if column is not None and column.aggregate:
                sql = f"{column.aggregate}({sql})"
            elif is_text(place.kind):
                sql += " collate nocase"
            parts.append(f"{sql} {'desc' if descending else 'asc'}")
        return f" order by {', '.join(parts)}" + ("" if aggregated else ", t0.id")

    def _where(self, condition: Condition) -> str:
        if isinstance(condition, Both):
            left, right = self._where(condition.left), self._where(condition.right)
            return f"({left} {condition.word} {right})"
        if isinstance(condition, Not):
            return f"not coalesce({self._where(condition.inner)}, 0)"
        return self._comparison(condition)

    def _comparison(self, item: Comparison) -> str:
        place = self._place(item.path)
        if place.kind in UNQUERYABLE:
            raise invalid_query("column not supported", column_name=item.path)
        if item.operator in {"is null", "is not null"}:
            return f"{place.sql} {item.operator}"
        if item.values == (None,) and item.operator in {"=", "!="}:
            return f"{place.sql} is {'not ' if item.operator == '!=' else ''}null"
        self._check_operator(place, item)
        values = [self._literal(place, item, value) for value in item.values]
        if item.operator in {"in", "not in"}:
            return self._in(place, item.operator, values)
        return self._compare(place, item, values)

    def _compare(self, place: _Place, item: Comparison, values: list[Any]) -> str:
        keyed = self._by_key(place, values) if item.operator == "=" else None
        if keyed is not None:
            return keyed
        self._values += values
        collate = " collate nocase" if is_text(place.kind) else ""
        if item.operator in {"between", "not between"}:
            return f"({place.sql}{collate} {item.operator} ? and ?)"
        if item.operator == "!=":
            return f"({place.sql} is null or {place.sql} != ?{collate})"
        return f"{place.sql} {item.operator} ?{collate}"

    def _check_operator(self, place: _Place, item: Comparison) -> None:
        text = is_text(place.kind)
        unordered = place.kind in {"boolean", *REFERENCES}
        wrong = (item.operator in {"like", "not like"} and not text) or (
            item.operator in _RANGE and unordered
        )
        if wrong:
            raise invalid_query("invalid operator", column_name=item.path, operator=item.operator)
        most = self._call.org.behaviour.coql_max_in
        if item.operator in {"in", "not in"} and len(item.values) > most:
            raise limit_exceeded(most, "in")

    def _literal(self, place: _Place, item: Comparison, value: Any) -> Any:
        try:
            return literal(place.kind, value)
        except ValueError:
            raise invalid_query(
                "invalid value", column_name=item.path, operator=item.operator
            ) from None

    def _in(self, place: _Place, operator: str, values: list[Any]) -> str:
        keyed = self._by_key(place, values) if operator == "in" else None
        if keyed is not None:
            return keyed
        self._values += values
        collate = " collate nocase" if is_text(place.kind) else ""
        marks = ", ".join("?" * len(values))
        inside = f"{place.sql}{collate} {operator} ({marks})"
        return f"({place.sql} is null or {inside})" if operator == "not in" else inside

    def _by_key(self, place: _Place, values: list[Any]) -> str | None:
        """Use the key table where the field is indexed: a lookup instead of a scan."""
        field = place.module.fields.get(place.field)
        indexed = field is not None and any(field is item for item in place.module.match_fields())
        if field is None or not indexed or place.alias != "t0":
            return None
        case = self._call.org.behaviour.unique_case_sensitive
        keys = [match_key(field, value, case_sensitive=case) for value in values]
        self._values += [field.id, orjson.dumps([k for k in keys if k is not None]).decode()]
        return (
            f"t0.id in (select id from k{place.module.slot} where field = ?"
            " and key in (select value from json_each(?)))"
        )


class _Shower:
    """Which columns a query reads, and how a row of them is shown.

    Values inside a record's own document are taken out of it here: reading it once is cheaper
    than asking SQLite for each of them.
    """

    def __init__(self, call: Call, query: Query, places: list[_Place], *, aggregated: bool) -> None:
        self._aggregated = aggregated
        self._blank: Json = {column.key: None for column in query.columns}
        self._plain: list[tuple[str, str]] = []
        self._cooked: list[tuple[str, str, Render]] = []
        self._columns: list[tuple[str, int, Render | None]] = []
        self.columns: list[str] = [] if aggregated else ["t0.id", "null"]
        for column, place in zip(query.columns, places, strict=True):
            inside = not aggregated and place.alias == "t0" and in_doc(place.field)
            render = _render(call, place, column.aggregate, decoded=inside)
            if not inside:
                self._columns.append((column.key, len(self.columns), render))
                sql = place.sql
                self.columns.append(f"{column.aggregate}({sql})" if column.aggregate else sql)
                continue
            self.columns[1] = "t0.doc"
            if render is None:
                self._plain.append((column.key, place.field))
            else:
                self._cooked.append((column.key, place.field, render))

    def show(self, row: tuple[Any, ...]) -> Json:
        """Return one row as JSON."""
        out = self._blank.copy()
        if not self._aggregated:
            out["id"] = str(row[0])
            if row[1] is not None:
                get = orjson.loads(row[1]).get
                for key, name in self._plain:
                    out[key] = get(name)
                for key, name, render in self._cooked:
                    out[key] = render(get(name))
        for key, index, shown in self._columns:
            out[key] = row[index] if shown is None else shown(row[index])
        return out


def _render(call: Call, place: _Place, aggregate: str | None, *, decoded: bool) -> Render | None:
    """Return what shows a value, ``None`` when it is shown as it is."""
    zone_name = call.person.time_zone
    field = place.module.fields.get(place.field)
    if call.org.behaviour.hipaa_restrict_api and field is not None and field.hipaa:
        return lambda _: None
    if aggregate in {"count", "sum", "avg"}:
        return None
    if place.kind == "boolean":
        return bool
    if place.kind in REFERENCES or place.kind in USER_TYPES:
        return lambda value: None if value is None else {"id": str(value)}
    table: dict[str, Render | None] = {
        "id": str,
        "datetime": lambda value: iso(value, zone_name),
        "bigint": str,
        "multiselectpicklist": None if decoded else orjson.loads,
        "tags": lambda value: [
            {"name": name} for name in (value if decoded else orjson.loads(value))
        ],
    }
    render = table.get(place.kind)
    return None if render is None else lambda value: None if value is None else render(value)


def select_query(call: Call) -> str:
    """Return the query text of the body."""
    text = call.json().get("select_query")
    place = {"api_name": "select_query", "json_path": "$.select_query"}
    if text is None or text == "":
        raise ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(text, str):
        raise ZohoError(
            400, "INVALID_DATA", "invalid data", {"expected_data_type": "string", **place}
        )
    return text


def coql_price(call: Call) -> int:
    """Return the price by ``limit``: up to 200 rows 1 credit, 1,000 rows 2, 2,000 rows 3."""
    try:
        limit = Parser(select_query(call)).parse().limit or DEFAULT_LIMIT
    except ZohoError:
        return 1
    for most, price in CREDIT_BANDS:
        if limit <= most:
            return price
    return MOST_CREDITS


def query_records(call: Call) -> Answer:
    """``POST /coql``."""
    query = Parser(select_query(call)).parse()
    module = record_module(call, query.module)
    return Compiler(call, query, module).run()
