"""Which Zoho user owns a provider's records, and on what evidence.

E-mail first, then NPI, then name; each only where it points at exactly one provider and one active
user. An address or number that two people share is no evidence. What remains goes to the fallback
user and is flagged: no record is ever written to an unresolved owner.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bridgework_contracts.errors import MappingError
from bridgework_contracts.runs import OwnerDecision

Row = Mapping[str, Any]

_NPI = re.compile(r"[12][0-9]{9}")
_NPI_PREFIX_SUM = 24
"""The prefix 80840 that an NPI is checked with adds 24. Source: CMS NPI check digit."""

_NOT_WORD = re.compile(r"[^a-z ]+")
_TITLES = frozenset(
    {"dr", "mr", "mrs", "ms", "miss", "prof", "dds", "dmd", "rdh", "md", "phd", "pc"}
)
_NOT_PEOPLE = frozenset({"non-person"})


def resolve_owners(
    providers: Iterable[Row], users: Iterable[Row], fallback_user_id: str
) -> list[OwnerDecision]:
    """Return one decision per provider, in the providers' order.

    Args:
        providers: ``fields`` of canonical provider records, with ``file`` and ``line`` where known.
        users: Rows of ``GET /users``: id, email, full_name or first_name/last_name, status, and
            ``NPI`` (or ``NPI__c``) where the org has the field. Inactive users are not used.
        fallback_user_id: Owner where no evidence is found; flagged for review.

    Raises:
        MappingError: no fallback user is named, or it is an inactive user.
    """
    people = [dict(provider) for provider in providers]
    everyone = list(users)
    active = [user for user in everyone if _is_active(user)]
    _check_fallback(fallback_user_id, everyone, active)
    links = [
        ("email", False, _links(people, active, _provider_email, _user_email)),
        ("npi", True, _links(people, active, _provider_npi, _user_npi)),
        ("name", True, _links(people, active, _provider_name, _user_name)),
    ]
    decisions = []
    for provider in people:
        key = str(provider["key"])
        for evidence, review, found in links:
            if key in found:
                others = {more[key] for _, _, more in links if key in more}
                decisions.append(
                    OwnerDecision(
                        provider_key=key,
                        user_id=found[key],
                        evidence=evidence,
                        review=review or len(others) > 1,
                        **_place(provider),
                    )
                )
                break
        else:
            decisions.append(
                OwnerDecision(
                    provider_key=key,
                    user_id=fallback_user_id,
                    evidence="fallback",
                    review=True,
                    **_place(provider),
                )
            )
    return decisions


def _place(provider: Row) -> dict[str, Any]:
    return {"file": provider.get("file", ""), "line": provider.get("line", 0)}


def is_valid_npi(text: str) -> bool:
    """Tell whether a ten-digit NPI has the right check digit."""
    if not _NPI.fullmatch(text):
        return False
    total = _NPI_PREFIX_SUM + int(text[9])
    for place, digit in enumerate(text[:9]):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number  # noqa: PLR2004  # Luhn: digits of a double
    return total % 10 == 0


def normal_name(text: str) -> str:
    """Return a name for comparison: no accents, titles, degrees or punctuation; words in order.

    ``Nakagawa, Rainer DDS`` and ``Dr. Rainer Nakagawa`` are the same.
    """
    if text.count(",") >= 1:
        last, _, first = text.partition(",")
        if _words(last) and _words(first):
            text = f"{first} {last}"
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    spaced = _NOT_WORD.sub(" ", plain.replace("'", ""))
    return [word for word in spaced.split() if word not in _TITLES]


def _links(
    providers: Sequence[Row],
    users: Sequence[Row],
    of_provider: Callable[[Row], str | None],
    of_user: Callable[[Row], str | None],
) -> dict[str, str]:
    """Return provider key → user id where the evidence is one person's on both sides."""
    provider_counts = Counter(value for row in providers if (value := of_provider(row)))
    user_counts = Counter(value for row in users if (value := of_user(row)))
    user_ids = {of_user(row): str(row["id"]) for row in users}
    return {
        str(row["key"]): user_ids[value]
        for row in providers
        if (value := of_provider(row)) and provider_counts[value] == 1 and user_counts[value] == 1
    }


def _check_fallback(fallback: str, users: Sequence[Row], active: Sequence[Row]) -> None:
    if not fallback:
        raise MappingError("A fallback user is needed.", code="no_fallback_user")
    known = {str(user["id"]) for user in users}
    if fallback in known and fallback not in {str(user["id"]) for user in active}:
        raise MappingError(
            "The fallback user is inactive in Zoho; name an active one.", code="fallback_inactive"
        )


def _is_active(user: Row) -> bool:
    return str(user.get("status") or "active").casefold() == "active"


def _provider_email(row: Row) -> str | None:
    return _email(row.get("email"))


def _user_email(row: Row) -> str | None:
    return _email(row.get("email"))


def _email(value: Any) -> str | None:
    return value.strip().casefold() or None if isinstance(value, str) else None


def _provider_npi(row: Row) -> str | None:
    return _npi(row.get("npi"))


def _user_npi(row: Row) -> str | None:
    return _npi(row.get("NPI") or row.get("NPI__c") or row.get("npi"))


def _npi(value: Any) -> str | None:
    text = str(value).strip() if value is not None else ""
    return text if is_valid_npi(text) else None


def _provider_name(row: Row) -> str | None:
    if str(row.get("type") or "").casefold() in _NOT_PEOPLE:
        return None
    return _full_name(row)


def _user_name(row: Row) -> str | None:
    return normal_name(str(row.get("full_name") or "")) or _full_name(row)


def _full_name(row: Row) -> str | None:
    first, last = row.get("first_name"), row.get("last_name")
    return normal_name(f"{first} {last}") or None if first and last else None
