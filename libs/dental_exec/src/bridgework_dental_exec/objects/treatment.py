"""Treatment plans and their items. A planned item never becomes a completed one."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import duckdb

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.context import SourceContext, sql_key, stream_cells
from bridgework_dental_exec.objects.base import Builder, register_keys
from bridgework_dental_exec.objects.charts import fill_chart
from bridgework_dental_exec.parsers.dates import parse_date
from bridgework_dental_exec.parsers.teeth import (
    expand_teeth,
    fdi_to_universal,
    only_fdi,
    parse_surface,
    parse_tooth,
    reads_both_ways,
)
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.records import CanonicalRecord

DONE = "C"
_PLANS_AT_ONCE = 10_000


def cents(amount: str | None) -> int:
    """Return an amount in cents, 0 where it is unknown."""
    return int(amount.replace(".", "")) if amount is not None else 0


def money(total: int) -> str:
    """Return cents as a decimal string."""
    sign = "-" if total < 0 else ""
    return f"{sign}{abs(total) // 100}.{abs(total) % 100:02d}"


class ToothNotation:
    """Which items' teeth were written in FDI, by what the rest of the practice says.

    A provider who writes teeth that do not exist in Universal numbering (33-48) may mean FDI
    with 11-32 too. Such a tooth is FDI where the appointment or the ledger line of the same work
    names its Universal counterpart, Universal where they name the number itself. Where nothing
    tells, the provider's other teeth decide if they all went one way, else it is left and said.
    """

    def __init__(self, context: SourceContext, connection: duckdb.DuckDBPyConnection) -> None:
        self.fdi: set[str] = set()
        self.unsure: set[str] = set()
        self._context = context
        spec = context.profile.objects["treatment_item"]
        self._cells = {n: spec.fields[n].column for n in ("tooth", "provider_printed", "code",
                       "date_done", "appointment_key", "plan_key")}  # fmt: skip
        self._key = spec.key[0].column
        providers = self._suspects(connection)
        if providers:
            self._decide(connection, providers)

    def _suspects(self, connection: duckdb.DuckDBPyConnection) -> set[str]:
        tooth, provider = self._cells["tooth"], self._cells["provider_printed"]
        rows = connection.execute(
            f'SELECT DISTINCT "{tooth}", "{provider}" FROM treatment_items '
            f'WHERE regexp_matches("{tooth}", \'^#?(3[3-8]|4[1-8])$\') AND "{provider}" IS NOT NULL'
        ).fetchall()
        return {provider for tooth, provider in rows if only_fdi(tooth)}

    def _decide(self, connection: duckdb.DuckDBPyConnection, providers: set[str]) -> None:
        register_keys(connection, providers)
        c = self._cells
        rows = connection.execute(
            f"""
            WITH doubtful AS (
              SELECT i."{self._key}" AS item, i."{c["tooth"]}" AS tooth,
                     i."{c["provider_printed"]}" AS provider, i."{c["code"]}" AS code,
                     i."{c["date_done"]}" AS done, p.pat_id AS patient,
                     i."{c["appointment_key"]}" AS appointment
              FROM treatment_items i LEFT JOIN treatment_plans p ON p.tp_id = i."{c["plan_key"]}"
              WHERE i."{c["provider_printed"]}" IN (SELECT k FROM wanted)
                AND regexp_matches(i."{c["tooth"]}", '^#?[1-4][1-8]$')
            ), said AS (
              SELECT d.item, l.tooth AS other, l.code FROM doubtful d
              JOIN ledger l ON l.pat_id = d.patient AND l.post_date = d.done
              WHERE l.tooth IS NOT NULL
              UNION ALL
              SELECT d.item, t.tooth, t.code FROM doubtful d JOIN (
                SELECT appt_id, unnest([tooth1, tooth2, tooth3, tooth4, tooth5, tooth6]) AS tooth,
                       unnest([code1, code2, code3, code4, code5, code6]) AS code
                FROM appointments) t ON t.appt_id = d.appointment
              WHERE t.tooth IS NOT NULL
            )
            SELECT d.item, d.tooth, d.provider, d.code, list({{'t': s.other, 'c': s.code}})
            FROM doubtful d LEFT JOIN said s ON s.item = d.item
            GROUP BY ALL
            """
        ).fetchall()
        undecided: dict[str, list[str]] = defaultdict(list)
        votes: dict[str, set[bool]] = defaultdict(set)
        parser = self._context.parsers.parser("treatment_items",
                 self._context.profile.objects["treatment_item"].fields["code"])  # fmt: skip
        for item, tooth, provider, code, said in rows:
            bare = tooth.lstrip("#")
            if not reads_both_ways(bare):
                continue
            mine = parser(code)[0] if code else None
            teeth = {
                s["t"].lstrip("#")
                for s in said
                if s["t"] and (mine is None or s["c"] is None or parser(s["c"])[0] == mine)
            }
            counterpart = fdi_to_universal(bare)
            if counterpart in teeth and bare not in teeth:
                self.fdi.add(item)
                votes[provider].add(True)
            elif bare in teeth:
                votes[provider].add(False)
            else:
                undecided[provider].append(item)
        for provider, items in undecided.items():
            if votes[provider] == {True}:
                self.fdi.update(items)
            elif votes[provider] != {False}:
                self.unsure.update(items)

    def apply(self, row: Row, file: str, column: str) -> None:
        """Correct an item's tooth where it was written in FDI; say so where nobody knows."""
        raw = row.values["tooth_raw"]
        if row.key in self.fdi:
            row.values["tooth"], code = parse_tooth(raw, fdi=True)
            if code is not None:
                row.problems.append(problem(file, row.line, column, code, raw))
        elif row.key in self.unsure:
            row.problems.append(problem(file, row.line, column, "tooth_notation_unsure", raw))


