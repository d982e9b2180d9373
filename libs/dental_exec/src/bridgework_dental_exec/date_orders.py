"""What a column's values say together: the order of day and month, blocks written otherwise.

Decided once per column from all its values, over the sealed snapshot, with the evidence.
A row is never judged alone: ``03/04/2026`` means what its column (or its workstation's block)
means.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
from bridgework_contracts.errors import ConfigurationError

from bridgework_dental_exec.date_rules import SLASHED, DateColumn, DateRules
from bridgework_dental_exec.moments import cut_moments
from bridgework_dental_exec.parsers.dates import DateRule, Order, parse_date, parse_moment
from bridgework_dental_exec.profile import Profile, TableDef
from bridgework_dental_exec.snapshot import Snapshot, utc_today
from bridgework_dental_exec.swapped_blocks import find_blocks

_TELLING = re.compile(SLASHED, re.ASCII)
_FOUR_DIGIT_YEAR = re.compile(r"(?:^|\D)((?:19|20)\d\d)(?:\D|$)", re.ASCII)
_FAR = dt.date(2099, 12, 31)
_MAJORITY = 0.8
_MONTHS, _DAYS = 12, 31
_AT_ONCE = 2


def decide_dates(snapshot: Snapshot, pins: Mapping[str, str]) -> DateRules:
    """Decide the order of day and month of every date column.

    Args:
        snapshot: The sealed snapshot.
        pins: ``date_order`` (``mdy``/``dmy``) for all, or ``<table>.<column>.date_order``.

    A column decides for itself where its values can; else its file's other columns decide, then
    the whole export, then month/day (and the column says that it was not sure).
    """
    dated = [t for t in snapshot.profile.tables.values() if t.dates and snapshot.rows(t.name)]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        days = pool.map(lambda table: _days(snapshot, table), dated)
        seen = {table.name: found for table, found in zip(dated, days, strict=True)}
    told = {t: {c: _told(days) for c, days in columns.items()} for t, columns in seen.items()}
    columns = _decide(snapshot.profile, told, pins)
    result = DateRules(_today(snapshot, seen, columns), columns)
    find_blocks(snapshot, result)
    return result


def _days(snapshot: Snapshot, table: TableDef) -> dict[str, Counter[str]]:
    """Return date column → printed day → how often it stands there.

    A practice has some thousand days and millions of rows.
    """
    seen = {column: Counter[str]() for column in table.dates}
    here = [column for column in seen if column in snapshot.tables[table.name].columns]
    for batch in snapshot.batches(table.name, here):
        for column in here:
            cells = batch.column(column).drop_null()
            if table.dates[column] == "moment":
                cells = pc.take(cut_moments(cells.dictionary)[0], cells.indices)
            values, counts = pc.value_counts(cells).flatten()
            texts = values.dictionary_decode().to_pylist()
            for text, count in zip(texts, counts.to_pylist(), strict=True):
                seen[column][text] += count
    return seen


def _told(days: Counter[str]) -> tuple[int, int, int]:
    """Return how many days are month first, day first, or either."""
    month_first = day_first = either = 0
    for text, count in days.items():
        match = _TELLING.match(text)
        if match is None:
            continue
        first, second = int(match[1]), int(match[2])
        if 1 <= first <= _MONTHS and 1 <= second <= _MONTHS:
            either += count
        elif 1 <= first <= _MONTHS < second <= _DAYS:
            month_first += count
        elif 1 <= second <= _MONTHS < first <= _DAYS:
            day_first += count
    return month_first, day_first, either


def _decide(
    profile: Profile, counts: dict[str, dict[str, tuple[int, int, int]]], pins: Mapping[str, str]
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
                table,
                column,
                profile.tables[table].dates[column],
                month_first,
                day_first,
                either,
                order,
                sure,
                why,
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
    seen: Mapping[str, Mapping[str, Counter[str]]],
    columns: dict[tuple[str, str], DateColumn],
) -> dt.date:
    """Return the day of the export: as printed in the manifest, else the last moment in it."""
    if snapshot.exported_at:
        orders = {c.order for c in columns.values()} or {Order.MDY}
        order = Order.MDY if Order.MDY in orders else Order.DMY
        rule = DateRule(order=order, today=utc_today(), kind="moment")
        moment, _ = parse_moment(snapshot.exported_at, rule)
        if moment is not None:
            return dt.date.fromisoformat(moment[:10])
    latest = [
        dt.date.fromisoformat(value)
        for table, by_column in seen.items()
        for column, days in by_column.items()
        if snapshot.profile.tables[table].dates[column] == "moment"
        for text in days
        if _FOUR_DIGIT_YEAR.search(text)
        and (value := parse_date(text, DateRule(order=columns[table, column].order))[0])
    ]
    return max((day for day in latest if day < _FAR), default=utc_today())
