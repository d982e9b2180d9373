"""The stream of households: founded, charted, billed, papered, struck by defects, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from bridgework_synthetic.damage import Damage
from bridgework_synthetic.dice import Dice
from bridgework_synthetic.duplicates import add_duplicates
from bridgework_synthetic.families import Family, found_family
from bridgework_synthetic.ledger import Books
from bridgework_synthetic.notes import NoteBook
from bridgework_synthetic.numbering import Numbers
from bridgework_synthetic.paperwork import Archive, add_perio, add_tasks
from bridgework_synthetic.patients import add_people
from bridgework_synthetic.practice import Practice
from bridgework_synthetic.quota import Quotas
from bridgework_synthetic.rows import Household
from bridgework_synthetic.visits import Chart, Visit


class Population:
    """All households of the first export, in order; ``numbers`` are used up as they pass."""

    def __init__(self, practice: Practice) -> None:
        """Iterate once."""
        recipe = practice.recipe
        self._practice = practice
        self.numbers = Numbers()
        self._quotas = Quotas(recipe.seed, recipe.defects, recipe.patients)
        self._archive = Archive(practice, self.numbers, self._quotas)
        self._damage = Damage(practice, self.numbers, self._quotas)

    def __iter__(self) -> Iterator[Household]:
        """Households until the recipe's number of people is reached."""
        left = self._practice.recipe.patients
        index = 0
        while left > 0:
            dice = Dice(self._practice.recipe.seed, "household", index)
            family = found_family(self._practice, dice, self.numbers, self._quotas, left)
            left -= len(family.people)
            yield self._household(index, family, dice)
            index += 1

    def _household(self, index: int, family: Family, dice: Dice) -> Household:
        practice, numbers = self._practice, self.numbers
        household = Household(index, facts={"family": family})
        add_people(practice, household, family, dice, numbers)
        visits: list[Visit] = []
        book = NoteBook(practice, household, dice, numbers, self._quotas)
        for person in family.people:
            seen = Chart(practice, household, person, dice, numbers).fill()
            book.write(person, seen)
            add_tasks(practice, household, person, dice, numbers)
            if practice.recipe.perio:
                add_perio(household, person, seen, dice, numbers)
            if practice.recipe.documents:
                self._archive.file(household, person, seen, dice)
            visits += seen
        visits.sort(key=lambda visit: visit.at)
        Books(practice, household, family, dice, numbers).keep(visits)
        add_duplicates(practice, household, family, dice, numbers, self._quotas)
        self._damage.strike(household, dice)
        return household