_NOTATION_TABLES = {"ledger", "appointments", "treatment_plans", "treatment_items"}


class TreatmentItemBuilder(Builder):
    """Items of treatment plans, with the plan's patient."""

    object: ClassVar[str] = "treatment_item"

    def tables(self) -> set[str]:
        """Items, their plans, and what tells a tooth's notation."""
        return super().tables() | _NOTATION_TABLES

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield items."""
        connection = self.connect()
        try:
            notation = ToothNotation(self.context, connection)
            skipped = self.skipped_lines(connection)
            plans = plan_patients(self.context, connection)
            where = ""
            if keys is not None:
                register_keys(connection, keys)
                where = f"WHERE {self.key_sql()} IN (SELECT k FROM wanted)"
            read = self.reader.read
            for cells, line in stream_cells(connection, self.spec, self.reader.columns, where):
                row = read(cells, line)
                if line in skipped or not row.key:
                    continue
                prepare_item(self, row, notation)
                yield self._item(row, plans.get(row.values["plan_key"] or ""))
        finally:
            connection.close()

    def _item(self, row: Row, patient_key: str | None) -> CanonicalRecord:
        v = row.values
        fields: dict[str, Any] = {
            "plan_key": v["plan_key"],
            "patient_key": patient_key,
            **{name: v[name] for name in (
                "code", "code_raw", "description", "tooth", "tooth_raw", "surface", "surface_raw",
                "provider_key", "provider_printed", "estimated_cost", "actual_cost",
                "insurance_estimate", "patient_estimate", "status", "status_label",
                "date_planned", "date_done", "appointment_key", "priority",
            )},
        }  # fmt: skip
        return self.record(row, fields, patient_key=patient_key)


def prepare_item(builder: Builder, row: Row, notation: ToothNotation) -> None:
    """Finish an item's values: notation of the tooth, surfaces for it, provider, labels."""
    v = row.values
    notation.apply(row, builder.file, builder.spec.fields["tooth"].column)
    if v["surface_raw"] is not None and v["tooth"] is not None:
        value, code = parse_surface(v["surface_raw"], v["tooth"])
        v["surface"] = value
        if code == "surface_illegal":
            column = builder.spec.fields["surface"].column
            row.problems.append(problem(builder.file, row.line, column, code, v["surface_raw"]))
    v["provider_key"] = builder.provider(row, "provider_printed")
    v["description"] = builder.context.code_labels.get(v["code"] or "")
    v["status_label"] = builder.context.profile.item_labels.get(v["status"] or "")


def plan_patients(
    context: SourceContext, connection: duckdb.DuckDBPyConnection
) -> dict[str, str | None]:
    """Return plan key → patient key (the survivor), for children of plans."""
    spec = context.profile.objects["treatment_plan"]
    plan, patient, day = (
        spec.key[0].column,
        spec.fields["patient_key"].column,
        spec.fields["plan_date"].column,
    )
    rows = connection.execute(
        f'SELECT {sql_key(plan)}, {sql_key(patient)}, "{day}" FROM treatment_plans '
        f'WHERE "{plan}" IS NOT NULL'
    )
    known: dict[str, str | None] = {}
    rule = context.rules.rule(spec.table, day)
    while chunk := rows.fetchmany(10_000):
        for key, printed, text in chunk:
            when = parse_date(text, rule)[0] if text and context.reused else None
            known.setdefault(key, context.patient_ref(printed, when)[0])
    return known


