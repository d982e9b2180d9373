"""Proposals of people who stand twice in the practice, with the evidence; a person decides.

Blocking keeps it far from comparing everybody with everybody. ``auto`` means that the evidence
leaves no other reading; Jr/Sr, twins and people who merely share a household never get it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from bridgework_dental_exec.canonical import CanonicalSource
from bridgework_dental_exec.context import fold_name, stream_cells

_BLOCK_LIMIT = 60
_COMMON_NAME = 2
_SHORTEST_NAME = 2
_NEAR_NAME = 0.84
_REVIEW_FROM = 0.55
_NICKNAMES = (
    ("alexander", "alex"), ("alexandra", "alex", "sandra"), ("andrew", "andy", "drew"),
    ("anthony", "tony"), ("benjamin", "ben"), ("catherine", "cathy", "kate", "katie", "kathy"),
    ("katherine", "cathy", "kate", "katie", "kathy"), ("charles", "charlie", "chuck"),
    ("christopher", "chris"), ("christina", "chris", "tina"), ("daniel", "dan", "danny"),
    ("david", "dave"), ("deborah", "debbie", "deb"), ("donald", "don"), ("dorothy", "dot"),
    ("edward", "ed", "eddie", "ted"), ("elizabeth", "liz", "beth", "betty", "eliza", "lisa"),
    ("frances", "fran"), ("frederick", "fred"), ("gregory", "greg"), ("jacob", "jake"),
    ("james", "jim", "jimmy", "jamie"), ("jeffrey", "jeff"), ("jennifer", "jen", "jenny"),
    ("jessica", "jess"), ("john", "jack", "johnny"), ("jonathan", "jon"), ("joseph", "joe"),
    ("joshua", "josh"), ("kenneth", "ken"), ("kimberly", "kim"), ("lawrence", "larry"),
    ("margaret", "maggie", "meg", "peggy"), ("matthew", "matt"), ("michael", "mike", "mick"),
    ("nancy", "nan"), ("nathaniel", "nate", "nathan"), ("nicholas", "nick"), ("pamela", "pam"),
    ("patricia", "pat", "patty", "trish"), ("patrick", "pat"), ("peter", "pete"),
    ("philip", "phil"), ("rebecca", "becky"), ("richard", "rick", "dick", "rich"),
    ("robert", "bob", "rob", "bobby", "robbie"), ("ronald", "ron"), ("samantha", "sam"),
    ("samuel", "sam"), ("stephen", "steve"), ("steven", "steve"), ("susan", "sue"),
    ("theodore", "ted", "theo"), ("theresa", "terry", "tess"), ("thomas", "tom", "tommy"),
    ("timothy", "tim"), ("victoria", "vicky", "tori"), ("vincent", "vince"),
    ("walter", "walt"), ("william", "bill", "will", "billy", "liam"), ("zachary", "zach"),
)  # fmt: skip
_SAME_PERSON_NAMES: dict[str, frozenset[str]] = {}
for _family in _NICKNAMES:
    for _name in _family:
        _SAME_PERSON_NAMES[_name] = _SAME_PERSON_NAMES.get(_name, frozenset()) | frozenset(_family)
_SUFFIX = re.compile(r"(?<![a-z])(jr|sr|ii|iii|iv)\.?$", re.IGNORECASE)
_GENERIC_SSN = {"", "0000", "000000000", "999999999", "123456789", "111111111"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What of a patient speaks for being the same person as another."""

    key: str
    last: str
    first: str
    middle: str
    suffix: str
    birth_date: str | None
    gender: str | None
    ssn: str
    """Digits that are printed: nine, the last four, or none."""
    phones: frozenset[str]
    email: str | None
    street: str
    zip: str
    account_key: str | None
    subscriber_id: str | None
    created_at: str
    status: str
    history: bool
    """True where the patient was ever seen."""
    alive: bool = True


