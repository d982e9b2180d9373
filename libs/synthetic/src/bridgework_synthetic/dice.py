"""Every choice of a practice comes from named dice, so that the same arguments give the same bytes.

Each household throws its own dice (named by its number), so the tenth household is the same
whether ten or ten thousand are made.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Seeded choices: ``chance``, ``pick``, ``weighted`` and their kin."""

    __slots__ = ("_random", "random")

    def __init__(self, *name: object) -> None:
        """Name the dice; equal names throw equal sequences."""
        source = random.Random("|".join(map(str, name)))  # noqa: S311 - invented data, no secret
        self._random = source
        self.random = source.random

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all alike."""
        return options[int(self.random() * len(options))]

    def weighted(self, options: Sequence[tuple[T, float]]) -> T:
        """One of the options by weight; the weights need not add up to one."""
        left = self.random() * sum(weight for _, weight in options)
        for option, weight in options:
            left -= weight
            if left < 0:
                return option
        return options[-1][0]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """Up to ``count`` different options."""
        return self._random.sample(list(options), min(count, len(options)))

    def shuffle(self, items: list[T]) -> None:
        """Reorder in place."""
        self._random.shuffle(items)

    def day(self, first: date, last: date) -> date:
        """A day, both ends included."""
        return first + timedelta(days=self.between(0, max(0, (last - first).days)))

    def money(self, low: float, high: float) -> Decimal:
        """An amount with two decimals."""
        return Decimal(round((low + self.random() * (high - low)) * 100)) / 100

    def digits(self, count: int) -> str:
        """A string of decimal digits, leading zeros possible."""
        return f"{int(self.random() * 10**count):0{count}d}"
