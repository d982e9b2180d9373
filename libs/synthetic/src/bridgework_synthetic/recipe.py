"""What a practice is made from. The same recipe gives the same bytes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

DialectName = Literal["a", "b", "c", "d"]
Injection = Literal[
    "missing column", "unparsable date row", "unknown carrier", "provider without user"
]

DEFAULT_EXPORTED_AT: Final = datetime(2026, 11, 20, 18, 30)  # noqa: DTZ001 - wall clock at the office


@dataclass(frozen=True, slots=True)
class Evolution:
    """One later export of the same practice: how much happened until then."""

    seed: int
    exported_at: datetime
    changed: float = 0.03
    added: float = 0.01
    deleted: float = 0.003
    first_numbers: dict[str, int] = field(default_factory=dict)
    """Per file the first number free for new rows; what the export before it had used up."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Arguments of :func:`bridgework_synthetic.generate`, plus the evolutions since."""

    patients: int
    seed: int
    dialect: DialectName = "a"
    defects: float = 0.0
    exported_at: datetime = DEFAULT_EXPORTED_AT
    images: bool = True
    documents: bool = True
    perio: bool = True
    inject: tuple[Injection, ...] = ()
    evolutions: tuple[Evolution, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arguments that make no practice.

        Raises:
            ValueError: A number out of range, an unknown dialect or injection.
        """
        if self.patients < 1:
            raise ValueError("patients must be at least 1")
        if not 0 <= self.defects <= 10:
            raise ValueError("defects is a factor between 0 and 10")
        if self.dialect not in get_args(DialectName):
            raise ValueError(f"no such dialect: {self.dialect}")
        for name in self.inject:
            if name not in get_args(Injection):
                raise ValueError(f"no such injection: {name}")

    @property
    def now(self) -> datetime:
        """When the latest export was taken."""
        return self.evolutions[-1].exported_at if self.evolutions else self.exported_at

    def to_json(self) -> dict[str, Any]:
        """Everything needed to make the practice again."""
        plain = asdict(self)
        plain["exported_at"] = self.exported_at.isoformat(timespec="minutes")
        plain["inject"] = list(self.inject)
        plain["evolutions"] = [
            {**step, "exported_at": step["exported_at"].isoformat(timespec="minutes")}
            for step in plain["evolutions"]
        ]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Recipe:
        """The recipe a truth file was written with."""
        return cls(
            **{
                **plain,
                "exported_at": datetime.fromisoformat(plain["exported_at"]),
                "inject": tuple(plain["inject"]),
                "evolutions": tuple(
                    Evolution(
                        **{**step, "exported_at": datetime.fromisoformat(step["exported_at"])}
                    )
                    for step in plain["evolutions"]
                ),
            }
        )