@dataclass(frozen=True, slots=True)
class DuplicateProposal:
    """Two rows that may be one person.

    Attributes:
        keep: Key of the row to keep (the one with history, else the older).
        duplicate: Key of the other row.
        evidence: Words such as ``birth date same``, ``last name near``; never values.
        score: 0 to 1.
        grade: ``auto`` where no other reading is left, else ``review``.
    """

    keep: str
    duplicate: str
    evidence: tuple[str, ...]
    score: float
    grade: Literal["auto", "review"]


def identities(source: CanonicalSource) -> Iterator[Identity]:
    """Yield the identity of every present patient, social security number included.

    Deleted patients take part too: they may be the row somebody cleaned up already.
    """
    context = source.context
    reader = context.reader("patient")
    ssn_column = "ssn" if "ssn" in context.profile.tables[reader.spec.table].columns else None
    extra = f', t."{ssn_column}"' if ssn_column else ""
    others = {line for n in context.reused.values() for line in n.other_lines}
    connection = context.snapshot.connect([reader.spec.table])
    try:
        for cells, line in stream_cells(connection, reader.spec, reader.columns, "", extra):
            row = reader.read(cells[: len(reader.columns)], line)
            if row.key and line not in others:
                yield _identity(row.key, row.values, cells[-1] if ssn_column else None)
    finally:
        connection.close()


def _identity(key: str, v: dict[str, Any], ssn: str | None) -> Identity:
    last = v["last_name"] or ""
    match = _SUFFIX.search(last)
    suffix = match[1].lower() if match else ""
    digits = re.sub(r"\D", "", ssn or "")
    phones = {p.split("x")[0] for n in ("home_phone", "work_phone", "cell_phone") if (p := v[n])}
    first_words = fold_words(v["first_name"])
    return Identity(
        key=key,
        last=fold_name(last[: match.start()] if match else last),
        first=first_words[0] if first_words else "",
        middle="".join(first_words[1:]) or fold_name(v["middle_name"]),
        suffix=suffix,
        birth_date=v["birth_date"],
        gender=v["gender"],
        ssn="" if digits in _GENERIC_SSN or len(digits) not in {4, 9} else digits,
        phones=frozenset(phones),
        email=v["email"],
        street=fold_name(v["address1"]),
        zip=(v["zip"] or "").split("-")[0].zfill(5) if v["zip"] else "",
        account_key=v["account_key"],
        subscriber_id=v["primary_subscriber_id"],
        created_at=v["created_at"] or "",
        status=(v["status"] or "").lower(),
        history=bool(v["first_visit"] or v["last_visit"]),
    )


def fold_words(text: str | None) -> list[str]:
    """Return a name's words, each folded."""
    return [w for w in (fold_name(p) for p in re.split(r"[\s\-]+", text or "")) if w]


def propose(patients: Iterable[Identity]) -> list[DuplicateProposal]:
    """Propose duplicate pairs, each person kept at most once per duplicate.

    Two rows are compared only where they share a telling trait (birth date and part of a name,
    phone or e-mail and first name, social security number, subscriber id, swapped names …);
    traits that more than 60 rows share tell nothing and are skipped.
    """
    people = list(patients)
    pairs: set[tuple[int, int]] = set()
    for members in _blocks(people).values():
        if 1 < len(members) <= _BLOCK_LIMIT:
            for i, a in enumerate(members):
                pairs.update((a, b) for b in members[i + 1 :])
    names = Counter(p.first for p in people)
    proposals = [p for a, b in sorted(pairs) if (p := _compare(people[a], people[b], names))]
    return sorted(_settle(proposals), key=lambda p: (-p.score, p.keep, p.duplicate))


