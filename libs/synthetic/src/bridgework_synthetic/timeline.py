"""Households from the first export to the latest: founded once, passed through every evolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bridgework_synthetic.history import Step, change_small_files
from bridgework_synthetic.injection import Injector
from bridgework_synthetic.ledger import settle
from bridgework_synthetic.population import Population
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.recipe import Recipe
from bridgework_synthetic.rows import Household, Row

_NEWCOMERS_FROM: Final = 10_000_000
"""Household numbers of people who came after the first export start here, per evolution."""


class Timeline:
    """A practice at its latest export, and every household as it was one export before."""

    def __init__(self, base: Practice, recipe: Recipe) -> None:
        """``base`` is the practice as founded; ``recipe`` has the evolutions."""
        self._base = base
        self._recipe = recipe
        self._population = Population(base)
        self._injector = Injector(base)
        self._injector.small_files()
        self.without = self._injector.without
        self.steps = [Step(replace(base, as_of=e.exported_at), e) for e in recipe.evolutions]
        self.small_before: dict[str, list[Row]] = {}
        rows = base.rows
        for step in self.steps:
            self.small_before = rows
            rows = change_small_files(replace(base, rows=rows), step.evolution)
        self.practice = replace(base, recipe=recipe, as_of=recipe.now, rows=rows)

    @property
    def next_numbers(self) -> dict[str, int]:
        """What a following export may number its new rows with; true after the last household."""
        last = self.steps[-1].numbers if self.steps else self._population.numbers
        return dict(last.next_free)

    def households(self) -> Iterator[tuple[Household | None, Household | None]]:
        """Each household one export before, and now; ``None`` where it was not there.

        The earlier state is settled; it is ``None`` throughout where there is only one export.
        """
        for household in self._population:
            self._injector.household(household)
            yield self._lived(household, 0)
        self._injector.finished()
        for place, step in enumerate(self.steps):
            people = round(self._recipe.patients * step.evolution.added)
            for household in step.newcomers(people, _NEWCOMERS_FROM * (place + 1)):
                yield self._lived(household, place + 1)

    def _lived(self, household: Household, since: int) -> tuple[Household | None, Household | None]:
        if not self.steps:
            return None, household
        if since == len(self.steps):
            return None, household
        now: Household | None = household
        for step in self.steps[since:-1]:
            now = step.household(now) if now else None
        if now is None:
            return None, None
        after = self.steps[-1].household(now)
        earlier = self._recipe.evolutions[:-1]
        then = earlier[-1].exported_at if earlier else self._recipe.exported_at
        settle(now, then.date())
        return now, after
