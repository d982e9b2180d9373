"""Blocks of a date column that one workstation wrote in the other order than the rest."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from bridgework_dental_exec.date_rules import SLASHED, DateRules
from bridgework_dental_exec.parsers.dates import Order, parse_date, parse_moment
from bridgework_dental_exec.profile import ObjectDef
from bridgework_dental_exec.snapshot import Snapshot
from bridgework_dental_exec.tables import LINE


def find_blocks(snapshot: Snapshot, rules: DateRules) -> None:
    """Find stretches that one workstation wrote in the other order than the rest of the column.

    Between the first and the last row that can only be the other order, rows of the same
    workstation that could be both belong to the block; a row that can only be the column's order
    ends it. At its edges a row is taken in only where the row's other dates say so: it was last
    touched on that day, or the usual reading would lie before the row was made.
    """
    profile = snapshot.profile
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
            rows = _station_rows(snapshot, spec, column, others, seen.order)
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
    snapshot: Snapshot,
    spec: ObjectDef,
    column: str,
    others: list[str],
    order: Order,
) -> dict[str, list[_StationRow]]:
    """Return rows, in order of keys, of every workstation that wrote dates the other way round."""
    groups = f"regexp_extract(\"{column}\", '{SLASHED}', ['a', 'b', 'y'])"
    month, day = ("d.a", "d.b") if order is Order.MDY else ("d.b", "d.a")
    key = spec.key[0].column
    more = "".join(f', "{c}"' for c in others)
    connection = snapshot.connect([spec.table])
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
    connection.close()
    return by_station


class _EdgeJudge:
    """Tells from a row's other dates which way its date was written."""

    def __init__(self, rules: DateRules, table: str, column: str, others: list[str]) -> None:
        self._usual = rules.rule(table, column)
        self._other = rules.other_order(table, column)
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