def _blocks(people: list[Identity]) -> dict[tuple[str, ...], list[int]]:
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, p in enumerate(people):
        keys: set[tuple[str, ...]] = set()
        if p.birth_date:
            keys.add(("born+last", p.birth_date, p.last[:3]))
            keys.add(("born+first", p.birth_date, p.first[:3]))
            keys.add(("born+swapped", p.birth_date, *sorted((p.first[:3], p.last[:3]))))
            if p.street:
                keys.add(("born+street", p.birth_date, p.street))
        if p.last and p.first:
            keys.add(("name", p.last, p.first))
            keys.add(("name", *sorted((p.last, p.first)), "swapped"))
            keys.add(("sound", p.last[:4], p.first[:2], p.zip))
        if p.ssn:
            keys.add(("ssn", p.ssn[-4:], p.first[:1]))
        keys.update(("phone", phone, p.first[:1]) for phone in p.phones)
        if p.email:
            keys.add(("email", p.email, p.first[:1]))
        if p.subscriber_id:
            keys.add(("subscriber", p.subscriber_id, p.first[:1]))
        if p.account_key:
            keys.add(("account", p.account_key, p.first[:2]))
        for key in keys:
            blocks[key].append(at)
    return blocks


def _compare(a: Identity, b: Identity, names: Mapping[str, int]) -> DuplicateProposal | None:
    if not (a.last and b.last and a.first and b.first):
        return None
    first, last, swapped = _first_name(a, b), _last_name(a, b), False
    if a.first == b.last and a.last == b.first and a.first != a.last:
        first = last = "same"
        swapped = True
    born = _birth_dates(a.birth_date, b.birth_date)
    ssn = _ssn(a.ssn, b.ssn)
    if "other" in {first, last} and not (
        "same" in {first, last} and born == "same" and ssn == "same"
    ):
        married = last == "other" and first == "same" and born == "same"
        if not married:
            return None
    if first == "initial" and born != "same":
        return None
    if born == "other" and ssn != "same":
        return None
    evidence = [f"first name {first}", f"last name {last}", f"birth date {born}"]
    if swapped:
        evidence.append("names swapped")
    score = _NAME_SCORE[first] + _NAME_SCORE[last] + _BORN_SCORE[born]
    score += _support(a, b, ssn, evidence)
    against = _against(a, b, ssn, first, born, names)
    evidence += against
    score = max(0.0, min(1.0, score - 0.3 * len(against)))
    if score < _REVIEW_FROM:
        return None
    support = sum(
        e in {"ssn same", "phone same", "e-mail same", "street same", "subscriber id same",
              "account same"}
        for e in evidence
    )  # fmt: skip
    certain = (
        not against
        and not swapped
        and born == "same"
        and (
            (first in {"same", "nickname"} and last in {"same", "part"} and support >= 1)
            or (first == "near" and last == "same" and ssn == "same" and support >= 2)  # noqa: PLR2004
            or (first == "same" and last == "near" and support >= 2)  # noqa: PLR2004
            or (first == "same" and last == "other" and support >= 3)  # noqa: PLR2004
        )
    )
    keep, duplicate = _keep(a, b)
    return DuplicateProposal(
        keep.key, duplicate.key, tuple(evidence), round(score, 2), "auto" if certain else "review"
    )


_NAME_SCORE = {"same": 0.2, "nickname": 0.17, "near": 0.14, "part": 0.17, "initial": 0.08,
               "other": 0.0}  # fmt: skip
_BORN_SCORE = {
    "same": 0.3,
    "digits swapped": 0.18,
    "one digit": 0.12,
    "unknown": 0.06,
    "other": 0.0,
}


def _first_name(a: Identity, b: Identity) -> str:
    if a.first == b.first:
        return "same"
    if b.first in _SAME_PERSON_NAMES.get(a.first, frozenset()):
        return "nickname"
    short, long = sorted((a.first, b.first), key=len)
    if len(short) == 1 and long.startswith(short):
        return "initial"
    if _near(a.first, b.first):
        return "near"
    return "other"


