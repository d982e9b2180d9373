"""Appointments, tasks, notes, perio exams and production goals."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.context import fold_name
from bridgework_dental_exec.objects.base import Builder
from bridgework_dental_exec.parsers.perio import SITES, decode_site
from bridgework_dental_exec.parsers.richtext import pages, read_rich_text, sniff_format
from bridgework_dental_exec.parsers.text import clean_text
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.recall import leading_recall, parse_recalls, readable_interval
from bridgework_dental_exec.records import CanonicalRecord

NOTE_PAGE_BYTES = 60_000
"""Zoho takes 65,535 characters in a note; the rest of a page is left for its heading."""

_TRIPLES = range(1, 7)
_PERIO_VERSION = 1
_REVIEW_BELOW = 0.75


class AppointmentBuilder(Builder):
    """Appointments at practice wall-clock time; undated ones travel as undated."""

    object: ClassVar[str] = "appointment"
    day_field: ClassVar[str | None] = "date"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one appointment."""
        v = row.values
        patient_key, printed = self.patient(row)
        start, end = self._times(row)
        procedures = [
            {"code": v[f"code{n}"], "tooth": v[f"tooth{n}"], "surface": v[f"surface{n}"]}
            for n in _TRIPLES
            if v[f"code{n}"] or v[f"tooth{n}"] or v[f"surface{n}"]
        ]
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "source_patient_key": printed,
            "title": v["type"] or v["status"] or "Appointment",
            "start": start,
            "end": end,
            "operatory": v["operatory"],
            "provider_key": self.provider(row, "provider"),
            "hygienist_key": self.provider(row, "hygienist"),
            "type": v["type"],
            "status": v["status"],
            "confirmed": v["confirmed"],
            "procedures": procedures,
            "procedures_text": "; ".join(map(self._procedure, procedures)) or None,
            "note": v["note"],
            "created_at": v["created_at"],
            "created_by": v["created_by"],
            "updated_at": v["updated_at"],
            "undated": start is None,
        }
        return self.record(row, fields, patient_key=patient_key)

    def _times(self, row: Row) -> tuple[str | None, str | None]:
        v = row.values
        if v["date"] is None:
            return None, None
        start = dt.datetime.fromisoformat(f"{v['date']}T{v['time'] or '00:00:00'}")
        units = v["length_units"]
        length = dt.timedelta(minutes=max(units or 1, 1) * self.context.source.appointment_unit_min)
        return start.isoformat(), (start + length).isoformat()

    def _procedure(self, procedure: dict[str, str | None]) -> str:
        code = procedure["code"] or ""
        label = self.context.code_labels.get(code, "")
        tooth = f"#{procedure['tooth']}" if procedure["tooth"] else ""
        return " ".join(p for p in (code, label, tooth, procedure["surface"] or "") if p)


class TaskBuilder(Builder):
    """Tasks with the recalls that hide in their text."""

    object: ClassVar[str] = "task"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one task."""
        v = row.values
        patient_key, _ = self.patient(row)
        recalls = parse_recalls(v["subject"], v["body"], v["due_date"], v["created_at"])
        sure = [r for r in recalls if r.confidence >= _REVIEW_BELOW]
        first = leading_recall(sure)
        due = first if first is not None and first.due else next((r for r in sure if r.due), None)
        kind = next((r.type for r in sure if r.type), None)
        assigned = v["assigned_to"]
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "assigned_to": assigned,
            "assignee_key": self._assignee(assigned),
            "subject": v["subject"],
            "body": v["body"],
            "raw_text": "\n".join(t for t in (v["subject"], v["body"]) if t) or None,
            "status": v["status"],
            "due_date": v["due_date"],
            "created_at": v["created_at"],
            "recalls": [r.as_dict() for r in recalls],
            "recall_interval": first.interval if first is not None else None,
            "recall_interval_label": readable_interval(first.interval) if first else None,
            "recall_type": first.type if first is not None and first.type else kind,
            "recall_due": due.due if due is not None else None,
            "recall_review": len(sure) < len(recalls),
        }
        return self.record(row, fields, patient_key=patient_key)

    def _assignee(self, printed: str | None) -> str | None:
        if printed is None:
            return None
        folded = fold_name(printed)
        return self.context.staff_by_name.get(folded) or self.context.provider_key(printed)


class NoteBuilder(Builder):
    """Notes as visible text, their author where one person is certain, their pictures' keys."""

    object: ClassVar[str] = "note"
    day_field: ClassVar[str | None] = "note_date"

    def build(self, row: Row) -> CanonicalRecord:
        """Return one note."""
        v = row.values
        patient_key, printed = self.patient(row)
        body = v["body"] or ""
        rich = read_rich_text(body, v["format"] or "")
        text, code = clean_text(rich.text) if rich.text else (None, None)
        if code is not None:
            row.problems.append(self._odd(row, "body", code))
        for image in rich.images:
            if image.broken:
                row.problems.append(self._odd(row, "body", "image_broken"))
        author, why = self.context.author(v["author_key"], v["author_initials"])
        if why is not None:
            field = "author_initials" if v["author_key"] is None else "author_key"
            row.problems.append(self._odd(row, field, why))
        true_format = sniff_format(body)
        person = self.context.people.get(author or "")
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "source_patient_key": printed,
            "author_key": author,
            "author_initials": v["author_initials"],
            "author_name_printed": person.printed_name if person is not None else None,
            "note_date": v["note_date"],
            "entered_at": v["entered_at"],
            "type": v["type"],
            "format": v["format"] or true_format,
            "text": text,
            "signed": v["signed"] is True,
            "addendum_of": v["addendum_of"],
            "images": [f"{row.key}#{n}" for n in range(1, len(rich.images) + 1)],
            "pages": list(pages(text, NOTE_PAGE_BYTES)) if text else [],
        }
        return self.record(row, fields, patient_key=patient_key)

    def _odd(self, row: Row, field: str, code: str) -> Any:
        column = self.spec.fields[field].column
        return problem(self.file, row.line, column, code)


