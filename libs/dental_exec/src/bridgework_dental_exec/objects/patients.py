"""Patients with everything that is folded into them: coverage, alerts, team, chart, documents."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import duckdb
from bridgework_contracts.outcomes import Reason
from bridgework_contracts.records import Provenance

from bridgework_dental_exec.cells import Row
from bridgework_dental_exec.objects.base import Builder, register_keys, street, unique_key
from bridgework_dental_exec.objects.charts import fill_chart
from bridgework_dental_exec.objects.people import read_zip
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.records import CanonicalRecord, Decided

_PARTS = ("coverage", "alert", "provider_link", "tooth_chart_row", "referral")
_PLAIN = (
    "chart_no", "account_key", "last_name", "first_name", "middle_name",
    "preferred_name", "title", "birth_date", "gender", "marital_status", "status", "email",
    "home_phone", "work_phone", "cell_phone", "city", "state", "fee_schedule", "first_visit",
    "last_visit", "last_exam", "last_bw", "last_pano", "last_fmx", "last_perio", "recall_code",
    "recall_interval", "recall_due", "referral_date", "medical_alert", "created_at", "updated_at",
)  # fmt: skip
_PHONES = ("home_phone", "work_phone", "cell_phone")
_COVER = (
    "carrier_key", "carrier_printed", "subscriber_id", "subscriber_name", "relation",
    "group_number", "effective", "term", "deductible", "annual_max",
)  # fmt: skip
_PRINTED_COVER = (
    "carrier_printed", "subscriber_id", "subscriber_name", "relation", "group_number",
    "effective", "term", "deductible",
)  # fmt: skip
_FROM_DUPLICATE = (
    "chart_no", "first_name", "middle_name", "preferred_name", "title", "birth_date", "gender",
    "marital_status", "email", "email_raw", "home_phone", "home_phone_printed", "work_phone",
    "work_phone_printed", "cell_phone", "cell_phone_printed", "provider", "hygienist",
    "first_visit", "last_visit", "last_exam", "last_bw", "last_pano", "last_fmx", "last_perio",
    "recall_code", "recall_interval", "recall_due", "referral_printed", "referral_date",
    "medical_alert", "drug_interaction", "premedication",
)  # fmt: skip
_TWO_DIGIT_YEAR = re.compile(r"(?<!\d)\d{1,2}\D+(?:\d{1,2}|[A-Za-z]+)\D+\d{2}\s*$")
_ORDINAL_NAMES = {1: "primary", 2: "secondary"}
_DAY_OF_PART = {
    "coverage": "effective",
    "alert": "since",
    "provider_link": "from",
    "tooth_chart_row": "date",
    "referral": "date",
    "document": "taken_at",
}


class PatientBuilder(Builder):
    """One record per true person."""

    object: ClassVar[str] = "patient"
    parts: ClassVar[tuple[str, ...]] = _PARTS

    def tables(self) -> set[str]:
        """Tables of patients, their parts and the documents listed with them."""
        return super().tables() | {"documents"}

    def records(self, keys: set[str] | None) -> Iterator[CanonicalRecord]:
        """Yield patients; confirmed duplicates are folded into their survivors."""
        connection = self.connect()
        try:
            skipped = self.skipped_lines(connection)
            duplicates = self._duplicate_rows(connection, keys)
            for row, children in self.folded(connection, keys, (*_PARTS, "document")):
                if not row.key or row.line in skipped or row.key in self.context.merges:
                    continue
                yield self._patient(row, children, duplicates.get(row.key, []))
        finally:
            connection.close()

    def parent_of(self, part: str, row: Row) -> str | None:
        """Return the patient a part belongs to; rows of a purged patient belong to none here."""
        day = row.values[_DAY_OF_PART[part]]
        key, code = self.context.patient_ref(row.parent_key, day)
        return None if code is not None else key

    def _duplicate_rows(
        self, connection: duckdb.DuckDBPyConnection, keys: set[str] | None
    ) -> dict[str, list[Row]]:
        merges = self.context.merges
        wanted = {d for d, s in merges.items() if keys is None or s in keys}
        if not wanted:
            return {}
        register_keys(connection, wanted)
        by_survivor: dict[str, list[Row]] = {}
        for row in self.main_rows(connection, wanted):
            by_survivor.setdefault(merges[row.key], []).append(row)
        return by_survivor

    # ------------------------------------------------------------ rows that end here

    def skipped_lines(self, connection: duckdb.DuckDBPyConnection) -> set[int]:
        """Return lines of rows that do not own their number now."""
        del connection
        return {line for n in self.context.reused.values() for line in n.other_lines}

    def decided_rows(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Decided]:
        """Yield merged duplicates, former owners of reused numbers, rows without a number."""
        repeated = self.repeated_keys(connection)
        for key, number in self.context.reused.items():
            same = set(repeated[key].same) if key in repeated else set()
            seen: Counter[str] = Counter()
            for line in number.other_lines:
                yield self._other_owner(key, line, same, seen, certain=number.certain)
        merges = self.context.merges
        if merges:
            for row in self.main_rows(connection, set(merges)):
                yield Decided(
                    object=self.object,
                    key=row.key,
                    outcome="merged",
                    merged_into=merges[row.key],
                    reason=Reason(
                        code="duplicate_confirmed",
                        sentence="A person confirmed that this is the same patient.",
                    ),
                    provenance=(Provenance(file=self.file, line=row.line),),
                )
        yield from self.keyless_rows(connection)

    def _other_owner(
        self, key: str, line: int, same: set[int], seen: Counter[str], *, certain: bool
    ) -> Decided:
        if line in same:
            return self.outcome(
                unique_key(f"{key}#again", seen), "skipped", "same_row_twice",
                "This row stands twice in the export; it was taken once.", "", line,
                merged_into=key,
            )  # fmt: skip
        if certain:
            return self.outcome(
                unique_key(f"{key}#purged", seen), "skipped", "purged_patient",
                "A deleted patient whose number was given to somebody else.",
                "Nothing to do, or restore the patient under a number of their own.", line,
            )  # fmt: skip
        return self.outcome(
            unique_key(f"{key}#other", seen), "failed", "number_used_twice",
            "Two patients have this number; only the youngest record was taken.",
            "Give one of them another number and export again.", line,
        )  # fmt: skip

    def parked_parts(self, connection: duckdb.DuckDBPyConnection, part: str) -> Iterator[Decided]:
        """Yield parts without a patient, and parts of purged patients."""
        yield from super().parked_parts(connection, part)
        if not self.context.reused:
            return
        reader = self.context.reader(part)
        column = reader.spec.parent_key.column if reader.spec.parent_key is not None else ""
        register_keys(connection, set(self.context.reused))
        where = f"WHERE regexp_replace(t.\"{column}\", '\\.0+$', '') IN (SELECT k FROM wanted)"
        seen: Counter[str] = Counter()
        for row in self.context.rows(connection, part, where):
            if self.parent_of(part, row) is None:
                key = unique_key(row.key or f"{reader.file}:{row.line}", seen)
                yield self.parked_part(part, row, f"{key}#purged", f"{row.parent_key}#purged")

    # ------------------------------------------------------------ the record

    def _patient(
        self, row: Row, children: dict[str, list[Row]], duplicates: list[Row]
    ) -> CanonicalRecord:
        for duplicate in duplicates:
            self._fill_from(row, duplicate)
        v = row.values
        fields: dict[str, Any] = {name: v[name] for name in _PLAIN}
        fields["guarantor_key"] = self.context.patient_ref(v["guarantor_key"], None)[0]
        fields["email_raw"] = v["email_raw"]
        fields["phones_raw"] = self._phones_raw(row)
        fields["street"] = street(v["address1"], v["address2"])
        fields["zip"] = read_zip(self, row, "zip", v["state"])
        fields["provider_key"] = self.provider(row, "provider")
        fields["hygienist_key"] = self.provider(row, "hygienist")
        self._check_birth_date(row, fields)
        fields["referral_source_raw"] = v["referral_printed"]
        fields["referral_source"] = self._referral(v["referral_printed"])
        fields["notes"] = "\n".join(n for n in (v["notes1"], v["notes2"]) if n) or None
        alerts = sorted(children["alert"], key=lambda r: (r.values["kind"] or "", r.line))
        fields["drug_interaction"] = self._three_valued(row, alerts, "drug_interaction", "drug")
        fields["premedication"] = self._three_valued(row, alerts, "premedication", "premed")
        fields["alerts"] = [
            {"kind": a.values["kind"], "flag": a.values["flag"], "since": a.values["since"]}
            for a in alerts
        ]
        fields["care_team"] = self._care_team(children["provider_link"])
        self._insurance(row, fields, children["coverage"])
        fill_chart(fields, children["tooth_chart_row"])
        fields["documents"] = self._documents(children["document"])
        parts = {name: len(children[name]) for name in _PARTS}
        files = {
            p: self.context.snapshot.file(self.context.profile.objects[p].table) for p in _PARTS
        }
        folded = [(files[p], child) for p in _PARTS for child in children[p]]
        folded += [(self.file, d) for d in duplicates]
        return self.record(row, fields, patient_key=row.key, parts=parts, folded=folded)

    def _fill_from(self, row: Row, duplicate: Row) -> None:
        """Take what only the merged duplicate knows; nothing known is replaced."""
        mine, theirs = row.values, duplicate.values
        taken = []
        for name in _FROM_DUPLICATE:
            if mine[name] is None and theirs[name] is not None:
                mine[name] = theirs[name]
                taken.append(name)
        if mine["address1"] is None and theirs["address1"] is not None:
            for name in ("address1", "address2", "city", "state", "zip"):
                mine[name] = theirs[name]
            taken.append("address1")
        for side in ("primary", "secondary"):
            if mine[f"{side}_carrier_printed"] is None:
                for name in _PRINTED_COVER:
                    mine[f"{side}_{name}"] = theirs[f"{side}_{name}"]
                if theirs[f"{side}_carrier_printed"] is not None:
                    taken.append(f"{side}_carrier_printed")
        for name in taken:
            column = self.spec.fields[name].column
            row.problems.append(problem(self.file, duplicate.line, column, "filled_from_duplicate"))

    def _phones_raw(self, row: Row) -> str | None:
        """Return printed phones that are no plain number, each with its field's name."""
        v = row.values
        kept = []
        for name in _PHONES:
            printed = v[f"{name}_printed"]
            if printed is None:
                continue
            value = v[name]
            digits = re.sub(r"\D", "", printed)
            plain = value is not None and digits.endswith(re.sub(r"\D", "", value))
            if (not plain or re.search(r"[A-Za-z]{2,}", re.sub(r"(?i)ext\.?", "", printed))) and (
                digits or re.search(r"[A-Za-z]", printed)
            ):
                kept.append(f"{name.replace('_', ' ')}: {printed}")
        return "; ".join(kept) or None

    def _check_birth_date(self, row: Row, fields: dict[str, Any]) -> None:
        """A two-digit birth year read as this century is 19xx where the person was seen before."""
        born = fields["birth_date"]
        printed = row.values["birth_date_printed"] or ""
        if born is None or born[:2] != "20" or not _TWO_DIGIT_YEAR.search(printed):
            return
        if (fields["marital_status"] or "").lower() in {"child", "minor"}:
            return
        seen = [d for d in (fields["first_visit"], fields["created_at"]) if d]
        if seen and born > min(seen)[:10]:
            fields["birth_date"] = f"19{born[2:]}"
            column = self.spec.fields["birth_date"].column
            row.problems.append(problem(self.file, row.line, column, "date_before_birth"))

    def _referral(self, printed: str | None) -> str | None:
        if printed is None:
            return None
        values = self.context.source.referral_values
        return values.get(printed) or values.get(printed.strip()) or printed

    def _three_valued(self, row: Row, alerts: list[Row], field: str, word: str) -> str:
        """Return Yes, No or Unknown; blank is never No, and an alert's yes outranks a no."""
        flag = row.values[field]
        raised = [
            a.values["flag"]
            for a in alerts
            if word in re.sub(r"[^a-z]", "", (a.values["kind"] or "").lower())
        ]
        column = self.spec.fields[field].column
        if True in raised:
            if flag is not True:
                row.problems.append(problem(self.file, row.line, column, "alert_wins"))
            return "Yes"
        if flag is None and False in raised:
            return "No"
        if flag is True and False in raised:
            row.problems.append(problem(self.file, row.line, column, "flag_disagrees"))
        return "Unknown" if flag is None else "Yes" if flag else "No"

    @staticmethod
    def _care_team(links: list[Row]) -> list[dict[str, Any]]:
        team = [
            {
                "provider_key": link.values["provider_key"],
                "role": link.values["role"],
                "from": link.values["from"],
                "to": link.values["to"],
            }
            for link in links
        ]
        return sorted(
            team, key=lambda t: (t["role"] or "", t["from"] or "", t["provider_key"] or "")
        )

    # ------------------------------------------------------------ insurance

    def _insurance(self, row: Row, fields: dict[str, Any], coverage: list[Row]) -> None:
        """Fill both sides: as the patient row prints them, else from the coverage list.

        A side that is printed is taken whole, so that two sources never mix in one policy; where
        the coverage list disagrees, the record says so.
        """
        by_ordinal: dict[int, Row] = {}
        others: list[Row] = []
        for cover in sorted(coverage, key=lambda c: (c.values["ordinal"] or 99, c.line)):
            ordinal = cover.values["ordinal"]
            if ordinal in _ORDINAL_NAMES and ordinal not in by_ordinal:
                by_ordinal[ordinal] = cover
            else:
                others.append(cover)
        for ordinal, side in _ORDINAL_NAMES.items():
            self._side(row, fields, side, by_ordinal.get(ordinal))
        fields["other_coverage"] = [self._cover(c) for c in others]

    def _side(self, row: Row, fields: dict[str, Any], side: str, cover: Row | None) -> None:
        v = row.values
        listed = self._cover(cover) if cover is not None else dict.fromkeys(_COVER)
        printed_name = v[f"{side}_carrier_printed"]
        printed_key = self.context.carrier_key(printed_name)
        column = self.spec.fields[f"{side}_carrier_printed"].column
        same = printed_name is None or printed_key is None or listed["carrier_key"] in {
            None, printed_key
        }  # fmt: skip
        if printed_name is not None and cover is not None:
            differs = not same or any(
                (v[f"{side}_{name}"] or "") != (listed[name] or "")
                for name in ("subscriber_id", "effective", "term")
            )
            if differs:
                row.problems.append(problem(self.file, row.line, column, "coverage_differs"))
        for name in _PRINTED_COVER:
            fields[f"{side}_{name}"] = (
                v[f"{side}_{name}"] if printed_name is not None else listed[name]
            )
        fields[f"{side}_carrier_key"] = printed_key or (listed["carrier_key"] if same else None)
        fields[f"{side}_annual_max"] = listed["annual_max"] if same else None
        if printed_name is not None and printed_key is None:
            # Also where the coverage list names one: which of the two is right, a person says.
            row.problems.append(
                problem(self.file, row.line, column, "carrier_unknown", printed_name)
            )

    def _cover(self, cover: Row) -> dict[str, Any]:
        """Return one row of the coverage list in the words of the patient row."""
        v = cover.values
        plan = self.context.plans.get(v["plan_key"] or "")
        carrier_key = plan.carrier_key if plan is not None else None
        carrier = self.context.carriers.get(carrier_key or "")
        return {
            "carrier_key": carrier_key,
            "carrier_printed": carrier.names[0] if carrier and carrier.names else None,
            "subscriber_id": v["subscriber_id"],
            "subscriber_name": None,
            "relation": v["relation"],
            "group_number": plan.group_number if plan is not None else None,
            "effective": v["effective"],
            "term": v["term"],
            "deductible": plan.deductible if plan is not None else None,
            "annual_max": plan.annual_max if plan is not None else None,
            "ordinal": v["ordinal"],
            "subscriber_key": self.context.patient_ref(v["subscriber_key"], None)[0],
        }

    # ------------------------------------------------------------ documents

    @staticmethod
    def _documents(rows: list[Row]) -> list[dict[str, Any]]:
        found = []
        for row in rows:
            v = row.values
            path = (v["path"] or "").replace("\\", "/")
            found.append(
                {
                    "key": row.key,
                    "name": path.rsplit("/", 1)[-1] or None,
                    "category": v["category"],
                    "taken_at": v["taken_at"],
                    "teeth": v["teeth"],
                }
            )
        return sorted(found, key=lambda d: (d["taken_at"] or "", len(d["key"]), d["key"]))
