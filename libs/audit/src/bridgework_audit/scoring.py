"""The complexity score: six drivers, each shown with what went in and what it added."""

import math
from dataclasses import dataclass
from typing import Any

from bridgework_audit.facts import PracticeFacts
from bridgework_audit.rules import DRIVERS, GRADES, Grade, Rules

_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What the audit counted; the estimator sees numbers only.

    Attributes:
        objects: Business objects that hold records.
        custom_modules: Of those, the ones whose module we make.
        splits_or_merges: Objects put together from several files, or taken apart.
        no_home: Files with rows that end nowhere.
        clinical_no_home: Of those, the clinical ones.
        fields: Lines of the mapping; ``unclear_fields`` have an open value map or no home.
        records: Records and files to write.
        files: Files to write; ``file_bytes`` together, ``over_limit_files`` too large for the org.
        duplicate_pct: Duplicate patients per 100 patients.
        orphan_pct: Rows whose parent is missing, per 100 rows.
        unparsable_pct: Rows with a value that could not be read, per 100 rows.
        ledger_mismatch_pct: Accounts whose ledger does not sum, per 100 accounts.
        locations: Offices.
        dialects: Different ways the files are printed (encoding, delimiter, quoting).
        unstable_keys: A table without its key column, or keys given out twice.
    """

    objects: int
    custom_modules: int
    splits_or_merges: int
    no_home: int
    fields: int
    unclear_fields: int
    records: int
    clinical_no_home: int = 0
    files: int = 0
    file_bytes: int = 0
    over_limit_files: int = 0
    duplicate_pct: float = 0.0
    orphan_pct: float = 0.0
    unparsable_pct: float = 0.0
    ledger_mismatch_pct: float = 0.0
    locations: int = 1
    dialects: int = 1
    unstable_keys: bool = False

    @property
    def file_gb(self) -> float:
        """Size of the files in gigabytes (10^9)."""
        return self.file_bytes / _GB


@dataclass(frozen=True, slots=True)
class Part:
    """One reason a driver has points."""

    what: str
    value: float
    points: float


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver: its 0-100 value, and the share of it that enters the score."""

    name: str
    value: float
    weight: float
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        """What the driver adds to the score."""
        return self.value * self.weight

    def as_dict(self) -> dict[str, Any]:
        """Return the driver as the report shows it."""
        return {
            "driver": self.name,
            "value": round(self.value, 1),
            "weight": self.weight,
            "points": round(self.points, 2),
            "parts": [
                {"what": p.what, "value": round(p.value, 2), "points": round(p.points, 2)}
                for p in self.parts
            ],
        }


@dataclass(frozen=True, slots=True)
class Score:
    """The score, the grade it gives, the triggers that lifted it, and the grade that holds."""

    value: float
    drivers: tuple[Driver, ...]
    grade_by_score: Grade
    triggers: tuple[tuple[Grade, str, str], ...]
    grade: Grade

    @property
    def grade_index(self) -> int:
        """0 for A to 4 for E."""
        return GRADES.index(self.grade)


def score(measured: Measured, facts: PracticeFacts, rules: Rules) -> Score:
    """Score an export. More of anything that counts never lowers it."""
    parts = {
        "object_fit": _object_fit(measured, rules),
        "mapping": _mapping(measured),
        "access": [Part(facts.access, 1, rules.access[facts.access])],
        "volume": _volume(measured, rules),
        "quality": _quality(measured, rules),
        "cutover": _cutover(measured, facts, rules),
    }
    drivers = tuple(
        Driver(
            name,
            _clamp(sum(p.points for p in parts[name])),
            rules.weights[name],
            tuple(parts[name]),
        )
        for name in DRIVERS
    )
    value = sum(driver.points for driver in drivers)
    by_score = next(r.grade for r in rules.grades if r.below is None or value < r.below)
    fired = tuple(
        (t.grade, t.code, t.sentence)
        for t in rules.triggers
        if _fires(t.code, t.above, measured, facts, rules)
    )
    grade = max([by_score, *(t[0] for t in fired)], key=GRADES.index)
    return Score(value, drivers, by_score, fired, grade)


def _clamp(value: float) -> float:
    return min(100.0, max(0.0, value))


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0


def _object_fit(m: Measured, rules: Rules) -> list[Part]:
    rule = rules.object_fit
    counted = (
        ("custom modules", m.custom_modules, rule.custom_module),
        ("objects split or merged", m.splits_or_merges, rule.split_or_merge),
        ("files without a home", m.no_home, rule.no_home),
    )
    return [Part(what, n, _percent(n * each, m.objects)) for what, n, each in counted]


def _mapping(m: Measured) -> list[Part]:
    return [Part(f"of {m.fields} fields unclear", m.unclear_fields,
                 _percent(m.unclear_fields, m.fields))]  # fmt: skip


def _volume(m: Measured, rules: Rules) -> list[Part]:
    rule = rules.volume
    ratio = m.records / rule.from_records
    points = _clamp(rule.per_decade * math.log10(ratio)) if ratio > 1 else 0.0
    large = m.file_gb > rule.large_files_gb
    return [
        Part("records", m.records, points),
        Part("GB of files", m.file_gb, rule.large_files_points if large else 0.0),
        Part(
            "files above the destination's limit",
            m.over_limit_files,
            rule.over_limit_points if m.over_limit_files else 0.0,
        ),
    ]


def _quality(m: Measured, rules: Rules) -> list[Part]:
    rule = rules.quality
    counted = (
        ("% duplicate patients", m.duplicate_pct, rule.duplicate),
        ("% orphan rows", m.orphan_pct, rule.orphan),
        ("% rows with an unparsable value", m.unparsable_pct, rule.unparsable),
        ("% accounts that do not sum", m.ledger_mismatch_pct, rule.ledger_mismatch),
    )
    return [Part(what, share, share * each) for what, share, each in counted]


def _cutover(m: Measured, facts: PracticeFacts, rules: Rules) -> list[Part]:
    rule = rules.cutover
    short = facts.window_h < rule.short_window_below_h
    return [
        Part("health information", float(facts.phi), rule.phi * facts.phi),
        Part("locations", m.locations, rule.locations if m.locations > 1 else 0.0),
        Part("hours to cut over", facts.window_h, rule.short_window if short else 0.0),
        Part("no sandbox", float(not facts.sandbox), rule.no_sandbox * (not facts.sandbox)),
    ]


def _fires(code: str, above: float | None, m: Measured, facts: PracticeFacts, rules: Rules) -> bool:
    over = math.inf if above is None else above
    tests = {
        "unstable_keys": facts.delta and (m.unstable_keys or not facts.stable_keys),
        "records_above": m.records > over,
        "files_gb_above": m.file_gb > over,
        "locations_above": m.locations > over,
        "no_machine_readable_export": facts.access == "none",
        "edition_without_api": not rules.editions[facts.edition].api,
        "clinical_no_home": m.clinical_no_home > 0,
    }
    return bool(tests[code])