def _last_name(a: Identity, b: Identity) -> str:
    if a.last == b.last:
        return "same"
    short, long = sorted((a.last, b.last), key=len)
    if len(short) > 2 and (long.startswith(short) or long.endswith(short)):  # noqa: PLR2004
        return "part"
    return "near" if _near(a.last, b.last) else "other"


def _near(a: str, b: str) -> bool:
    """True for a misspelling: one slip in a short name, two in a long one."""
    slips = DamerauLevenshtein.distance(a, b)
    allowed = 1 if min(len(a), len(b)) < 8 else 2  # noqa: PLR2004 - long names
    return (
        slips <= allowed
        and min(len(a), len(b)) > _SHORTEST_NAME
        and (JaroWinkler.similarity(a, b) >= _NEAR_NAME)
    )


def _birth_dates(a: str | None, b: str | None) -> str:
    if a is None or b is None:
        return "unknown"
    if a == b:
        return "same"
    if sorted(a) == sorted(b) and DamerauLevenshtein.distance(a, b) <= 2:  # noqa: PLR2004
        return "digits swapped"
    day_month = a[:4] == b[:4] and a[5:7] == b[8:] and a[8:] == b[5:7]
    if day_month:
        return "digits swapped"
    return "one digit" if DamerauLevenshtein.distance(a, b) == 1 else "other"


def _ssn(a: str, b: str) -> str:
    if not a or not b:
        return "unknown"
    return "same" if a[-4:] == b[-4:] and (len(a) != len(b) or a == b) else "other"


def _support(a: Identity, b: Identity, ssn: str, evidence: list[str]) -> float:
    score = 0.0
    for name, worth, holds in (
        ("ssn same", 0.25, ssn == "same"),
        ("phone same", 0.12, bool(a.phones & b.phones)),
        ("e-mail same", 0.1, a.email is not None and a.email == b.email),
        ("street same", 0.12, bool(a.street) and a.street == b.street),
        ("subscriber id same", 0.12, bool(a.subscriber_id) and a.subscriber_id == b.subscriber_id),
        ("account same", 0.06, a.account_key is not None and a.account_key == b.account_key),
    ):
        if holds:
            evidence.append(name)
            score += worth
    return score


def _against(
    a: Identity, b: Identity, ssn: str, first: str, born: str, names: Mapping[str, int]
) -> list[str]:
    """Return what speaks against one person; any of it keeps the pair out of ``auto``."""
    found = []
    if a.suffix != b.suffix:
        found.append("suffix differs")
    if a.gender and b.gender and {a.gender, b.gender} == {"Male", "Female"}:
        found.append("gender differs")
    if born == "other":
        found.append("birth date differs")
    elif born in {"digits swapped", "one digit"} and ssn != "same":
        found.append("birth date unsure")
    if first in {"near", "initial"} and ssn != "same":
        if ssn == "other":
            found.append("ssn differs")
        if a.history and b.history:
            found += ["both seen", "first names differ"]
        elif min(names[a.first], names[b.first]) > _COMMON_NAME:
            found.append("both given names are in use")
    return found


def _keep(a: Identity, b: Identity) -> tuple[Identity, Identity]:
    """Keep the row with history, then the living one, then the older."""

    def rank(p: Identity) -> tuple[bool, bool, str, int, str]:
        gone = p.status in {"deleted", "archived"}
        return (not p.history, gone, p.created_at or "9", len(p.key), p.key)

    first, second = sorted((a, b), key=rank)
    return first, second


def _settle(proposals: list[DuplicateProposal]) -> list[DuplicateProposal]:
    """Keep one proposal per duplicate row: the strongest; a kept row is not proposed away."""
    taken: set[str] = set()
    kept_rows: set[str] = set()
    settled = []
    for p in sorted(proposals, key=lambda p: (-p.score, p.grade, p.keep, p.duplicate)):
        if p.duplicate in taken or p.duplicate in kept_rows or p.keep in taken:
            continue
        taken.add(p.duplicate)
        kept_rows.add(p.keep)
        settled.append(p)
    return settled
