"""What all builders share: streaming rows, folding parts, rows that end without travelling."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import duckdb
import pyarrow as pa
from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import Problem, Provenance

from bridgework_dental_exec.cells import Row, RowReader
from bridgework_dental_exec.context import SourceContext, sql_key, stream_cells
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.profile import ObjectDef
from bridgework_dental_exec.records import CanonicalRecord, Decided, content_hash
from bridgework_dental_exec.snapshot import HASH, LINE

_CHUNK_ROWS = 200_000
_MAX_PROVENANCE = 40


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """A key several rows of one table have: the first row travels, the others end here."""

    first_line: int
    same: tuple[int, ...]
    different: tuple[int, ...]


class Builder:
    """Base of the builders: one main table, its parts, generic decided outcomes."""

    object: ClassVar[str] = ""
    parts: ClassVar[tuple[str, ...]] = ()
    day_field: ClassVar[str | None] = None
    """Field that dates a row, to tell a purged patient's rows apart."""

    def __init__(self, context: SourceContext) -> None:
        self.context = context
        self.reader: RowReader = context.reader(self.object)
        self.spec: ObjectDef = self.reader.spec
        self.file = self.reader.file

    # ------------------------------------------------------------ interface

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield the object's records."""
        connection = self.connect()
        try:
            skipped = self.skipped_lines(connection)
            for row in self.main_rows(connection, keys):
                if row.line in skipped or not row.key:
                    continue
                yield self.build(row)
        finally:
            connection.close()

    def build(self, row: Row) -> CanonicalRecord:
        """Turn one row into a record; a builder that has its own ``records`` needs none."""
        raise NotImplementedError

    def decided(self) -> Iterator[Decided]:
        """Yield rows of the main table and its parts that never travel."""
        connection = self.connect()
        try:
            yield from self.decided_rows(connection)
            for part in self.parts:
                yield from self.parked_parts(connection, part)
        finally:
            connection.close()
        for name in (self.object, *self.parts):
            yield from self.quarantined(name)

    def counts(self) -> dict[str, int]:
        """Return rows plus quarantined stretches of the main table and the parts."""
        found = {}
        for name in (self.object, *self.parts):
            table = self.context.profile.objects[name].table
            found[name] = self.context.snapshot.rows(table) + len(list(self.quarantined(name)))
        return found

    # ------------------------------------------------------------ reading

    def tables(self) -> set[str]:
        """Tables this builder's connection needs."""
        objects = self.context.profile.objects
        return {objects[name].table for name in (self.object, *self.parts, "patient")}

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection with the builder's tables."""
        return self.context.snapshot.connect(sorted(self.tables()))

    def main_rows(
        self, connection: duckdb.DuckDBPyConnection, keys: set[str] | None
    ) -> Iterator[Row]:
        """Stream the main table's rows, only those with the given keys where some are given."""
        where = ""
        if keys is not None:
            register_keys(connection, keys)
            where = f"WHERE {self.key_sql()} IN (SELECT k FROM wanted)"
        read = self.reader.read
        for cells, line in stream_cells(connection, self.spec, self.reader.columns, where):
            yield read(cells, line)

    def key_sql(self) -> str:
        """Return SQL for the main table's key."""
        parts = [
            sql_key(c.column, "t") if c.parser == "key" else f't."{c.column}"'
            for c in self.spec.key
        ]
        return parts[0] if len(parts) == 1 else f"concat_ws('|', {', '.join(parts)})"

    # ------------------------------------------------------------ rows that end here

    def repeated_keys(self, connection: duckdb.DuckDBPyConnection) -> dict[str, RepeatedKey]:
        """Return keys that several rows have, in passes that bound memory."""
        found: dict[str, RepeatedKey] = {}
        key = self.key_sql()
        passes = self.context.snapshot.rows(self.spec.table) // 1_000_000 + 1
        for number in range(passes):
            chunk = f"AND hash({key}) % {passes} = {number}" if passes > 1 else ""
            rows = connection.execute(
                f"""
                WITH repeated AS (
                  SELECT {key} AS k FROM "{self.spec.table}" t WHERE {key} IS NOT NULL {chunk}
                  GROUP BY k HAVING count(*) > 1
                )
                SELECT {key} AS k, list({{"l": {LINE}, "h": {HASH}}} ORDER BY {LINE})
                FROM "{self.spec.table}" t WHERE {key} IN (SELECT k FROM repeated) GROUP BY k
                """
            ).fetchall()
            for k, places in rows:
                first = places[0]
                found[k] = RepeatedKey(
                    first["l"],
                    tuple(p["l"] for p in places[1:] if p["h"] == first["h"]),
                    tuple(p["l"] for p in places[1:] if p["h"] != first["h"]),
                )
        return found

    def skipped_lines(self, connection: duckdb.DuckDBPyConnection) -> set[int]:
        """Return lines of rows whose key an earlier row has."""
        return {
            line
            for repeated in self.repeated_keys(connection).values()
            for line in (*repeated.same, *repeated.different)
        }

    def decided_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Decided]:
        """Yield outcomes of rows with a key used before, and of rows without a key."""
        for key, repeated in self.repeated_keys(connection).items():
            number = 2
            for line in sorted((*repeated.same, *repeated.different)):
                same = line in repeated.same
                yield self.outcome(
                    f"{key}#{number}",
                    "skipped" if same else "failed",
                    "same_row_twice" if same else "key_used_twice",
                    "This row stands twice in the export; it was taken once."
                    if same
                    else "Another row has this number too; only the first was taken.",
                    "" if same else "Give the row a number of its own and export again.",
                    line,
                    merged_into=key if same else None,
                )
                number += 1
        yield from self.keyless_rows(connection)

    def keyless_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Decided]:
        """Yield outcomes of rows whose key cell is blank."""
        blank = " AND ".join(f'"{c.column}" IS NULL' for c in self.spec.key)
        rows = connection.execute(f'SELECT {LINE} FROM "{self.spec.table}" WHERE {blank}')
        for (line,) in rows.fetchall():
            yield self.outcome(
                f"{self.file}:{line}",
                "failed",
                "key_missing",
                "The row has no number, so nothing can refer to it.",
                "Give it a number and export again.",
                line,
            )

    def quarantined(self, name: str) -> Iterator[Decided]:
        """Yield one outcome per quarantined stretch of an object's file."""
        file = self.context.snapshot.file(self.context.profile.objects[name].table)
        for item in self.context.snapshot.quarantine:
            if item.file == file:
                yield Decided(
                    object=name,
                    key=f"{file}:{item.line}",
                    outcome="failed",
                    reason=Reason(
                        code=item.code,
                        sentence=f"{item.rows} line(s) could not be read as a row.",
                        remedy=item.remedy,
                    ),
                    provenance=(Provenance(file=file, line=item.line),),
                )

    def outcome(
        self,
        key: str,
        outcome: Any,
        code: str,
        sentence: str,
        remedy: str,
        line: int,
        *,
        object_name: str | None = None,
        merged_into: str | None = None,
        missing: tuple[str, str] | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> Decided:
        """Return one decided outcome of a row."""
        name = object_name or self.object
        file = self.context.snapshot.file(self.context.profile.objects[name].table)
        return Decided(
            object=name,
            key=key,
            outcome=outcome,
            reason=Reason(
                code=code,
                sentence=sentence,
                remedy=remedy,
                missing_object=missing[0] if missing else None,
                missing_key=missing[1] if missing else None,
            ),
            merged_into=merged_into,
            provenance=(Provenance(file=file, line=line),),
            problems=problems,
        )

    # ------------------------------------------------------------ parts

    def folded(
        self, connection: duckdb.DuckDBPyConnection, keys: set[str] | None, parts: Iterable[str]
    ) -> Iterator[tuple[Row, dict[str, list[Row]]]]:
        """Yield main rows with their part rows, chunk by chunk so that memory stays bounded."""
        parts = tuple(parts)
        objects, snapshot = self.context.profile.objects, self.context.snapshot
        total = sum(snapshot.rows(objects[p].table) for p in (self.object, *parts))
        chunks = max(1, -(-total // _CHUNK_ROWS))
        wanted = ""
        if keys is not None:
            register_keys(connection, keys)
            chunks = max(1, min(chunks, -(-len(keys) // 2_000)))
            wanted = " AND {key} IN (SELECT k FROM wanted)"
        self.register_merges(connection)
        readers = {name: self.context.reader(name) for name in parts}
        for number in range(chunks):
            pick = f"WHERE hash({{key}}) % {chunks} = {number}" if chunks > 1 else "WHERE true"
            where = pick + wanted
            children: dict[str, dict[str, list[Row]]] = {}
            for name, reader in readers.items():
                children[name] = self._children(connection, reader, where)
            main = where.format(key=self.key_sql())
            for cells, line in stream_cells(connection, self.spec, self.reader.columns, main):
                row = self.reader.read(cells, line)
                yield row, {p: rows.get(row.key, []) for p, rows in children.items()}

    def _children(
        self, connection: duckdb.DuckDBPyConnection, reader: RowReader, where: str
    ) -> dict[str, list[Row]]:
        spec = reader.spec
        column = spec.parent_key.column if spec.parent_key is not None else ""
        key = self.parent_sql(column)
        keyed = len(spec.key) == 1
        by_parent: dict[str, list[Row]] = defaultdict(list)
        for cells, line in stream_cells(connection, spec, reader.columns, where.format(key=key)):
            row = reader.read(cells, line, keyed=keyed)
            parent = self.parent_of(spec.name, row)
            if parent is not None:
                by_parent[parent].append(row)
        return by_parent

    def parent_sql(self, column: str) -> str:
        """Return SQL for the (surviving) parent key of a part's row."""
        key = sql_key(column, "t")
        if self.context.merges and self.object == "patient":
            return f"coalesce((SELECT m.survivor FROM merges m WHERE m.k = {key}), {key})"
        return key

    def parent_of(self, part: str, row: Row) -> str | None:
        """Return the key of the record a part's row is folded into."""
        del part
        return row.parent_key

    def register_merges(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give the connection the confirmed merges."""
        merges = self.context.merges
        if merges:
            table = pa.table({"k": list(merges), "survivor": list(merges.values())})
            connection.register("merges", table)

    def parked_parts(self, connection: duckdb.DuckDBPyConnection, part: str) -> Iterator[Decided]:
        """Yield outcomes of part rows whose parent row does not exist."""
        reader = self.context.reader(part)
        spec = reader.spec
        if spec.parent_key is None or not self.context.snapshot.rows(spec.table):
            return
        self.register_merges(connection)
        parent = self.parent_sql(spec.parent_key.column)
        where = (
            f"WHERE {parent} IS NULL OR {parent} NOT IN "
            f'(SELECT {self.key_sql()} FROM "{self.spec.table}" t '
            f"WHERE {self.key_sql()} IS NOT NULL)"
        )
        seen: Counter[str] = Counter()
        for cells, line in stream_cells(connection, spec, reader.columns, where):
            row = reader.read(cells, line)
            key = unique_key(row.key or f"{reader.file}:{line}", seen)
            yield self.parked_part(part, row, key, row.parent_key)

    def parked_part(self, part: str, row: Row, key: str, missing: str | None) -> Decided:
        """Return the parked outcome of one part row."""
        return self.outcome(
            key,
            "parked",
            "parent_missing",
            "The record this row belongs to is not in the export.",
            "Export the missing record, or correct its number.",
            row.line,
            object_name=part,
            missing=(self.object, missing or ""),
            problems=tuple(row.problems),
        )

    # ------------------------------------------------------------ records

    def patient(self, row: Row, field: str = "patient_key") -> tuple[str | None, str | None]:
        """Return (patient key, printed number) of a row; reused numbers get a problem."""
        printed = row.values[field]
        day = row.values[self.day_field] if self.day_field else None
        key, code = self.context.patient_ref(printed, day)
        if code is not None:
            column = self.spec.fields[field].column
            row.problems.append(problem(self.file, row.line, column, code, printed))
        return key, printed

    def provider(self, row: Row, field: str) -> str | None:
        """Return the provider a cell names; one nobody knows gets a problem."""
        printed = row.values[field]
        key = self.context.provider_key(printed)
        if key is None and printed:
            column = self.spec.fields[field].column
            row.problems.append(problem(self.file, row.line, column, "provider_unknown", printed))
        return key

    def record(
        self,
        row: Row,
        fields: dict[str, Any],
        *,
        patient_key: str | None,
        parts: dict[str, int] | None = None,
        folded: Iterable[tuple[str, Row]] = (),
    ) -> CanonicalRecord:
        """Return the record of a row.

        Args:
            row: The main row.
            fields: Canonical fields; the key is added.
            patient_key: The patient the record belongs to, ``None`` where to none.
            parts: Rows folded in, per part object.
            folded: Rows folded in, with their files, for provenance and problems.
        """
        fields["key"] = row.key
        provenance = [Provenance(file=self.file, line=row.line)]
        problems = row.problems
        for file, child in folded:
            if len(provenance) < _MAX_PROVENANCE:
                provenance.append(Provenance(file=file, line=child.line))
            problems.extend(child.problems)
        return CanonicalRecord(
            object=self.object,
            key=row.key,
            partition_key=self.context.partition(patient_key, self.object, row.key),
            content_hash=content_hash(fields, self.context.hash_key),
            fields=fields,
            parts={k: v for k, v in (parts or {}).items() if v},
            provenance=tuple(provenance),
            problems=tuple(problems),
        )


def register_keys(
    connection: duckdb.DuckDBPyConnection, keys: set[str], name: str = "wanted"
) -> None:
    """Give the connection some keys as a table with the column ``k``."""
    connection.register(name, pa.table({"k": pa.array(sorted(keys), pa.string())}))


def unique_key(key: str, seen: Counter[str]) -> str:
    """Return the key, numbered from the second time it comes."""
    seen[key] += 1
    return key if seen[key] == 1 else f"{key}#{seen[key]}"


def street(*lines: str | None) -> str | None:
    """Return address lines as one street, ``None`` where all are blank."""
    return ", ".join(line for line in lines if line) or None
