"""Facts every builder shares: rules of columns, people, carriers, plans, merges, reused numbers.

All of it is small (it grows with providers, carriers and duplicates, not with rows) and read once.
"""

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
from bridgework_contracts.errors import ConfigurationError
from bridgework_contracts.runs import SourceSpec

from bridgework_dental_exec.cells import CellParsers, Row, RowReader
from bridgework_dental_exec.date_rules import DateRules
from bridgework_dental_exec.parsers.people import initials
from bridgework_dental_exec.profile import ObjectDef, Profile
from bridgework_dental_exec.snapshot import LINE, Snapshot

_ARROW_ROWS = 4_096
_PURGED = "#purged"
_GRACE = dt.timedelta(days=31)
_GONE = {"deleted", "archived", "inactive", "deceased"}


def sql_key(column: str, table: str = "") -> str:
    """Return SQL for a key column as :func:`parse_key` reads it (``1201.0`` → ``1201``)."""
    name = f'{table}."{column}"' if table else f'"{column}"'
    return f"regexp_replace({name}, '\\.0+$', '')"


def fold_name(text: str | None) -> str:
    """Return a name without case, accents, punctuation and blanks, for comparing."""
    if not text:
        return ""
    plain = unicodedata.normalize("NFKD", text)
    return re.sub(
        r"[^a-z0-9]", "", "".join(c for c in plain if not unicodedata.combining(c)).lower()
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A provider as other files mention one."""

    key: str
    abbr: str
    printed_name: str
    initials: str
    hired: str | None
    left: str | None


@dataclass(frozen=True, slots=True)
class Carrier:
    """A surviving carrier with all rows merged into it."""

    key: str
    merged: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An insurance plan's facts that inform coverage and claims."""

    key: str
    carrier_key: str | None
    group_name: str | None
    group_number: str | None
    annual_max: str | None
    deductible: str | None


@dataclass(frozen=True, slots=True)
class ReusedNumber:
    """A patient number that a purged patient had before its present owner.

    Attributes:
        present_line: Line of the present patient's row.
        other_lines: Lines of the purged patients' rows.
        until: Rows dated up to this day belong to the purged patient.
        certain: False where both rows look alive: then nothing is known and nothing is moved.
    """

    present_line: int
    other_lines: tuple[int, ...]
    until: str
    certain: bool


@dataclass
class SourceContext:
    """Everything shared by the builders of one canonical source."""

    snapshot: Snapshot
    source: SourceSpec
    hash_key: bytes
    rules: DateRules
    parsers: CellParsers
    people: dict[str, Person] = field(default_factory=dict)
    people_by_abbr: dict[str, str] = field(default_factory=dict)
    people_by_name: dict[str, str] = field(default_factory=dict)
    people_by_initials: dict[str, tuple[str, ...]] = field(default_factory=dict)
    staff_by_name: dict[str, str | None] = field(default_factory=dict)
    carriers: dict[str, Carrier] = field(default_factory=dict)
    survivor_of_carrier: dict[str, str] = field(default_factory=dict)
    carrier_by_name: dict[str, str] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    code_labels: dict[str, str] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)
    reused: dict[str, ReusedNumber] = field(default_factory=dict)

    @classmethod
    def build(cls, snapshot: Snapshot, source: SourceSpec, hash_key: bytes) -> "SourceContext":
        """Read the shared facts from a snapshot."""
        connection = snapshot.connect()
        try:
            rules = snapshot.dates
            codes = connection.execute('SELECT upper("code") FROM proc_codes').fetchall()
            parsers = CellParsers(snapshot.profile, rules, {c for (c,) in codes if c})
            context = cls(snapshot, source, hash_key, rules, parsers)
            context.merges = resolve_merges(source.merges)
            context._read_people(connection)
            context._read_code_labels(connection)
            context._read_carriers(connection)
            context._read_reused_numbers(connection)
        finally:
            connection.close()
        return context

    @property
    def profile(self) -> Profile:
        """The snapshot's profile."""
        return self.snapshot.profile

    def reader(self, object_name: str) -> RowReader:
        """Return a compiled reader of an object's rows."""
        spec = self.profile.objects[object_name]
        swapped = {
            column: lines
            for (table, column), lines in self.rules.swapped_lines.items()
            if table == spec.table
        }
        return RowReader(spec, self.snapshot.file(spec.table), self.parsers, swapped=swapped)

    def rows(
        self, connection: duckdb.DuckDBPyConnection, object_name: str, where: str = ""
    ) -> Iterator[Row]:
        """Stream an object's rows in file order."""
        reader = self.reader(object_name)
        for cells, line in stream_cells(connection, reader.spec, reader.columns, where):
            yield reader.read(cells, line)

    # ------------------------------------------------------------ patients

    def patient_ref(self, printed: str | None, day: str | None) -> tuple[str | None, str | None]:
        """Return the patient a row belongs to, and a problem code where the number was reused.

        Args:
            printed: The patient number as printed in the row.
            day: The row's own date, to tell a purged patient's rows from the present owner's.
        """
        if printed is None:
            return None, None
        if self.reused:
            number = self.reused.get(printed)
            if (
                number is not None
                and number.certain
                and day is not None
                and day[:10] <= number.until
            ):
                return printed + _PURGED, "patient_number_reused"
        return self.merges.get(printed, printed), None

    def partition(self, patient_key: str | None, object_name: str, key: str) -> str:
        """Return the partition key: the patient's, else object and key."""
        return patient_key if patient_key is not None else f"{object_name}:{key}"

    # ------------------------------------------------------------ people

    def provider_key(self, printed: str | None) -> str | None:
        """Return the provider behind an abbreviation, number or printed name."""
        if printed is None:
            return None
        text = printed.strip()
        return (
            self.people_by_abbr.get(text.lower())
            or (text if text in self.people else None)
            or self.people_by_name.get(fold_name(text))
        )

    def author(
        self, provider_key: str | None, letters: str | None
    ) -> tuple[str | None, str | None]:
        """Return a note's author, by number, else by initials that only one person has."""
        if provider_key is not None:
            return provider_key, None if provider_key in self.people else "provider_unknown"
        if letters is None:
            return None, None
        owners = self.people_by_initials.get(re.sub(r"[^A-Z]", "", letters.upper()), ())
        if len(owners) == 1:
            return owners[0], None
        return None, "author_initials_shared" if owners else "author_unknown"

    def carrier_key(self, printed: str | None) -> str | None:
        """Return the surviving carrier of a printed name."""
        return self.carrier_by_name.get(fold_name(printed)) if printed else None

    # ------------------------------------------------------------ reading

    def _read_people(self, connection: duckdb.DuckDBPyConnection) -> None:
        signs: dict[str, list[str]] = defaultdict(list)
        for row in self.rows(connection, "provider"):
            v = row.values
            first, last = v["first_name"], v["last_name"]
            name = " ".join(p for p in (first, last) if p)
            person = Person(
                row.key, v["abbr"] or "", name, initials(first, last), v["hired"], v["left"]
            )
            self.people[row.key] = person
            if person.abbr:
                self.people_by_abbr.setdefault(person.abbr.lower(), row.key)
            if first and last:
                for printed in (name, f"{last}{first}", f"dr{name}", f"dr{last}"):
                    self.people_by_name.setdefault(fold_name(printed), row.key)
                signs[person.initials].append(row.key)
        self.people_by_initials = {k: tuple(v) for k, v in signs.items()}
        for row in self.rows(connection, "staff"):
            v = row.values
            key = v["provider_key"]
            for printed in (v["name"], (v["email"] or "").split("@")[0]):
                if printed:
                    self.staff_by_name.setdefault(fold_name(printed), key)

    def _read_code_labels(self, connection: duckdb.DuckDBPyConnection) -> None:
        cell = self.profile.objects["treatment_item"].fields["code"]
        parse = self.parsers.parser("treatment_items", cell)
        for row in self.rows(connection, "procedure_code"):
            code = parse(row.key)[0] if row.key else None
            if code and row.values["label"]:
                self.code_labels.setdefault(code, row.values["label"])

    def _read_carriers(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = [r for r in self.rows(connection, "carrier") if r.key]
        rows.sort(key=lambda r: (len(r.key), r.key))
        groups: dict[str, list[Row]] = {}
        for row in rows:
            payer = re.sub(r"[^A-Z0-9]", "", (row.values["payer_id"] or "").upper()).lstrip("0")
            name = fold_name(row.values["name"])
            group = f"p:{payer}" if payer else f"n:{name}" if name else f"k:{row.key}"
            groups.setdefault(group, []).append(row)
        by_name = {
            fold_name(r.values["name"]): g
            for g, members in groups.items()
            if g.startswith("p:")
            for r in members
        }
        for group in [g for g in groups if g.startswith("n:")]:
            same = by_name.get(group[2:])
            if same is not None:
                groups[same] = sorted(
                    groups[same] + groups.pop(group), key=lambda r: (len(r.key), r.key)
                )
        for members in groups.values():
            keys = list(dict.fromkeys(r.key for r in members))
            names = tuple(dict.fromkeys(r.values["name"] for r in members if r.values["name"]))
            carrier = Carrier(keys[0], tuple(keys[1:]), names)
            self.carriers[carrier.key] = carrier
            for key in keys:
                self.survivor_of_carrier[key] = carrier.key
            for name in names:
                self.carrier_by_name.setdefault(fold_name(name), carrier.key)
        for row in self.rows(connection, "plan"):
            v = row.values
            carrier_key = v["carrier_key"]
            self.plans[row.key] = Plan(
                row.key,
                self.survivor_of_carrier.get(carrier_key, carrier_key),
                v["group_name"],
                v["group_number"],
                v["annual_max"],
                v["deductible"],
            )

    def _read_reused_numbers(self, connection: duckdb.DuckDBPyConnection) -> None:
        spec = self.profile.objects["patient"]
        key = sql_key(spec.key[0].column)
        where = (
            f"WHERE {key} IN (SELECT {key} FROM patients WHERE {key} IS NOT NULL "
            f"GROUP BY 1 HAVING count(*) > 1)"
        )
        by_key: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows(connection, "patient", where):
            by_key[row.key].append(row)
        for number, rows in by_key.items():
            self.reused[number] = _reused(rows)


def _reused(rows: list[Row]) -> ReusedNumber:
    """Decide who owns a number now: the living row, the youngest of several."""

    def age(row: Row) -> tuple[bool, str, int]:
        gone = (row.values["status"] or "").lower() in _GONE
        return (not gone, row.values["created_at"] or "", row.line)

    ordered = sorted(rows, key=age)
    present, others = ordered[-1], ordered[:-1]
    started = (present.values["created_at"] or "")[:10]
    certain = all((o.values["status"] or "").lower() in _GONE for o in others) and bool(started)
    ended = max((o.values["updated_at"] or o.values["created_at"] or "")[:10] for o in others)
    until = ""
    if certain:
        day_before = dt.date.fromisoformat(started) - dt.timedelta(days=1)
        last = dt.date.fromisoformat(ended) + _GRACE if ended else day_before - _GRACE
        until = min(last, day_before).isoformat()
    return ReusedNumber(present.line, tuple(o.line for o in others), until, certain)


def resolve_merges(merges: Mapping[str, str]) -> dict[str, str]:
    """Follow confirmed merges to their survivors.

    Raises:
        ConfigurationError: Two patients are said to be merged into each other.
    """
    resolved = {}
    for start in merges:
        seen = {start}
        at = merges[start]
        while at in merges:
            if at in seen:
                raise ConfigurationError("Confirmed merges form a circle: correct the list.")
            seen.add(at)
            at = merges[at]
        if at != start:
            resolved[start] = at
    return resolved


def stream_cells(
    connection: duckdb.DuckDBPyConnection,
    spec: ObjectDef,
    columns: tuple[str, ...],
    where: str = "",
    extra: str = "",
) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Stream (cells, line) of a table in file order, in batches; extra columns follow the cells."""
    select = ", ".join(f't."{c}"' for c in columns)
    sql = f'SELECT {select}{extra}, t.{LINE} FROM "{spec.table}" t {where}'
    for batch in connection.sql(sql).to_arrow_reader(_ARROW_ROWS):
        lists = [column.to_pylist() for column in batch.columns]
        lines = lists.pop()
        yield from zip(zip(*lists, strict=True), lines, strict=True)