class TreatmentPlanBuilder(Builder):
    """Treatment plans with a readable list of their items and their totals."""

    object: ClassVar[str] = "treatment_plan"
    day_field: ClassVar[str | None] = "plan_date"

    def tables(self) -> set[str]:
        """Plans, items, and what a plan's chart and teeth need."""
        return super().tables() | _NOTATION_TABLES | {"tooth_chart"}

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield plans."""
        connection = self.connect()
        charts = self.connect()
        try:
            notation = ToothNotation(self.context, connection)
            skipped = self.skipped_lines(connection)
            items = TreatmentItemBuilder(self.context)
            batch: list[tuple[Row, list[Row]]] = []
            for row, children in self.folded(connection, keys, ("treatment_item",)):
                if row.line in skipped or not row.key:
                    continue
                rows = children["treatment_item"]
                rows.sort(key=lambda r: (r.values["priority"] or 0, len(r.key), r.key))
                for item in rows:
                    prepare_item(items, item, notation)
                batch.append((row, rows))
                if len(batch) >= _PLANS_AT_ONCE:
                    yield from self._plans(batch, charts)
                    batch = []
            yield from self._plans(batch, charts)
        finally:
            connection.close()
            charts.close()

    def _plans(
        self, batch: list[tuple[Row, list[Row]]], charts: duckdb.DuckDBPyConnection
    ) -> Iterator[CanonicalRecord]:
        """Finish plans: each gets the findings of its own teeth from its patient's chart."""
        patients = {r.values["patient_key"] for r, items in batch if items} - {None}
        findings: dict[str, list[Row]] = defaultdict(list)
        if patients:
            spec = self.context.profile.objects["tooth_chart_row"]
            register_keys(charts, patients)
            column = sql_key(spec.parent_key.column if spec.parent_key else "", "t")
            where = f"WHERE {column} IN (SELECT k FROM wanted)"
            for finding in self.context.rows(charts, "tooth_chart_row", where):
                findings[finding.parent_key or ""].append(finding)
        for row, items in batch:
            yield self._plan(row, items, findings.get(row.values["patient_key"] or "", []))

    def _plan(self, row: Row, items: list[Row], findings: list[Row]) -> CanonicalRecord:
        v = row.values
        patient_key, printed = self.patient(row)
        estimated = [i.values["estimated_cost"] for i in items if i.values["estimated_cost"]]
        actual = [i.values["actual_cost"] for i in items if i.values["actual_cost"]]
        done = [i.values["date_done"] for i in items if i.values["status"] == DONE]
        completed = max((d for d in done if d), default=None)
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "source_patient_key": printed,
            "title": v["title"],
            "status": v["status"],
            "status_raw": v["status_raw"],
            "plan_date": v["plan_date"],
            "presented_by": v["presented_by"],
            "provider_key": self.provider(row, "presented_by"),
            "phase_count": v["phase_count"],
            "note": v["note"],
            "items": len(items),
            "procedure_details": "\n".join(_line(i) for i in items) or None,
            "estimated_total": money(sum(map(cents, estimated))) if estimated else None,
            "actual_total": money(sum(map(cents, actual))) if actual else None,
            "completed_date": completed if v["status"] == "Completed" else None,
        }
        teeth = {t for i in items for t in expand_teeth(i.values["tooth"])}
        chart = [f for f in findings if f.values["tooth"] in teeth]
        fill_chart(fields, chart)
        del fields["tooth_condition_tooth"]
        return self.record(row, fields, patient_key=patient_key)


def _line(item: Row) -> str:
    v = item.values
    tooth = f"#{v['tooth']}" if v["tooth"] else ""
    cells = (
        v["code"] or v["code_raw"] or "?",
        v["description"] or "",
        tooth,
        v["surface"] or "",
        v["provider_printed"] or "",
        f"est {v['estimated_cost']}" if v["estimated_cost"] else "",
        f"act {v['actual_cost']}" if v["actual_cost"] else "",
        v["status_label"] or v["status"] or "",
    )
    return " | ".join(c for c in cells if c)
