"""Faults on demand: seeded, scripted over the admin API, tried in the order they were added."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from .errors import Json

Kind = Literal[
    "latency",
    "stall",
    "error",
    "too_many",
    "html",
    "drop",
    "slow_body",
    "partial",
    "expire_tokens",
    "stuck_job",
    "fail_job",
]


JOB_KINDS = frozenset({"stuck_job", "fail_job"})


class Latency(BaseModel):
    """How long answers take, in seconds."""

    model_config = ConfigDict(extra="forbid")

    distribution: Literal["fixed", "uniform", "exponential", "lognormal"] = "fixed"
    mean_s: NonNegativeFloat = 0.1
    spread_s: NonNegativeFloat = Field(default=0.0, description="half width, or sigma of the log")

    def sample(self, source: random.Random) -> float:
        """Return one duration."""
        if self.distribution == "uniform":
            return max(
                0.0, source.uniform(self.mean_s - self.spread_s, self.mean_s + self.spread_s)
            )
        if self.distribution == "exponential":
            return source.expovariate(1 / self.mean_s) if self.mean_s else 0.0
        if self.distribution == "lognormal":
            return self.mean_s * source.lognormvariate(0.0, self.spread_s)
        return self.mean_s


class FaultSpec(BaseModel):
    """One scripted fault: what it does, to which calls, how often.

    ``when`` says whether the call takes effect: ``before`` commit it does not, ``after`` it does
    and only the answer is lost or replaced.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    when: Literal["before", "after"] = "before"
    method: str | None = None
    path: str | None = Field(default=None, description="regular expression, searched in the path")
    operation: str | None = Field(default=None, description="name from the table of operations")
    module: str | None = None
    probability: float = Field(default=1.0, ge=0.0, le=1.0)
    seed: int = 0
    skip: NonNegativeInt = Field(default=0, description="matching calls let through first")
    times: PositiveInt | None = Field(default=None, description="fires this often, then never")
    status: int = Field(default=500, ge=200, le=599)
    code: str = "INTERNAL_ERROR"
    message: str = "Internal Server Error"
    details: Json = Field(default_factory=dict)
    latency: Latency = Field(default_factory=Latency)
    seconds: NonNegativeFloat = Field(default=1200.0, description="stall, in virtual time")
    elements: list[NonNegativeInt] = Field(
        default_factory=lambda: [0],
        min_length=1,
        description="partial: positions that fail; fail_job: rows written before the job fails",
    )
    bytes_per_second: PositiveInt = Field(default=1000, description="slow_body")


@dataclass(slots=True)
class Fault:
    """A fault with its own random source and counters."""

    id: int
    spec: FaultSpec
    source: random.Random
    pattern: re.Pattern[str] | None
    seen: int = 0
    fired: int = 0

    def strikes(self, method: str, path: str, operation: str, module: str | None) -> bool:
        """Return whether the fault hits this call, and count it."""
        spec = self.spec
        if (
            (spec.method is not None and spec.method != method)
            or (spec.operation is not None and spec.operation != operation)
            or (spec.module is not None and spec.module != module)
            or (self.pattern is not None and self.pattern.search(path) is None)
        ):
            return False
        self.seen += 1
        if self.seen <= spec.skip or (spec.times is not None and self.fired >= spec.times):
            return False
        if spec.probability < 1.0 and self.source.random() >= spec.probability:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class FaultBook:
    """The faults of one org."""

    faults: list[Fault] = field(default_factory=list)
    next_id: int = 1

    def add(self, spec: FaultSpec) -> Fault:
        """Add a fault.

        Raises:
            re.error: when ``path`` is no regular expression.
        """
        pattern = None if spec.path is None else re.compile(spec.path)
        fault = Fault(self.next_id, spec, random.Random(spec.seed), pattern)  # noqa: S311 - repeatable on purpose
        self.next_id += 1
        self.faults.append(fault)
        return fault

    def remove(self, fault_id: int) -> bool:
        """Remove a fault; false when there is none."""
        kept = [fault for fault in self.faults if fault.id != fault_id]
        found = len(kept) < len(self.faults)
        self.faults = kept
        return found

    def striking(self, method: str, path: str, operation: str, module: str | None) -> list[Fault]:
        """Return the faults that hit this call."""
        if not self.faults:
            return []
        return [
            f
            for f in self.faults
            if f.spec.kind not in JOB_KINDS and f.strikes(method, path, operation, module)
        ]

    def striking_job(self, operation: str, module: str) -> list[Fault]:
        """Return the job faults that hit a background job at its start."""
        return [
            f
            for f in self.faults
            if f.spec.kind in JOB_KINDS and f.strikes("JOB", operation, operation, module)
        ]
