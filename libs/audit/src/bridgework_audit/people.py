"""What is odd about the people who work there: e-mails, NPIs, initials two of them share."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from bridgework_contracts.records import Provenance
from bridgework_dental_exec.quarantine import shape
from bridgework_dental_exec.records import Provider

from bridgework_audit.book import DefectBook, Place

_CLINICIANS: Final = frozenset({"dentist", "hygienist"})
_NOBODY: Final = frozenset({"non-person", "nonperson"})


def add_provider_defects(
    book: DefectBook,
    providers: Iterable[Provider],
    by_initials: Mapping[str, tuple[str, ...]],
) -> None:
    """Put down what makes resolving owners hard.

    Args:
        book: Where defects are put down.
        providers: All providers, in file order.
        by_initials: Initials → keys of the providers who have them.
    """
    known = {p.key: p for p in providers}
    by_email: dict[str, list[Provider]] = defaultdict(list)
    for person in known.values():
        kind = (person.type or "").lower()
        if kind in _NOBODY:
            continue
        if person.email is None and person.active is False:
            _add(book, "provider_departed_without_email", person, "email", "",
                 "Records go to the fallback user: name a successor, or leave it so.")  # fmt: skip
        elif person.email is None:
            _add(book, "provider_email_blank", person, "email", "",
                 "Enter the e-mail the person uses in Zoho.")  # fmt: skip
        else:
            by_email[person.email.lower()].append(person)
        if person.npi is None and kind in _CLINICIANS:
            _add(book, "npi_blank", person, "npi", "", "Enter the NPI.")
    for email, people in by_email.items():
        for person in people[1:]:
            _add(book, "provider_email_shared", person, "email", email,
                 "Give each person an e-mail of their own.", people[0])  # fmt: skip
    for letters, keys in sorted(by_initials.items()):
        people = sorted((known[k] for k in keys if k in known), key=_line)
        for person in people[1:]:
            _add(book, "shared_initials", person, "last", letters,
                 "Notes signed with these initials are nobody's for sure: decide who wrote them.",
                 people[0])  # fmt: skip


def _line(person: Provider) -> int:
    return _at(person).line


def _at(person: Provider) -> Provenance:
    return person.provenance[0] if person.provenance else Provenance(file="providers.csv", line=0)


def _add(
    book: DefectBook,
    name: str,
    person: Provider,
    column: str,
    text: str,
    remedy: str,
    other: Provider | None = None,
) -> None:
    at = _at(person)
    place = Place(at.file, at.line, column, shape(text, 40), remedy, _line(other) if other else 0)
    book.add(name, place)
