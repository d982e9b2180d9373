"""From a profile's ``parser(column)`` to a compiled reader of one object's rows.

Compiled once per object and run; per row it is a loop over a short list of functions. Parsers of
values that repeat (dates, money, codes) remember what they have read.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from bridgework_contracts.records import Problem

from bridgework_dental_exec.date_rules import DateRules
from bridgework_dental_exec.parsers.codes import parse_code
from bridgework_dental_exec.parsers.contact import parse_email
from bridgework_dental_exec.parsers.dates import (
    parse_date,
    parse_moment,
    parse_month,
    parse_time,
)
from bridgework_dental_exec.parsers.money import parse_int, parse_money
from bridgework_dental_exec.parsers.phones import parse_phone
from bridgework_dental_exec.parsers.teeth import parse_surface, parse_tooth
from bridgework_dental_exec.parsers.text import clean_text, parse_flag, parse_key
from bridgework_dental_exec.problems import problem
from bridgework_dental_exec.profile import Cell, ChoiceDef, ObjectDef, Profile

Parser = Callable[[str], tuple[Any, str | None]]
_MEMO_ENTRIES = 50_000
_QUIET = frozenset({"code_normalised", "phone_extension", "surface_reordered", "email_case"})
"""Normalisations too common to list per record; the audit counts them from the raw cells."""


def remembered(parse: Parser) -> Parser:
    """Return the parser with a bounded memory of what it has read."""
    memo: dict[str, tuple[Any, str | None]] = {}

    def read(text: str) -> tuple[Any, str | None]:
        hit = memo.get(text)
        if hit is None:
            if len(memo) >= _MEMO_ENTRIES:
                memo.clear()
            hit = memo[text] = parse(text)
        return hit

    return read


def _raw(text: str) -> tuple[str | None, str | None]:
    return text, None


def _choice(choice: ChoiceDef) -> Parser:
    def read(text: str) -> tuple[str | None, str | None]:
        bare = " ".join(text.split())
        known = choice.values.get(bare.lower())
        if known is not None:
            return known, None
        return (None if choice.strict else bare or None), "choice_unknown"

    return read


def _teeth(text: str) -> tuple[str | None, str | None]:
    return parse_tooth(text)


class CellParsers:
    """Builds the parser of each cell of a profile, with the run's date rules and code list."""

    def __init__(
        self, profile: Profile, rules: DateRules, office_codes: Container[str] = ()
    ) -> None:
        self._profile = profile
        self._rules = rules
        self._office = office_codes

    def parser(self, table: str, cell: Cell) -> Parser:
        """Return the parser of one cell of a table."""
        rule = self._rules.rule(table, cell.column)
        office = self._office
        made: dict[str, Parser] = {
            "raw": _raw,
            "text": clean_text,
            "key": parse_key,
            "email": parse_email,
            "flag": remembered(parse_flag),
            "int": remembered(parse_int),
            "money": remembered(parse_money),
            "phone": parse_phone,
            "time": remembered(parse_time),
            "tooth": remembered(_teeth),
            "teeth": remembered(_teeth),
            "surface": remembered(parse_surface),
            "code": remembered(lambda text: parse_code(text, office)),
            "date": remembered(lambda text: parse_date(text, rule)),
            "moment": remembered(lambda text: parse_moment(text, rule)),
            "month": remembered(lambda text: parse_month(text, rule)),
        }
        if cell.parser == "choice":
            return remembered(_choice(self._profile.choices[cell.choice]))
        return made[cell.parser]

    def swapped(self, table: str, cell: Cell) -> Parser:
        """Return the parser of a date cell inside a block written in the other order."""
        rule = self._rules.other_order(table, cell.column)
        read = parse_date if cell.parser == "date" else parse_moment

        def parse(text: str) -> tuple[Any, str | None]:
            value, code = read(text, rule)
            return value, code or "date_swapped_block"

        return remembered(parse)


@dataclass(slots=True)
class Row:
    """One row of a table, read.

    Attributes:
        line: Physical line in the file.
        key: Source key; parts of a composite key are joined by ``|``; empty where it is blank.
        parent_key: Key of the row a part belongs to, ``None`` where blank or not a part.
        values: Canonical field → value.
        problems: What was odd.
    """

    line: int
    key: str
    parent_key: str | None
    values: dict[str, Any]
    problems: list[Problem]


class RowReader:
    """Reads rows of one object from tuples of cells in the order of ``columns``."""

    def __init__(
        self,
        spec: ObjectDef,
        file: str,
        parsers: CellParsers,
        *,
        swapped: Mapping[str, frozenset[int]],
    ) -> None:
        self.spec = spec
        self.file = file
        cells = [*spec.key, *spec.fields.values()]
        if spec.parent_key is not None:
            cells.append(spec.parent_key)
        self.columns = tuple(dict.fromkeys(c.column for c in cells))
        at = {column: i for i, column in enumerate(self.columns)}
        self._fields = [
            (name, at[c.column], parsers.parser(spec.table, c), c.column)
            for name, c in spec.fields.items()
        ]
        self._key = [(at[c.column], parsers.parser(spec.table, c)) for c in spec.key]
        self._parent = (
            (at[spec.parent_key.column], parsers.parser(spec.table, spec.parent_key))
            if spec.parent_key is not None
            else None
        )
        self._swapped = {
            name: (lines, parsers.swapped(spec.table, c))
            for name, c in spec.fields.items()
            if c.parser in {"date", "moment"} and (lines := swapped.get(c.column))
        }

    def key_of(self, cells: tuple[str | None, ...]) -> str:
        """Return a row's key."""
        if len(self._key) == 1:
            at, parse = self._key[0]
            text = cells[at]
            return "" if text is None else parse(text)[0] or ""
        parts = []
        for at, parse in self._key:
            text = cells[at]
            parts.append("" if text is None else str(parse(text)[0] or ""))
        return "|".join(parts) if any(parts) else ""

    def read(self, cells: tuple[str | None, ...], line: int, *, keyed: bool = True) -> Row:
        """Read one row; a row that is only folded into another needs no key of its own."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, at, parse, column in self._fields:
            text = cells[at]
            if text is None:
                values[name] = None
                continue
            value, code = parse(text)
            values[name] = value
            if code is not None and code not in _QUIET:
                problems.append(problem(self.file, line, column, code, text))
        for name, (lines, parse) in self._swapped.items():
            if line in lines:
                self._reread(name, parse, cells, line, values, problems)
        parent = None
        if self._parent is not None:
            text = cells[self._parent[0]]
            parent = None if text is None else self._parent[1](text)[0]
        return Row(line, self.key_of(cells) if keyed else "", parent, values, problems)

    def _reread(
        self,
        name: str,
        parse: Parser,
        cells: tuple[str | None, ...],
        line: int,
        values: dict[str, Any],
        problems: list[Problem],
    ) -> None:
        """Read a date of a block that one workstation wrote in the other order."""
        column = self.spec.fields[name].column
        text = cells[self.columns.index(column)]
        if text is None:
            return
        value, code = parse(text)
        if value is None:
            return
        values[name] = value
        problems[:] = [p for p in problems if p.field != column]
        problems.append(problem(self.file, line, column, code or "date_swapped_block", text))
