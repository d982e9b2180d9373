"""The estimator's rule set: numbers a reviewer can read, checked whole when it is loaded."""

import hashlib
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from bridgework_contracts.errors import ConfigurationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

Grade = Literal["A", "B", "C", "D", "E"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "E")
DRIVERS = ("object_fit", "mapping", "access", "volume", "quality", "cutover")
DEFAULT_RULES = "estimator_v1"


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class _Table(BaseModel):
    """One part of the rule set; a key nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ObjectFit(_Table):
    """Points per object that does not simply land in a module Zoho has."""

    custom_module: float
    split_or_merge: float
    no_home: float


class Volume(_Table):
    """Points per power of ten of records, and for heavy files."""

    per_decade: float
    from_records: int
    large_files_gb: float
    large_files_points: float
    over_limit_points: float


class Quality(_Table):
    """Points per percent of each defect."""

    duplicate: float
    orphan: float
    unparsable: float
    ledger_mismatch: float


class Cutover(_Table):
    """Points for what makes the switch itself delicate."""

    phi: float
    locations: float
    short_window: float
    no_sandbox: float
    short_window_below_h: float


class GradeRule(_Table):
    """A grade and the score it ends below; ``None`` = no end."""

    grade: Grade
    below: float | None
    name: str
    meaning: str


class Trigger(_Table):
    """What lifts a grade whatever the score."""

    code: str
    grade: Grade
    sentence: str
    above: float | None = None


class EditionRule(_Table):
    """Daily credits of an edition."""

    base: int
    per_user: int
    ceiling: int | None
    api: bool


class CreditRules(_Table):
    """What calls cost."""

    records_per_credit: int
    bulk_job: int
    bulk_job_records: int
    file: int
    bulk_read_job: int
    bulk_read_records: int
    list_read_records: int


class AuditDays(_Table):
    """Days of the audit step."""

    base: float
    per_object: float
    least: float
    most: float


class ProvisionDays(_Table):
    """Days of building modules and fields by hand."""

    base: float
    per_custom_module: float


class SampleDays(_Table):
    """Days of rehearsal and its reviews."""

    base: float
    per_review_cycle: float


class FullRunRates(_Table):
    """How fast the full run is taken to go."""

    records_per_s: float
    file_gb_per_day: float


class ValidateDays(_Table):
    """Days of validation; ``more`` from a grade on."""

    base: float
    from_grade: Grade
    more: float


class DeltaDays(_Table):
    """Days of the delta pick-up window."""

    least: float
    most: float


class Timeline(_Table):
    """Business days per step."""

    audit: AuditDays
    mapping_fields_per_day: float
    provision: ProvisionDays
    sample: SampleDays
    full_run: FullRunRates
    validate_step: ValidateDays = Field(alias="validate")
    delta: DeltaDays
    spread_per_grade: float


class Destination(_Table):
    """Limits assumed until the org's own are read."""

    attachment_limit_bytes: int


class Band(_Table):
    """Records a base price covers."""

    name: str
    most: int


class FileBand(_Table):
    """Gigabytes an add-on covers; ``None`` = no end."""

    name: str
    most_gb: float | None
    amount: int


class AddOns(_Table):
    """What is paid beside the base."""

    file_bands: Annotated[tuple[FileBand, ...], BeforeValidator(_tuple)]
    extra_location: int
    extra_dialect: int
    extra_rehearsal: int
    out_of_hours_window: int


class Price(_Table):
    """The price table; a grade without a row is quoted by people."""

    currency: str
    valid_days: int
    bands: Annotated[tuple[Band, ...], BeforeValidator(_tuple)]
    base: dict[Grade, Annotated[tuple[int, ...], BeforeValidator(_tuple)]]
    add_ons: AddOns
    assumptions: Annotated[tuple[str, ...], BeforeValidator(_tuple)]
    exclusions: Annotated[tuple[str, ...], BeforeValidator(_tuple)]


class Rules(_Table):
    """A whole rule set. ``digest`` is the sha256 (hex) of the file it was read from."""

    version: str
    digest: str
    weights: dict[str, float]
    object_fit: ObjectFit
    access: dict[str, float]
    volume: Volume
    quality: Quality
    cutover: Cutover
    grades: Annotated[tuple[GradeRule, ...], BeforeValidator(_tuple)]
    triggers: Annotated[tuple[Trigger, ...], BeforeValidator(_tuple)]
    editions: dict[str, EditionRule]
    credits: CreditRules
    timeline: Timeline
    destination: Destination
    price: Price

    @model_validator(mode="after")
    def _check(self) -> "Rules":
        if set(self.weights) != set(DRIVERS) or abs(sum(self.weights.values()) - 1) > 1e-9:  # noqa: PLR2004  # rounding
            raise ValueError("the weights name the six drivers and add up to 1")
        if tuple(rule.grade for rule in self.grades) != GRADES:
            raise ValueError("the grades are A to E, in order")
        ends = [rule.below for rule in self.grades[:-1]]
        if None in ends or ends != sorted(ends, key=lambda end: end or 0.0):
            raise ValueError("each grade but the last ends below a score, rising")
        if self.grades[-1].below is not None:
            raise ValueError("the last grade has no end")
        if any(len(row) != len(self.price.bands) for row in self.price.base.values()):
            raise ValueError("each grade has a base price per band")
        return self


@cache
def load_rules(name: str = DEFAULT_RULES) -> Rules:
    """Load a rule set shipped with this package.

    Raises:
        ConfigurationError: No such rule set, or one that does not hold together.
    """
    place = resources.files("bridgework_audit") / "rules" / f"{name}.yaml"
    if not name.isidentifier() or not place.is_file():
        raise ConfigurationError(f"There is no rule set named {name!r}.")
    return parse_rules(place.read_text(encoding="utf-8"))


def parse_rules(text: str) -> Rules:
    """Check a rule set given as YAML text.

    Raises:
        ConfigurationError: Not a rule set; the message names the first place that is wrong.
    """
    try:
        data = yaml.safe_load(text)
        if not isinstance(data, dict):
            raise ConfigurationError("A rule set is a mapping.")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Rules.model_validate(data | {"digest": digest})
    except yaml.YAMLError as exc:
        raise ConfigurationError("The rule set is not YAML.") from exc
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "rule set"
        raise ConfigurationError(f"Rule set: {place}: {first['msg']}.") from None
