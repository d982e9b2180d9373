"""What a column's values say together: the order of day and month, blocks written otherwise.

Decided once per column from all its values, in SQL over the sealed snapshot, with the evidence.
A row is never judged alone: ``03/04/2026`` means what its column (or its workstation's block)
means.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import duckdb
from bridgework_contracts.errors import ConfigurationError

from bridgework_dental_exec.parsers.dates import DateRule, Order, parse_date, parse_moment
from bridgework_dental_exec.profile import ObjectDef, Profile, TableDef
from bridgework_dental_exec.snapshot import LINE, Snapshot, utc_today

_SLASHED = r"^\s*(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{2}|\d{4})(?:\D|$)"
_FOUR_DIGIT_YEAR = r"(?:^|\D)((?:19|20)\d\d)(?:\D|$)"
_MAJORITY = 0.8


@dataclass(frozen=True, slots=True)
class DateColumn:
    """What one date column's values show.

    Attributes:
        month_first: Values that can only be month/day (second number above 12).
        day_first: Values that can only be day/month.
        either: Values both numbers of which are at most 12.
        order: The decision.
        sure: False where nothing in the whole export told day from month.
        evidence: Why, in one sentence.
    """

    table: str
    column: str
    month_first: int
    day_first: int
    either: int
    order: Order
    sure: bool
    evidence: str


@dataclass
class DateRules:
    """Rules of all date columns of a snapshot."""

    today: dt.date
    columns: dict[tuple[str, str], DateColumn]
    rules: dict[tuple[str, str], DateRule]
    swapped_lines: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)
    """Lines of a column inside a block that one workstation wrote in the other order."""

    def rule(self, table: str, column: str) -> DateRule:
        """Return the rule of one column; columns the profile calls no date read as any date."""
        return self.rules.get((table, column)) or DateRule(today=self.today)


def decide_dates(
    snapshot: Snapshot,
    connection: duckdb.DuckDBPyConnection,
    pins: Mapping[str, str] | None = None,
) -> DateRules:
    """Decide the order of day and month of every date column.

    Args:
        snapshot: The sealed snapshot.
        connection: A connection of it.
        pins: ``date_order`` (``mdy``/``dmy``) for all, or ``<table>.<column>.date_order``.

    A column decides for itself where its values can; else its file's other columns decide, then
    the whole export, then month/day (and the column says that it was not sure).
    """
    counts = {
        table.name: _count(connection, table)
        for table in snapshot.profile.tables.values()
        if table.dates and snapshot.rows(table.name)
    }
    columns = _decide(counts, pins or {})
    today = _today(snapshot, connection, columns)
    rules = {
        (table.name, column): DateRule(
            order=columns[table.name, column].order
            if (table.name, column) in columns
            else Order.MDY,
            today=today,
            kind=kind,
            sure=columns[table.name, column].sure if (table.name, column) in columns else True,
        )
        for table in snapshot.profile.tables.values()
        for column, kind in table.dates.items()
    }
    result = DateRules(today, columns, rules)
    _find_blocks(snapshot.profile, connection, result)
    return result


def _count(
    connection: duckdb.DuckDBPyConnection, table: TableDef
) -> dict[str, tuple[int, int, int]]:
    parts = []
    for column in table.dates:
        groups = f"regexp_extract(\"{column}\", '{_SLASHED}', ['a', 'b', 'y'])"
        parts.append(f'{groups} AS "{column}"')
    inner = f'SELECT {", ".join(parts)} FROM "{table.name}"'
    sums = []
    for column in table.dates:
        a = f'try_cast("{column}".a AS INT)'
        b = f'try_cast("{column}".b AS INT)'
        sums += [
            f"count(*) FILTER (WHERE {b} BETWEEN 13 AND 31 AND {a} BETWEEN 1 AND 12)",
            f"count(*) FILTER (WHERE {a} BETWEEN 13 AND 31 AND {b} BETWEEN 1 AND 12)",
            f"count(*) FILTER (WHERE {a} BETWEEN 1 AND 12 AND {b} BETWEEN 1 AND 12)",
        ]
    row = connection.execute(f"SELECT {', '.join(sums)} FROM ({inner})").fetchone() or ()
    return {
        column: (row[3 * i], row[3 * i + 1], row[3 * i + 2]) for i, column in enumerate(table.dates)
    }


def _decide(
    counts: dict[str, dict[str, tuple[int, int, int]]], pins: Mapping[str, str]
) -> dict[tuple[str, str], DateColumn]:
    whole = [sum(c[i] for t in counts.values() for c in t.values()) for i in (0, 1)]
    decided = {}
    for table, by_column in counts.items():
        file_sum = [sum(c[i] for c in by_column.values()) for i in (0, 1)]
        for column, (month_first, day_first, either) in by_column.items():
            pin = pins.get(f"{table}.{column}.date_order", pins.get("date_order"))
            if pin is not None:
                if pin not in {"mdy", "dmy"}:
                    raise ConfigurationError("A date_order pin is mdy or dmy.")
                order, sure, why = Order(pin), True, "The order was pinned."
            else:
                order, sure, why = _order(month_first, day_first, file_sum, whole)
            decided[table, column] = DateColumn(
                table, column, month_first, day_first, either, order, sure, why
            )
    return decided


def _order(
    month_first: int, day_first: int, file_sum: list[int], whole: list[int]
) -> tuple[Order, bool, str]:
    levels = (
        (month_first, day_first, "this column"),
        (file_sum[0], file_sum[1], "the file's other columns"),
        (whole[0], whole[1], "the export's other files"),
    )
    for first, second, where in levels:
        total = first + second
        if not total:
            continue
        order = Order.MDY if first >= second else Order.DMY
        share = max(first, second) / total
        if share >= _MAJORITY:
            name = "month/day" if order is Order.MDY else "day/month"
            return order, True, f"{max(first, second)} of {total} telling dates in {where}: {name}."
        return order, False, f"Dates in {where} contradict each other ({first} to {second})."
    return Order.MDY, not any(whole), "No date tells day from month: read as month/day."


def _today(
    snapshot: Snapshot,
    connection: duckdb.DuckDBPyConnection,
    columns: dict[tuple[str, str], DateColumn],
) -> dt.date:
    """Return the day of the export: as printed in the manifest, else the last moment in it."""
    far = dt.date(2099, 12, 31)
    if snapshot.exported_at:
        orders = {c.order for c in columns.values()} or {Order.MDY}
        order = Order.MDY if Order.MDY in orders else Order.DMY
        rule = DateRule(order=order, today=utc_today(), kind="moment")
        moment, _ = parse_moment(snapshot.exported_at, rule)
        if moment is not None:
            return dt.date.fromisoformat(moment[:10])
    latest: dt.date | None = None
    for table in snapshot.profile.tables.values():
        for column, kind in table.dates.items():
            if kind != "moment" or not snapshot.rows(table.name):
                continue
            latest = _latest(connection, table.name, column, columns, latest)
    if latest is not None and latest < far:
        return latest
    return utc_today()


def _latest(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    column: str,
    columns: dict[tuple[str, str], DateColumn],
    latest: dt.date | None,
) -> dt.date | None:
    years = connection.execute(
        f'SELECT max(regexp_extract("{column}", \'{_FOUR_DIGIT_YEAR}\', 1)) FROM "{table}"'
    ).fetchone()
    if years is None or not years[0]:
        return latest
    rows = connection.execute(
        f'SELECT DISTINCT "{column}" FROM "{table}" WHERE contains("{column}", ?)', [years[0]]
    )
    order = columns[table, column].order if (table, column) in columns else Order.MDY
    rule = DateRule(order=order)
    while chunk := rows.fetchmany(2_000):
        for (text,) in chunk:
            value, _ = parse_date(text, rule)
            if value is not None:
                day = dt.date.fromisoformat(value)
                latest = day if latest is None or day > latest else latest
    return latest


def _find_blocks(profile: Profile, connection: duckdb.DuckDBPyConnection, rules: DateRules) -> None:
    """Find stretches that one workstation wrote in the other order than the rest of the column.

    Between the first and the last row that can only be the other order, rows of the same
    workstation that could be both belong to the block; a row that can only be the column's order
    ends it. At its edges a row is taken in only where the row's other dates say so: it was last
    touched on that day, or the usual reading would lie before the row was made.
    """
    for spec in profile.objects.values():
        if spec.workstation is None:
            continue
        table = profile.tables[spec.table]
        for column in table.dates:
            seen = rules.columns.get((spec.table, column))
            odd = seen and (seen.day_first if seen.order is Order.MDY else seen.month_first)
            if not seen or not odd or not seen.sure:
                continue
            others = [c for c, kind in table.dates.items() if kind == "moment" and c != column]
            rows = _station_rows(connection, spec, column, others, seen.order)
            judge = _EdgeJudge(rules, spec.table, column, others)
            found: set[int] = set()
            for station in rows.values():
                if spec.made_at in others:
                    station.sort(key=judge.made_at(others.index(spec.made_at)))
                found |= _block_of(station, judge)
            rules.swapped_lines[spec.table, column] = frozenset(found)


@dataclass(frozen=True, slots=True)
class _StationRow:
    """One row of a workstation: its line, how its date reads, its texts."""

    line: int
    reading: str
    text: str
    others: tuple[str | None, ...]


def _station_rows(
    connection: duckdb.DuckDBPyConnection,
    spec: ObjectDef,
    column: str,
    others: list[str],
    order: Order,
) -> dict[str, list[_StationRow]]:
    """Return rows, in order of keys, of every workstation that wrote dates the other way round."""
    groups = f"regexp_extract(\"{column}\", '{_SLASHED}', ['a', 'b', 'y'])"
    month, day = ("d.a", "d.b") if order is Order.MDY else ("d.b", "d.a")
    key = spec.key[0].column
    more = "".join(f', "{c}"' for c in others)
    rows = connection.execute(
        f"""
        WITH told AS (
          SELECT "{spec.workstation}" AS station, "{key}" AS key, {LINE} AS line,
                 CASE WHEN try_cast({month} AS INT) > 12 AND try_cast({day} AS INT) <= 12
                        THEN 'other'
                      WHEN try_cast({day} AS INT) > 12 THEN 'usual'
                      ELSE 'both' END AS reading, "{column}" AS text{more}
          FROM (SELECT *, {groups} AS d FROM "{spec.table}" WHERE "{column}" IS NOT NULL)
          WHERE d.a <> ''
        )
        SELECT station, line, reading, text{more} FROM told
        WHERE station IN (SELECT DISTINCT station FROM told WHERE reading = 'other')
        ORDER BY station, length(key), key, line
        """
    )
    by_station: dict[str, list[_StationRow]] = defaultdict(list)
    while chunk := rows.fetchmany(10_000):
        for station, line, reading, text, *texts in chunk:
            by_station[station].append(_StationRow(line, reading, text, tuple(texts)))
    return by_station


class _EdgeJudge:
    """Tells from a row's other dates which way its date was written."""

    def __init__(self, rules: DateRules, table: str, column: str, others: list[str]) -> None:
        self._usual = rules.rule(table, column)
        order = Order.DMY if self._usual.order is Order.MDY else Order.MDY
        self._other = DateRule(order=order, today=self._usual.today, kind=self._usual.kind)
        self._rules = [rules.rule(table, c) for c in others]

    def made_at(self, at: int) -> Callable[[_StationRow], str]:
        """Return a sort key: the moment a row was typed, as its ``at``-th other text says."""
        rule = self._rules[at]

        def moment(row: _StationRow) -> str:
            text = row.others[at]
            return (parse_moment(text, rule)[0] or "") if text else ""

        return moment

    def reading(self, row: _StationRow) -> str:
        """Return ``usual``, ``other`` or ``both`` where nothing tells."""
        if row.reading != "both":
            return row.reading
        usual, other = parse_date(row.text, self._usual)[0], parse_date(row.text, self._other)[0]
        if usual is None or other is None or usual == other:
            return "both"
        days = [
            value
            for text, rule in zip(row.others, self._rules, strict=True)
            if text and (value := parse_date(text, rule)[0])
        ]
        if usual in days or not days:
            return "usual" if days else "both"
        if other in days:
            return "other"
        first = min(days)
        return "other" if usual < first <= other else "usual" if other < first <= usual else "both"


def _block_of(rows: list[_StationRow], judge: _EdgeJudge) -> set[int]:
    """Return the lines of one workstation's blocks."""
    found: set[int] = set()
    marks = [i for i, row in enumerate(rows) if row.reading == "other"]
    for at in marks:
        found.add(rows[at].line)
    for first, last in pairwise(marks):
        between = rows[first + 1 : last]
        if all(row.reading != "usual" for row in between):
            found.update(row.line for row in between if judge.reading(row) != "usual")
    for start, step in [(m, s) for m in marks for s in (-1, 1)]:
        pending: list[int] = []
        at = start + step
        while 0 <= at < len(rows) and rows[at].reading == "both":
            said = judge.reading(rows[at])
            if said == "usual":
                break
            pending.append(rows[at].line)
            if said == "other":
                found.update(pending)
                pending = []
            at += step
    return found
