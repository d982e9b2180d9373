"""Patients who may be one person, and patients who only look alike; a person decides both.

Proposals come from the source library. Look-alikes are named so that nobody merges them later:
twins (same household, last name and birth date) and namesakes of two generations (same household
and name, birth dates a generation apart, or another suffix). Namesakes of one generation are put
down as unclear: nothing tells two people from one with a wrong birth date.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Final

import duckdb
from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.duplicates import Identity, identities, propose
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.snapshot import LINE, Snapshot

from bridgework_audit.book import DefectBook, Place

_CROWD: Final = 40
"""More people than this under one trait are no household."""
_OTHER_BIRTHDAY: Final = "birth date other"
"""Evidence of a proposal that rests on everything but the birth date: a father and a son."""
_TWINS: Final = "Same household, last name and birth date, another first name."
_NAMESAKES: Final = "Same household and name, another generation."
_UNCLEAR: Final = (
    "Decide whether they are two people, or one with a wrong birth date. "
    "Same household and name, birth dates less than a generation apart."
)
_GENERATION_YEARS: Final = 14


def add_people_defects(
    book: DefectBook,
    source: CanonicalSource,
    connection: duckdb.DuckDBPyConnection,
    lines: Mapping[str, int],
) -> None:
    """Put down duplicates, look-alikes and chart numbers that two people have.

    Args:
        book: Where defects are put down.
        source: The canonical source.
        connection: A connection of its snapshot.
        lines: Patient key → line of its row.
    """
    people = list(identities(source))
    by_key = {person.key: person for person in people}
    file = source.snapshot.file("patients")
    same: set[frozenset[str]] = set()
    second: dict[str, str] = {}
    apart: dict[frozenset[str], tuple[str, str, str]] = {}
    for pair in propose(people):
        if _OTHER_BIRTHDAY in pair.evidence:
            why = _namesakes(by_key[pair.keep], by_key[pair.duplicate])
            apart[frozenset((pair.keep, pair.duplicate))] = (why, pair.keep, pair.duplicate)
            continue
        same.add(frozenset((pair.keep, pair.duplicate)))
        second[pair.duplicate] = pair.keep
        words = ", ".join(pair.evidence)
        remedy = f"Decide whether they are one person ({pair.grade}): {words}."
        _add(book, "duplicate_patient", file, (pair.duplicate, pair.keep), lines, remedy)
    for why, a, b in look_alikes(p for p in people if p.key not in second):
        apart.setdefault(frozenset((a, b)), (why, a, b))
    for why, a, b in apart.values():
        if why == _UNCLEAR:
            _add(book, "namesake_unclear", file, (b, a), lines, why)
        else:
            _add(book, "look_alike", file, (b, a), lines, f"Keep them apart. {why}")
    for first_line, line, text in _shared_charts(source.snapshot, connection, same):
        place = Place(file, line, "chart_no", shape(text, 40),
                      "Give one of the two people another chart number.", first_line)  # fmt: skip
        book.add("chart_number_shared", place)


def look_alikes(people: Iterable[Identity]) -> Iterator[tuple[str, str, str]]:
    """Yield (why, earlier key, later key) of people who must not be taken for one unasked."""
    by_trait: dict[tuple[str, ...], list[Identity]] = defaultdict(list)
    for p in people:
        if p.last and p.first and p.birth_date:
            by_trait["twins", p.last, p.birth_date].append(p)
            by_trait["namesakes", p.last, p.first].append(p)
    for (kind, *_), members in by_trait.items():
        if len(members) > _CROWD:
            continue
        for a, b in combinations(members, 2):
            if not _one_household(a, b):
                continue
            if kind == "twins" and a.first != b.first:
                yield _TWINS, a.key, b.key
            elif kind == "namesakes" and a.birth_date != b.birth_date:
                yield _namesakes(a, b), a.key, b.key


def _namesakes(a: Identity, b: Identity) -> str:
    """Return what two people of one name and household are: two generations, or unclear."""
    years = abs(int((a.birth_date or "0")[:4]) - int((b.birth_date or "0")[:4]))
    apart = a.suffix != b.suffix or years >= _GENERATION_YEARS
    return _NAMESAKES if apart else _UNCLEAR


def _one_household(a: Identity, b: Identity) -> bool:
    account = a.account_key is not None and a.account_key == b.account_key
    street = bool(a.street) and (a.street, a.zip) == (b.street, b.zip)
    return account or street


def _shared_charts(
    snapshot: Snapshot, connection: duckdb.DuckDBPyConnection, same: set[frozenset[str]]
) -> Iterator[tuple[int, int, str]]:
    """Yield (earlier line, later line, chart number) of different people's rows."""
    key = snapshot.profile.objects["patient"].key[0].column
    rows = connection.execute(
        f"""
        SELECT chart_no, list({{'k': regexp_replace("{key}", '\\.0+$', ''), 'l': {LINE}}}
                              ORDER BY {LINE})
        FROM patients WHERE chart_no IS NOT NULL
        GROUP BY chart_no HAVING count(*) BETWEEN 2 AND {_CROWD} ORDER BY min({LINE})
        """
    )
    while chunk := rows.fetchmany(1_000):
        for text, members in chunk:
            first = members[0]
            for other in members[1:]:
                pair = frozenset((first["k"], other["k"]))
                if len(pair) > 1 and pair not in same:
                    yield first["l"], other["l"], text


def _add(
    book: DefectBook,
    name: str,
    file: str,
    pair: tuple[str, str],
    lines: Mapping[str, int],
    remedy: str,
) -> None:
    at, other = (lines.get(key, 0) for key in pair)
    book.add(name, Place(file, at, "", "", remedy, other))