class PerioExamBuilder(Builder):
    """Perio exams with their readings decoded into one canonical JSON text."""

    object: ClassVar[str] = "perio_exam"
    parts: ClassVar[tuple[str, ...]] = ("perio_reading",)
    day_field: ClassVar[str | None] = "date"

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield exams."""
        connection = self.connect()
        try:
            skipped = self.skipped_lines(connection)
            for row, children in self.folded(connection, keys, self.parts):
                if row.key and row.line not in skipped:
                    yield self._exam(row, children["perio_reading"])
        finally:
            connection.close()

    def _exam(self, row: Row, readings: list[Row]) -> CanonicalRecord:
        v = row.values
        patient_key, _ = self.patient(row)
        file = self.context.snapshot.file(self.context.profile.objects["perio_reading"].table)
        teeth: dict[str, dict[str, dict[str, Any]]] = {}
        for reading in sorted(readings, key=lambda r: r.line):
            r = reading.values
            tooth = r["tooth"] or r["tooth_raw"] or "?"
            sites: dict[str, Any] = {}
            for site in SITES:
                value, code = decode_site(r["measure"] or "", r[site])
                if value is not None:
                    sites[site] = value
                if code is not None:
                    reading.problems.append(problem(file, reading.line, site, code, r[site]))
            measure = re.sub(r"\s+", "_", (r["measure"] or "unknown").lower())
            teeth.setdefault(tooth, {}).setdefault(measure, {}).update(sites)
        ordered = sorted(
            teeth.items(),
            key=lambda t: (not t[0].isdigit(), int(t[0]) if t[0].isdigit() else 0, t[0]),
        )
        chart = {"v": _PERIO_VERSION, "teeth": {t: dict(sorted(m.items())) for t, m in ordered}}
        fields: dict[str, Any] = {
            "patient_key": patient_key,
            "date": v["date"],
            "provider_key": self.provider(row, "provider"),
            "readings": len(readings),
            "readings_json": json.dumps(chart, separators=(",", ":")) if readings else None,
        }
        parts = {"perio_reading": len(readings)}
        shown = [(file, r) for r in readings if r.problems] or [(file, r) for r in readings[:1]]
        return self.record(row, fields, patient_key=patient_key, parts=parts, folded=shown)


class ProductionGoalBuilder(Builder):
    """Monthly production goals per provider; the key is ``provider|YYYY-MM``."""

    object: ClassVar[str] = "production_goal"

    def key_sql(self) -> str:
        """Return SQL for the key as printed; months are compared after reading."""
        return super().key_sql()

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield goals; the table is small, so wanted keys are compared after reading."""
        for row, first in self._unique():
            if first and row.key and (keys is None or row.key in keys):
                yield self.build(row)

    def _unique(self) -> Iterator[tuple[Row, bool]]:
        """Yield every goal with whether it is the first of its key."""
        connection = self.connect()
        seen: set[str] = set()
        try:
            for row in self.main_rows(connection, None):
                row.key = _month_key(row)
                yield row, row.key not in seen
                seen.add(row.key)
        finally:
            connection.close()

    def build(self, row: Row) -> CanonicalRecord:
        """Return one goal."""
        v = row.values
        person = self.context.people.get(v["provider_key"] or "")
        fields = {
            "provider_key": v["provider_key"],
            "provider_name": person.printed_name if person is not None else None,
            "month": v["month"],
            "goal": v["goal"],
            "actual": v["actual"],
        }
        return self.record(row, fields, patient_key=None)

    def decided(self) -> Iterator[Any]:
        """Yield goals whose provider and month stand twice, and rows without a key."""
        number = 1
        for row, first in self._unique():
            if not row.key:
                yield self.outcome(
                    f"{self.file}:{row.line}", "failed", "key_missing",
                    "The row has no provider or no month that can be read.",
                    "Correct it and export again.", row.line,
                )  # fmt: skip
            elif not first:
                number += 1
                yield self.outcome(
                    f"{row.key}#{number}", "failed", "key_used_twice",
                    "This provider already has a goal for the month; the first was taken.",
                    "Remove one of the rows.", row.line,
                )  # fmt: skip
        yield from self.quarantined(self.object)


def _month_key(row: Row) -> str:
    provider, month = row.values["provider_key"], row.values["month"]
    return f"{provider}|{month[:7]}" if provider and month else ""
