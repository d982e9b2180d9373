"""Owner resolution: evidence in order, shared evidence refused, fallback flagged."""

from typing import Any

import pytest
from bridgework_contracts.errors import MappingError
from bridgework_mapping.owners import is_valid_npi, normal_name, resolve_owners

NPI = "1999492790"
USERS: list[dict[str, Any]] = [
    {"id": "1", "full_name": "Emeka Abernathy", "email": "E.Abernathy@x.example"},
    {"id": "2", "full_name": "Someone Else", "email": "other@x.example", "NPI": NPI},
    {"id": "3", "first_name": "Dr. Kavita", "last_name": "Fersley", "email": "k@x.example"},
    {"id": "4", "full_name": "Gone Person", "email": "gone@x.example", "status": "disabled"},
    {"id": "9", "full_name": "Fallback", "email": "fallback@x.example", "status": "active"},
]


def decide(**provider: Any) -> tuple[str, str, bool]:
    """Return (user, evidence, review) for one provider."""
    (decision,) = resolve_owners([{"key": "11"} | provider], USERS, "9")
    assert decision.provider_key == "11"
    return decision.user_id, decision.evidence, decision.review


def test_email_is_evidence_whatever_its_case() -> None:
    """The first and strongest evidence needs no review."""
    assert decide(email=" e.abernathy@X.example ") == ("1", "email", False)


def test_npi_is_evidence_with_the_right_check_digit_only() -> None:
    """One wrong digit and it is nobody's number."""
    assert decide(npi=NPI) == ("2", "npi", True)
    assert decide(npi="1999492791") == ("9", "fallback", True)


def test_name_is_evidence_after_titles_are_taken_off() -> None:
    """Printed names come as ``Last, First DDS``."""
    assert decide(first_name="Kavita", last_name="Fersley, RDH") == ("3", "name", True)


def test_a_decision_says_where_the_provider_stands_in_the_export() -> None:
    """A person who must look needs file and line."""
    (decision,) = resolve_owners([{"key": "11", "file": "providers.csv", "line": 4}], USERS, "9")
    assert (decision.file, decision.line) == ("providers.csv", 4)


def test_inactive_users_are_not_used() -> None:
    """Zoho refuses an inactive owner."""
    assert decide(email="gone@x.example") == ("9", "fallback", True)


def test_a_shared_email_is_no_evidence() -> None:
    """Two hygienists with the office's address stay unresolved."""
    rows = [{"key": "1", "email": "k@x.example"}, {"key": "2", "email": "K@x.example"}]
    assert [d.evidence for d in resolve_owners(rows, USERS, "9")] == ["fallback", "fallback"]


def test_an_email_two_users_have_is_no_evidence() -> None:
    """Shared on Zoho's side is shared as well."""
    users = [{"id": "1", "email": "a@x.example"}, {"id": "2", "email": "a@x.example"}]
    (decision,) = resolve_owners([{"key": "1", "email": "a@x.example"}], users, "9")
    assert decision.evidence == "fallback"


def test_contradicting_evidence_is_reviewed() -> None:
    """The e-mail wins, a person looks."""
    assert decide(email="k@x.example", npi=NPI) == ("3", "email", True)


def test_a_role_is_not_matched_by_name() -> None:
    """``OFFICE`` is on procedures, and is nobody."""
    provider = {"type": "Non-person", "first_name": "Emeka", "last_name": "Abernathy"}
    assert decide(**provider) == ("9", "fallback", True)


def test_fallback_must_be_named_and_active() -> None:
    """Otherwise unresolved owners would come back through the fallback."""
    with pytest.raises(MappingError, match="fallback user is needed"):
        resolve_owners([], USERS, "")
    with pytest.raises(MappingError, match="inactive"):
        resolve_owners([], USERS, "4")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Dr. Rainer Nakagawa", "rainer nakagawa"),
        ("Nakagawa, Rainer DDS", "rainer nakagawa"),
        ("José O'Brien, DMD", "jose obrien"),
        ("Smith-Jones, Ann", "ann smith jones"),
    ],
)
def test_names_are_normalised(text: str, normal: str) -> None:
    """Accents, titles, degrees, order."""
    assert normal_name(text) == normal


def test_npi_check_digit() -> None:
    """The published example of the check digit, and its neighbours."""
    assert is_valid_npi("1234567893")
    assert not is_valid_npi("1234567894")
    assert not is_valid_npi("3234567893")
    assert not is_valid_npi("123456789")
